//! Bookings through the ledger: whichever order their messages come in, and however they are cut into batches, one booking
//! is one conversion in one state, and who is told of it counts it once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::json;
use tributary_domain::{
    booking::{BookingFacts, FollowUp, FollowUpKind, KeyScope, Paid, Role, Stage, State, Why},
    id::{EventId, MessageId, SourceId, TenantId},
    partition::{Partition, PartitionSet},
    retention::days,
    time::Timestamp,
    workflow::event::{EventDraft, RunOutcome, RunPlan},
};

use super::sample;
use crate::{
    Packed, Page, Store, StoreError,
    conversion::{ConversionFilter, ConversionRecord},
    delivery::DeliveryState,
    entity::*,
    ledger::{
        Attempt, Destinations, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, PlannedRun, Work,
    },
    retention::{Sweep, Swept},
    support::{on_each_database, tenant},
};

const FOLLOW_UP: FollowUp = FollowUp {
    retract_cancelled: true,
    retract_no_show: true,
    restate_rescheduled: true,
    restate_paid: true,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

async fn started(store: &Store) -> LedgerState {
    let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, at(1)).await;
    store.ledger_state(claim.expect("claims").0, at(1)).await.expect("reads")
}

/// A ledger and a tenant, with which messages are made and applied.
struct Scene<'a> {
    store: &'a Store,
    tenant: TenantId,
    state: LedgerState,
    arrived: u64,
    template: MessagePlan,
}

impl<'a> Scene<'a> {
    async fn on(store: &'a Store) -> Self {
        let record = tenant(store, 1).await;
        let template = MessagePlan {
            tenant: record.id,
            source: sample::source(),
            message: sample::message_id(1),
            sequence: 1,
            partition: Partition::of(record.id),
            origin: Origin::Journal,
            received: at(1),
            signature: "UNSIGNED",
            trace_parent: None,
            headers: "[]".to_owned(),
            body: Packed::of(b"{}"),
            record: Bytes::from_static(b"record"),
            facts: MessageFacts { cluid_status: "MISSING", ..MessageFacts::default() },
            config_rev: record.config_rev.cast_signed(),
            settings: Arc::new(record.settings),
            destinations: Arc::new(Destinations {
                all: [sample::destination()].into(),
                ..Destinations::default()
            }),
            is_test: false,
            work: Work::Apply(Vec::new()),
        };
        Self { store, tenant: record.id, state: started(store).await, arrived: 0, template }
    }

    /// Message number `number`, which says this of a booking; what makes a booking makes an event of it.
    fn plan(&self, number: u64, booking: &BookingFacts) -> MessagePlan {
        let draft: EventDraft = serde_json::from_value(json!({
            "index": 0, "kind": "track", "name": "Schedule", "time": 1, "dedupe_id": null,
            "identifiers": [{"kind": "email", "value": "ann@example.com"}], "rejected": [], "traits": {},
            "attributes": {"key": booking.key}, "groups": {}, "group_traits": {}, "consents": {},
        }))
        .expect("a draft");
        let outcome = RunOutcome::Events(vec![Arc::new(draft)]);
        let run = PlannedRun {
            plan: RunPlan { workflow: sample::workflow(), version: 1, outcome },
            destinations: vec![vec![sample::destination()]],
            delay: Duration::ZERO,
            follow_up: Some(FOLLOW_UP),
        };
        let makes_event = matches!(booking.stages[0], Stage::Created | Stage::Rescheduled);
        MessagePlan {
            message: sample::message_id(number),
            sequence: number,
            received: Timestamp::from_millis(number.cast_signed()),
            facts: MessageFacts { booking: Some(booking.clone()), ..self.template.facts.clone() },
            work: Work::Apply(if makes_event { vec![run] } else { Vec::new() }),
            ..self.template.clone()
        }
    }

    /// They arrive in this order, whatever their ids say of when each was sent.
    async fn apply(&mut self, mut plans: Vec<MessagePlan>) {
        for plan in plans.iter_mut().filter(|plan| plan.origin == Origin::Journal) {
            self.arrived += 1;
            plan.sequence = self.arrived;
        }
        let attempt = self.store.apply(&mut self.state, &LedgerBatch::new(plans), at(9)).await;
        assert!(matches!(attempt, Ok(Attempt::Committed(_))), "{attempt:?}");
    }

    async fn conversion(&self, key: &str) -> ConversionRecord {
        let found = self.store.tenant(self.tenant).conversion_by_key(None, key).await.expect("reads");
        found.expect("a conversion")
    }

    /// What a receiver makes of everything that it is sent of these messages: what stands, with how often it was restated.
    async fn account(&self, messages: &[MessageId]) -> Account {
        let scope = self.store.tenant(self.tenant);
        let mut account = Account::default();
        let mut follow_ups = Vec::new();
        for message in messages {
            let sent: BTreeSet<EventId> = scope
                .message_deliveries(*message)
                .await
                .expect("reads")
                .into_iter()
                .map(|delivery| {
                    assert_eq!(delivery.state, DeliveryState::Pending);
                    delivery.event
                })
                .collect();
            for event in scope.message_events(*message).await.expect("reads") {
                match event.data.role {
                    None => {
                        assert!(sent.contains(&event.id), "it was told");
                        account.stands.insert(event.id, 0);
                    }
                    Some(Role::Withheld { .. }) => {
                        assert!(!sent.contains(&event.id), "it was told to nobody")
                    }
                    Some(Role::Follows { kind, of, why, .. }) => {
                        assert!(sent.contains(&event.id), "it was told");
                        follow_ups.push((kind, of, why));
                    }
                }
            }
        }
        for (kind, of, why) in follow_ups {
            let restated = account.stands.get_mut(&of).expect("what is followed was told");
            *restated += usize::from(kind == FollowUpKind::Restate);
            account.payments += usize::from(why == Why::Paid);
            if kind == FollowUpKind::Retract {
                assert!(account.retracted.insert(of), "it is taken back once");
            }
        }
        let retracted = &account.retracted;
        account.stands.retain(|event, _| !retracted.contains(event));
        account
    }
}

#[derive(Debug, Default, PartialEq)]
struct Account {
    stands: BTreeMap<EventId, usize>,
    retracted: BTreeSet<EventId>,
    payments: usize,
}

fn facts(key: String, stage: Stage) -> BookingFacts {
    BookingFacts {
        scope: KeyScope::Tenant,
        key,
        previous: None,
        next: None,
        stages: vec![stage],
        at: None,
        paid: None,
    }
}

/// A booking that is moved, paid for, and then ends so; in the order in which it happens.
fn history(name: &str, ending: Option<Stage>) -> Vec<BookingFacts> {
    let (old, new) = (format!("{name}/old"), format!("{name}/new"));
    let paid = Some(Paid { value: 49.5, currency: Some("EUR".to_owned()) });
    let mut all = vec![
        facts(old.clone(), Stage::Created),
        BookingFacts { next: Some(new.clone()), ..facts(old.clone(), Stage::Moved) },
        BookingFacts { previous: Some(old), ..facts(new.clone(), Stage::Rescheduled) },
        BookingFacts { paid, ..facts(new.clone(), Stage::Paid) },
    ];
    all.extend(ending.map(|ending| facts(new, ending)));
    all
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(count - 1).into_iter();
    shorter
        .flat_map(|order| {
            (0..count).map(move |place| {
                let mut order = order.clone();
                order.insert(place, count - 1);
                order
            })
        })
        .collect()
}

#[tokio::test]
async fn every_order_of_a_bookings_messages_ends_in_the_same_state_and_is_counted_once() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let mut rng = StdRng::seed_from_u64(1);
        let mut number = 0;
        for (ending, state) in [
            (None, State::Rescheduled),
            (Some(Stage::Cancelled), State::Cancelled),
            (Some(Stage::NoShow), State::NoShow),
        ] {
            let length = history("", ending).len();
            for (nth, order) in permutations(length).into_iter().enumerate() {
                let name = format!("{}/{nth}", state.code());
                let plans: Vec<MessagePlan> = history(&name, ending)
                    .iter()
                    .map(|booking| {
                        number += 1;
                        scene.plan(number, booking)
                    })
                    .collect();
                let messages: Vec<MessageId> = plans.iter().map(|plan| plan.message).collect();
                let arriving: Vec<MessagePlan> = order.iter().map(|place| plans[*place].clone()).collect();
                // Batches of some messages each.
                let mut rest = arriving.as_slice();
                while !rest.is_empty() {
                    let (batch, after) = rest.split_at(rng.random_range(1..=rest.len()));
                    scene.apply(batch.to_vec()).await;
                    rest = after;
                }
                let found = scene.conversion(&format!("{name}/new")).await;
                assert_eq!(scene.conversion(&format!("{name}/old")).await, found, "one booking");
                assert_eq!(found.state, state, "{order:?}");
                assert!(found.profile.is_some() && found.paid_at.is_some());
                let heard: Vec<MessageId> =
                    found.conversion.lineage.facts().iter().map(|fact| fact.message).collect();
                assert_eq!(heard, messages, "all of it, in the order of acceptance");
                let account = scene.account(&messages).await;
                assert_eq!(account.stands.len(), usize::from(ending.is_none()), "{order:?}: {account:?}");
                assert!(account.payments <= 1 && account.retracted.len() <= 1, "{order:?}: {account:?}");
                if ending.is_none() {
                    assert_eq!((account.payments, account.retracted.len()), (1, 0), "{order:?}: {account:?}");
                }

                // All of it again, as a replay has it.
                let mut again = plans.clone();
                again.shuffle(&mut rng);
                for plan in &mut again {
                    plan.origin = Origin::Held(1);
                }
                scene.apply(again).await;
                assert_eq!(scene.account(&messages).await, account, "{order:?}: nothing is told again");
                let after = scene.conversion(&format!("{name}/new")).await;
                assert_eq!((after.id, after.state), (found.id, state));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn parts_that_turn_out_to_be_one_booking_become_the_older_one() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let scope = scene.store.tenant(scene.tenant);
        let old = scene.plan(1, &facts("old".to_owned(), Stage::Created));
        let new = scene.plan(3, &facts("new".to_owned(), Stage::Created));
        scene.apply(vec![old, new]).await;
        let (first, second) = (scene.conversion("old").await, scene.conversion("new").await);
        assert_ne!(first.id, second.id);
        let link = BookingFacts { next: Some("new".to_owned()), ..facts("old".to_owned(), Stage::Moved) };
        scene.apply(vec![scene.plan(2, &link)]).await;
        let one = scene.conversion("new").await;
        assert_eq!((one.id, one.state), (first.id, State::Rescheduled));
        assert!(matches!(scope.conversion(second.id).await, Err(StoreError::NotFound { .. })));
        let account = scene.account(&[1, 2, 3].map(sample::message_id)).await;
        assert_eq!(account.stands.keys().collect::<Vec<_>>(), [&sample::event_id(3)], "as it is now");
        assert_eq!(account.retracted, BTreeSet::from([sample::event_id(1)]));
    })
    .await;
}

#[tokio::test]
async fn a_booking_of_which_too_much_is_heard_is_not_told_as_new() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let plans = |scene: &Scene<'_>, numbers: std::ops::RangeInclusive<u64>| -> Vec<MessagePlan> {
            numbers.map(|number| scene.plan(number, &facts("a".to_owned(), Stage::Created))).collect()
        };
        scene.apply(plans(&scene, 1..=64)).await;
        scene.apply(plans(&scene, 65..=66)).await;
        let messages: Vec<MessageId> = (1..=66).map(sample::message_id).collect();
        let account = scene.account(&messages).await;
        assert_eq!(account.stands, BTreeMap::from([(sample::event_id(1), 0)]));
    })
    .await;
}

#[tokio::test]
async fn nothing_follows_an_event_of_somebody_who_is_on_the_list_since() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let scope = scene.store.tenant(scene.tenant);
        let own = scene.tenant;
        let keys = ["a", "b"].map(str::to_owned);
        let created =
            (1..).zip(&keys).map(|(number, key)| scene.plan(number, &facts(key.clone(), Stage::Created)));
        scene.apply(created.collect()).await;
        let row = |destinations| suppression::Model {
            tenant_id: own.to_string(),
            key_hash: scope.suppression_id("email", "ann@example.com").bits().to_be_bytes().to_vec(),
            kind: "email".to_owned(),
            erased_until: None,
            listed_at: Some(9),
            label: String::new(),
            destinations,
            updated_at: 9,
        };
        let one = serde_json::to_string(&[sample::destination()]).expect("JSON");
        sample::write::<suppression::Entity>(scene.store, vec![row(Some(one))]).await;
        scene.state.suppressing.insert(scene.tenant);
        let cancelled = scene.plan(3, &facts(keys[0].clone(), Stage::Cancelled));
        scene.apply(vec![cancelled]).await;
        let events = scope.message_events(sample::message_id(3)).await.expect("reads");
        assert_eq!(events[0].data.withheld[0].destination, sample::destination());
        assert!(scope.message_deliveries(sample::message_id(3)).await.expect("reads").is_empty());

        let unlist = |txn: crate::txn::Txn| async move {
            use sea_orm::EntityTrait;
            suppression::Entity::delete_many().exec(txn.as_ref()).await?;
            Ok(())
        };
        scene.store.write_txn(crate::Lane::Ledger, "test", unlist).await.expect("writes");
        sample::write::<suppression::Entity>(scene.store, vec![row(None)]).await;
        let cancelled = scene.plan(4, &facts(keys[1].clone(), Stage::Cancelled));
        scene.apply(vec![cancelled]).await;
        assert!(scope.message_events(sample::message_id(4)).await.expect("reads").is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_was_paid_is_told_as_the_value_of_the_event_that_stands() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let paid = Some(Paid { value: 49.5, currency: Some("EUR".to_owned()) });
        let created = scene.plan(1, &facts("a".to_owned(), Stage::Created));
        let payment = scene.plan(2, &BookingFacts { paid, ..facts("a".to_owned(), Stage::Paid) });
        scene.apply(vec![created]).await;
        scene.apply(vec![payment]).await;
        let events = scene.store.tenant(scene.tenant).message_events(sample::message_id(2)).await;
        let events = events.expect("reads");
        let draft = &events[0].data.draft;
        assert_eq!(
            (&draft.attributes["value"], &draft.attributes["currency"]),
            (&json!(49.5), &json!("EUR"))
        );
        assert_eq!(draft.attributes["key"], json!("a"), "with all that the event said");
        assert_eq!(events[0].profile, scene.conversion("a").await.profile);
        let role = Role::Follows {
            kind: FollowUpKind::Restate,
            of: sample::event_id(1),
            after: None,
            why: Why::Paid,
        };
        assert_eq!(events[0].data.role, Some(role));
    })
    .await;
}

#[tokio::test]
async fn keys_are_those_of_a_source_or_of_the_tenant() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let own = |stage| BookingFacts { scope: KeyScope::Source, ..facts("7".to_owned(), stage) };
        let here = scene.plan(1, &own(Stage::Created));
        let there = MessagePlan { source: SourceId::new(1, 2), ..scene.plan(2, &own(Stage::Cancelled)) };
        scene.apply(vec![here, there]).await;
        let scope = scene.store.tenant(scene.tenant);
        let of =
            async |source| scope.conversion_by_key(source, "7").await.expect("reads").map(|one| one.state);
        assert_eq!(of(Some(sample::source())).await, Some(State::Booked));
        assert_eq!(of(Some(SourceId::new(1, 2))).await, Some(State::Cancelled));
        assert_eq!(of(None).await, None);
    })
    .await;
}

#[tokio::test]
async fn conversions_are_found_by_how_they_stand_whose_they_are_and_their_key() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let mut plans: Vec<MessagePlan> =
            (1..=4).map(|number| scene.plan(number, &facts(format!("{number}"), Stage::Created))).collect();
        plans.push(scene.plan(5, &facts("2".to_owned(), Stage::Cancelled)));
        // Of nobody.
        plans.push(scene.plan(6, &facts("6".to_owned(), Stage::NoShow)));
        scene.apply(plans).await;
        let scope = scene.store.tenant(scene.tenant);
        let profile = scene.conversion("1").await.profile;
        let list = async |filter: ConversionFilter<'static>, after: Option<&str>| {
            let after = match after {
                Some(key) => Some(scene.conversion(key).await.id),
                None => None,
            };
            let found = scope.conversions(filter, Page { after, limit: 2 }).await.expect("lists");
            let keys = found.items.iter().map(|one| one.conversion.lineage.facts()[0].message.millis());
            (keys.collect::<Vec<_>>(), found.next.is_some())
        };
        let all = ConversionFilter::default();
        assert_eq!(list(all, None).await, (vec![6, 4], true));
        assert_eq!(list(all, Some("4")).await, (vec![3, 2], true));
        assert_eq!(list(all, Some("2")).await, (vec![1], false));
        let state = |state| ConversionFilter { state: Some(state), ..all };
        assert_eq!(list(state(State::Cancelled), None).await, (vec![2], false));
        assert_eq!(list(state(State::Booked), None).await, (vec![4, 3], true));
        assert_eq!(list(state(State::Rescheduled), None).await, (Vec::new(), false));
        let theirs = ConversionFilter { profile, ..all };
        assert_eq!(list(theirs, Some("3")).await, (vec![2, 1], false));
        assert_eq!(list(ConversionFilter { key: Some((None, "3")), ..theirs }, None).await, (vec![3], false));
        assert_eq!(list(ConversionFilter { key: Some((None, "x")), ..all }, None).await, (Vec::new(), false));
    })
    .await;
}

#[tokio::test]
async fn a_conversion_of_which_nothing_is_heard_any_more_goes_with_the_logs() {
    on_each_database(async |database| {
        let mut scene = Scene::on(&database.store).await;
        let kept = scene.template.settings.retention;
        let late = days(1).as_millis() as u64;
        let old = scene.plan(1, &facts("old".to_owned(), Stage::Created));
        let alive = scene.plan(2, &facts("alive".to_owned(), Stage::Created));
        let heard = scene.plan(late, &facts("alive".to_owned(), Stage::NoShow));
        scene.apply(vec![old, alive, heard]).await;
        let sweep = async |now: Timestamp| {
            let mut sweep = Sweep::new(scene.store.clone());
            while sweep.step(now).await.expect("a step") != Swept::Done {}
        };
        let ends = Timestamp::from_millis(late.cast_signed()).plus(days(kept.logs_days));
        sweep(ends).await;
        let scope = scene.store.tenant(scene.tenant);
        assert_eq!(scope.conversion_by_key(None, "old").await, Ok(None));
        assert!(scope.conversion_by_key(None, "alive").await.expect("reads").is_some());
        sweep(ends.plus(days(1))).await;
        assert_eq!(scope.conversion_by_key(None, "alive").await, Ok(None));
        assert_eq!(rows::<conversion_key::Entity>(scene.store).await, 0, "no key is left");
    })
    .await;
}

async fn rows<E: sea_orm::EntityTrait>(store: &Store) -> u64
where
    E::Model: Sync,
{
    use sea_orm::PaginatorTrait;
    E::find().count(store.reader()).await.expect("counts")
}
