//! Random histories of events, erasures, replays and what is sent again, against a small model: a person is there exactly
//! when something that is later than their last erasure was processed since.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tributary_domain::id::{MessageId, ProfileId, TenantId};

use super::{super::sample, apply, at, event, forget, is_gone, ledger, message, owner, run, step};
use crate::{
    Page, Store,
    ledger::{Again, Fate, HoldAgain, LedgerState, Origin},
    operation::{Choice, NewOperation},
    support::{author, on_each_database, tenant},
};

/// How many histories are tried on each database.
const HISTORIES: u64 = 6;
/// Things that happen in each.
const STEPS: u64 = 40;
/// Few people, so that they meet their own past.
const PEOPLE: [&str; 3] = ["ann@example.com", "ben@example.com", "cid@example.com"];

/// A small generator, so that a seed gives the same history everywhere (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What was sent.
#[derive(Debug, Clone, Copy)]
struct Sent {
    number: u64,
    person: usize,
    time: i64,
    received: i64,
}

/// What has to be true, told from what happened alone.
#[derive(Debug, Default)]
struct Model {
    /// Until when each was erased.
    erased: [Option<i64>; PEOPLE.len()],
    is_there: [bool; PEOPLE.len()],
}

impl Model {
    /// Whether the message is processed.
    fn hears(&mut self, sent: Sent) -> bool {
        let is_from_before =
            self.erased[sent.person].is_some_and(|until| sent.time.min(sent.received) <= until);
        self.is_there[sent.person] |= !is_from_before;
        !is_from_before
    }

    fn erase(&mut self, person: usize, now: i64) {
        (self.erased[person], self.is_there[person]) = (Some(now), false);
    }
}

struct World<'a> {
    store: &'a Store,
    tenant: TenantId,
    ledger: LedgerState,
    model: Model,
    sent: Vec<Sent>,
    gone: BTreeSet<ProfileId>,
    /// Erasures that are under way, with their people.
    under_way: Vec<tributary_domain::id::OperationId>,
    now: i64,
    number: u64,
}

impl World<'_> {
    async fn send(&mut self, person: usize, time: i64) {
        self.number += 1;
        let sent = Sent { number: self.number, person, time, received: self.now };
        self.sent.push(sent);
        self.process(sent, Origin::Journal).await;
    }

    async fn process(&mut self, sent: Sent, origin: Origin) {
        let (email, body) = (PEOPLE[sent.person], format!("{{\"email\":\"{}\"}}", PEOPLE[sent.person]));
        let work = run(event(sent.time, &[("email", email)], &json!({})));
        let mut plan = message(self.store, self.tenant, sent.number, sent.received, &body, work).await;
        plan.origin = origin;
        apply(self.store, &mut self.ledger, plan, self.now).await;
        let is_processed = self.model.hears(sent);
        let line = self.store.tenant(self.tenant).message(sample::message_id(sent.number)).await;
        let line = line.expect("its line is there");
        let expected = if is_processed { Fate::Applied } else { Fate::Suppressed };
        assert_eq!((line.summary.fate, line.body_removed), (expected, !is_processed), "{sent:?}");
    }

    /// Has a message processed again, if there is still something to process.
    async fn replay(&mut self, sent: Sent) {
        let scope = self.store.tenant(self.tenant);
        let message: MessageId = sample::message_id(sent.number);
        self.number += 1;
        let id = tributary_domain::id::OperationId::new(self.number, 9);
        let choice = Choice::Messages { only: vec![message], filters: Vec::new() };
        let new = NewOperation { id, request: Vec::new(), choice };
        let Ok(begun) = scope.create_operation(&new, &author(self.now)).await else { return };
        scope.choose_items(&begun, at(self.now)).await.expect("chooses");
        let next =
            scope.next_replayed(id, 9, 1 << 20, at(self.now)).await.expect("reads").unwrap_or_default();
        let again: Vec<_> = next
            .into_iter()
            .map(|record| Again {
                message: record.summary.id,
                source: record.summary.source,
                sequence: record.summary.seq,
                record: bytes::Bytes::from_static(b"record"),
            })
            .collect();
        let is_any = !again.is_empty();
        let again = HoldAgain { tenant: self.tenant, operation: id, messages: again };
        self.store.hold_again(&mut self.ledger, &again, at(self.now)).await.expect("holds");
        let held = scope.held_messages(Page::first(9)).await.expect("lists").items;
        assert_eq!(!held.is_empty(), is_any);
        for held in held {
            self.process(sent, Origin::Held(held.position.cast_signed())).await;
        }
        scope.settle_replay(id, at(self.now)).await.expect("settles");
        let done = crate::operation::OperationState::Succeeded;
        scope.end_operation(id, done, None, at(self.now)).await.expect("ends");
    }

    async fn erase(&mut self, person: usize) {
        let Some(profile) = owner(self.store, self.tenant, PEOPLE[person]).await else { return };
        self.number += 1;
        let (number, now) = (self.number, self.now);
        // Each tenant has few operations at once.
        self.finish().await;
        let operation = forget(self.store, &mut self.ledger, self.tenant, profile, number, now).await;
        self.under_way.push(operation);
        self.gone.insert(profile);
        self.model.erase(person, now);
    }

    async fn finish(&mut self) {
        for operation in std::mem::take(&mut self.under_way) {
            while step(self.store, &mut self.ledger, self.tenant, operation, self.now).await {}
            let done = crate::operation::OperationState::Succeeded;
            let scope = self.store.tenant(self.tenant);
            scope.end_operation(operation, done, None, at(self.now)).await.expect("ends");
        }
    }

    async fn check(&self) {
        let mut owners = BTreeMap::new();
        for (person, email) in PEOPLE.iter().enumerate() {
            let owner = owner(self.store, self.tenant, email).await;
            assert_eq!(owner.is_some(), self.model.is_there[person], "{email}");
            if let Some(owner) = owner {
                assert!(!self.gone.contains(&owner), "{email} has the id of somebody who was erased");
                assert_eq!(owners.insert(owner, email), None);
            }
        }
        for profile in &self.gone {
            assert!(is_gone(self.store, self.tenant, *profile).await);
        }
    }
}

async fn history(store: &Store, tenant: TenantId, seed: u64) {
    let mut dice = Dice(seed);
    let mut world = World {
        store,
        tenant,
        ledger: ledger(store).await,
        model: Model::default(),
        sent: Vec::new(),
        gone: BTreeSet::new(),
        under_way: Vec::new(),
        now: 1_000,
        number: seed * 1_000,
    };
    for _ in 0..STEPS {
        world.now += 1;
        let person = dice.roll(PEOPLE.len() as u64) as usize;
        let earlier = world.sent.get(dice.roll(world.sent.len().max(1) as u64) as usize).copied();
        match (dice.roll(10), earlier) {
            (0..=2, _) => world.send(person, world.now).await,
            // Late: from some time before.
            (3, _) => world.send(person, world.now - dice.roll(20).cast_signed()).await,
            // The same, sent once more by its provider.
            (4 | 5, Some(sent)) => world.send(sent.person, sent.time).await,
            (6, Some(sent)) => world.replay(sent).await,
            (7, _) => world.erase(person).await,
            // As after a crash.
            (8, _) => world.ledger = ledger(store).await,
            _ => {
                for operation in world.under_way.clone() {
                    step(store, &mut world.ledger, tenant, operation, world.now).await;
                }
            }
        }
        world.check().await;
    }
    world.finish().await;
    world.check().await;
    for (person, email) in PEOPLE.iter().enumerate() {
        let Some(until) = world.model.erased[person] else { continue };
        for sent in world.sent.iter().filter(|sent| sent.person == person && sent.received <= until) {
            let line = store.tenant(tenant).message(sample::message_id(sent.number)).await.expect("is there");
            assert!(line.body_removed, "{email} is left in {sent:?}");
        }
    }
}

#[tokio::test]
async fn people_are_there_exactly_when_something_later_than_their_erasure_came() {
    on_each_database(async |database| {
        for seed in 1..=HISTORIES {
            println!("history {seed}");
            let own = tenant(&database.store, u128::from(seed)).await.id;
            history(&database.store, own, seed).await;
        }
    })
    .await;
}
