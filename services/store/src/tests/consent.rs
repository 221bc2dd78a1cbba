//! Consent through the ledger: whatever the order in which people say something, and however their messages are cut into
//! batches, an event goes where the rule and what its person said last allow it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tributary_domain::{
    booking::{BookingFacts, FollowUp, KeyScope, Stage},
    consent::ConsentRule,
    event::WithheldFor,
    id::{DestinationId, ProfileId},
    partition::{Partition, PartitionSet},
    time::Timestamp,
    workflow::event::{RunOutcome, RunPlan},
};

use super::sample;
use crate::{
    Packed,
    ledger::{Attempt, Destinations, LedgerBatch, MessageFacts, MessagePlan, Origin, PlannedRun, Work},
    support::{on_each_database, tenant},
    tenant::TenantRecord,
};

const EVENTS: u64 = 60;
const PEOPLE: u64 = 4;
const PURPOSES: [&str; 2] = ["ads", "mail"];

/// What one message says.
#[derive(Debug, Clone)]
struct Said {
    person: u64,
    /// In seconds; messages arrive in the order of their numbers, whatever this is.
    at: i64,
    consents: BTreeMap<&'static str, bool>,
}

fn destination(number: u128) -> DestinationId {
    DestinationId::new(7, number)
}

/// Asks for both, for one of them that may be unknown, and for nothing.
fn rules() -> Destinations {
    let rule = |purposes: &[&str], allow_unknown| ConsentRule {
        purposes: purposes.iter().map(|purpose| (*purpose).to_owned()).collect(),
        allow_unknown,
    };
    Destinations {
        all: (1..=3).map(destination).collect(),
        consents: [(destination(1), rule(&PURPOSES, false)), (destination(2), rule(&PURPOSES[..1], true))]
            .into(),
        ..Destinations::default()
    }
}

/// What is kept from whom, and why: the last word of each person on each purpose, kept beside the ledger.
fn expected(said: &[Said]) -> Vec<BTreeMap<DestinationId, (WithheldFor, &'static str)>> {
    let mut words: BTreeMap<(u64, &str), (i64, u64, bool)> = BTreeMap::new();
    let mut all = Vec::new();
    for (number, event) in (1..).zip(said) {
        for (purpose, granted) in &event.consents {
            let word = (event.at, number, *granted);
            let known = words.entry((event.person, purpose)).or_insert(word);
            *known = word.max(*known);
        }
        let stand = |purpose: &'static str| words.get(&(event.person, purpose)).map(|(.., granted)| *granted);
        let mut kept = BTreeMap::new();
        let find = |stand_is: Option<bool>, of: &[&'static str]| {
            of.iter().copied().find(|purpose| stand(purpose) == stand_is)
        };
        if let Some(purpose) = find(Some(false), &PURPOSES) {
            kept.insert(destination(1), (WithheldFor::ConsentDenied, purpose));
        } else if let Some(purpose) = find(None, &PURPOSES) {
            kept.insert(destination(1), (WithheldFor::ConsentUnknown, purpose));
        }
        if stand("ads") == Some(false) {
            kept.insert(destination(2), (WithheldFor::ConsentDenied, "ads"));
        }
        all.push(kept);
    }
    all
}

fn said(rng: &mut StdRng) -> Vec<Said> {
    let one = |rng: &mut StdRng| Said {
        person: rng.random_range(0..PEOPLE),
        at: rng.random_range(1..20),
        consents: PURPOSES
            .into_iter()
            .map(|purpose| (purpose, rng.random_range(0..6)))
            .filter(|(_, said)| *said < 2)
            .map(|(purpose, said)| (purpose, said == 1))
            .collect(),
    };
    (0..EVENTS).map(|_| one(rng)).collect()
}

/// How three messages are cut into batches.
const CUTS: [&[usize]; 4] = [&[3], &[2, 1], &[1, 2], &[1, 1, 1]];

/// A booking of somebody who agrees, then their no, then that it is cancelled, of which no workflow makes anything.
fn withdrawn(template: &MessagePlan, first: u64) -> [MessagePlan; 3] {
    let saying = |number: u64, granted: bool| {
        let consents = PURPOSES.into_iter().map(|purpose| (purpose, granted)).collect();
        plan(template, number, &Said { person: 1, at: number.cast_signed(), consents })
    };
    let about = |plan: MessagePlan, stage: Stage| {
        let booking = BookingFacts {
            scope: KeyScope::Tenant,
            key: "booking".to_owned(),
            previous: None,
            next: None,
            stages: vec![stage],
            at: None,
            paid: None,
        };
        MessagePlan { facts: MessageFacts { booking: Some(booking), ..template.facts.clone() }, ..plan }
    };
    let mut made = about(saying(first, true), Stage::Created);
    if let Work::Apply(runs) = &mut made.work {
        runs[0].follow_up = Some(FollowUp {
            retract_cancelled: true,
            retract_no_show: false,
            restate_rescheduled: false,
            restate_paid: false,
        });
    }
    let cancelled =
        MessagePlan { work: Work::Apply(Vec::new()), ..about(saying(first + 2, true), Stage::Cancelled) };
    [made, saying(first + 1, false), cancelled]
}

#[tokio::test]
async fn what_follows_an_event_goes_where_the_last_word_of_its_person_allows() {
    on_each_database(async |database| {
        let store = &database.store;
        let now = Timestamp::from_seconds(200);
        let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, now).await.expect("claims").0;
        let mut state = store.ledger_state(claim, now).await.expect("reads");
        for (cut, number) in CUTS.into_iter().zip(1..) {
            let record = tenant(store, number).await;
            let first = 3 * u64::try_from(number).expect("small");
            let mut plans = withdrawn(&template(&record), first).into_iter();
            for count in cut {
                let batch = plans.by_ref().take(*count).collect();
                let attempt = store.apply(&mut state, &LedgerBatch::new(batch), now).await;
                assert!(matches!(attempt, Ok(Attempt::Committed(_))), "{attempt:?}");
            }
            let scope = store.tenant(record.id);
            let told = scope.message_deliveries(sample::message_id(first)).await.expect("reads");
            assert_eq!(told.len(), 3);
            let events = scope.message_events(sample::message_id(first + 2)).await.expect("reads");
            let kept: Vec<_> =
                events[0].data.withheld.iter().map(|kept| (kept.destination, kept.why)).collect();
            let denied = WithheldFor::ConsentDenied;
            assert_eq!(kept, [(destination(1), denied), (destination(2), denied)], "{cut:?}");
            let told = scope.message_deliveries(sample::message_id(first + 2)).await.expect("reads");
            let told: Vec<_> = told.iter().map(|delivery| delivery.destination).collect();
            assert_eq!(told, [destination(3)], "{cut:?}");
        }
    })
    .await;
}

fn template(record: &TenantRecord) -> MessagePlan {
    MessagePlan {
        tenant: record.id,
        source: sample::source(),
        message: sample::message_id(1),
        sequence: 1,
        partition: Partition::of(record.id),
        origin: Origin::Journal,
        received: Timestamp::from_seconds(100),
        signature: "UNSIGNED",
        trace_parent: None,
        headers: "[]".to_owned(),
        body: Packed::of(b"{}"),
        record: Bytes::from_static(b"record"),
        facts: MessageFacts { cluid_status: "MISSING", ..MessageFacts::default() },
        config_rev: record.config_rev.cast_signed(),
        settings: Arc::new(record.settings.clone()),
        destinations: Arc::new(rules()),
        is_test: false,
        work: Work::Apply(Vec::new()),
    }
}

fn plan(template: &MessagePlan, number: u64, said: &Said) -> MessagePlan {
    let draft = serde_json::from_value(json!({
        "index": 0, "kind": "track", "name": "Schedule", "time": said.at * 1_000_000, "dedupe_id": null,
        "identifiers": [{"kind": "email", "value": format!("{}@example.com", said.person)}], "rejected": [],
        "traits": {"ads": number}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": said.consents,
    }))
    .expect("a draft");
    let run = PlannedRun {
        plan: RunPlan {
            workflow: sample::workflow(),
            version: 1,
            outcome: RunOutcome::Events(vec![Arc::new(draft)]),
        },
        destinations: vec![(1..=3).map(destination).collect()],
        delay: Duration::ZERO,
        follow_up: None,
    };
    MessagePlan {
        message: sample::message_id(number),
        sequence: number,
        work: Work::Apply(vec![run]),
        ..template.clone()
    }
}

#[tokio::test]
async fn an_event_goes_where_the_last_word_of_its_person_allows() {
    on_each_database(async |database| {
        let store = &database.store;
        let record = tenant(store, 1).await;
        let scope = store.tenant(record.id);
        let template = template(&record);
        let mut rng = StdRng::seed_from_u64(11);
        let said = said(&mut rng);
        let now = Timestamp::from_seconds(200);
        let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, now).await.expect("claims").0;
        let mut state = store.ledger_state(claim, now).await.expect("reads");
        let mut plans: Vec<_> =
            (1..).zip(&said).map(|(number, said)| plan(&template, number, said)).collect();
        while !plans.is_empty() {
            let rest = plans.split_off(rng.random_range(1..=plans.len().min(9)));
            let attempt = store.apply(&mut state, &LedgerBatch::new(plans), now).await;
            assert!(matches!(attempt, Ok(Attempt::Committed(_))), "{attempt:?}");
            plans = rest;
        }
        for (number, kept) in (1..).zip(expected(&said)) {
            let message = sample::message_id(number);
            let events = scope.message_events(message).await.expect("reads");
            let withheld: BTreeMap<_, _> = events[0]
                .data
                .withheld
                .iter()
                .map(|kept| (kept.destination, (kept.why, kept.purpose.as_deref().expect("a purpose"))))
                .collect();
            assert_eq!(withheld, kept, "message {number} of {said:?}");
            let deliveries = scope.message_deliveries(message).await.expect("reads");
            let told: BTreeSet<_> = deliveries.iter().map(|delivery| delivery.destination).collect();
            let all = (1..=3).map(destination);
            assert_eq!(told, all.filter(|to| !kept.contains_key(to)).collect(), "message {number}");
        }
        // What people agreed to is no trait of theirs, though one may have its name.
        let owner = events_owner(&scope).await;
        let profile = scope.profile(owner).await.expect("reads");
        assert_eq!(profile.traits.values().keys().collect::<Vec<_>>(), ["ads"]);
        assert!(profile.traits.consents().all(|(name, _)| PURPOSES.contains(&name)));
        assert!(profile.traits.consents().count() > 0);
    })
    .await;
}

async fn events_owner(scope: &crate::TenantScope<'_>) -> ProfileId {
    let events = scope.message_events(sample::message_id(1)).await.expect("reads");
    events[0].profile.expect("a person")
}
