//! Deliveries that wait keep their order, whatever becomes of the delay meanwhile.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::json;
use tributary_domain::{
    id::{DeliveryId, EventId, TenantId},
    partition::{Partition, PartitionSet},
    time::Timestamp,
    workflow::event::{EventDraft, RunOutcome, RunPlan},
};

use super::sample;
use crate::{
    Packed, Store,
    ledger::{
        Applied, Attempt, Horizons, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, PlannedRun,
        Work,
    },
    support::{on_each_database, tenant},
};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(seconds.cast_signed())
}

async fn state(store: &Store, now: Timestamp) -> LedgerState {
    let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, now).await;
    store.ledger_state(claim.expect("claims").0, now).await.expect("reads")
}

/// A message of a person that is received at `second`, of a workflow that postpones by `delay` seconds.
async fn plan(
    store: &Store,
    tenant: TenantId,
    number: u64,
    second: u64,
    delay: u64,
    email: &str,
) -> MessagePlan {
    let draft: EventDraft = serde_json::from_value(json!({
        "index": 0, "kind": "track", "name": "Booked", "time": 1, "dedupe_id": null,
        "identifiers": [{"kind": "email", "value": email}], "rejected": [], "traits": {}, "attributes": {},
        "groups": {}, "group_traits": {}, "consents": {},
    }))
    .expect("a draft");
    let outcome = RunOutcome::Events(vec![Arc::new(draft)]);
    let record = store.tenants().get(tenant).await.expect("is there");
    MessagePlan {
        tenant,
        source: sample::source(),
        message: sample::message_id(number),
        sequence: number,
        partition: Partition::of(tenant),
        origin: Origin::Journal,
        received: at(second),
        signature: "UNSIGNED",
        trace_parent: None,
        headers: "[]".to_owned(),
        body: Packed::of(b"{}"),
        record: Bytes::from_static(b"record"),
        facts: MessageFacts { cluid_status: "MISSING", ..MessageFacts::default() },
        config_rev: record.config_rev.cast_signed(),
        settings: Arc::new(record.settings),
        destinations: Arc::default(),
        is_test: false,
        work: Work::Apply(vec![PlannedRun {
            plan: RunPlan { workflow: sample::workflow(), version: 1, outcome },
            destinations: vec![vec![sample::destination()]],
            delay: Duration::from_secs(delay),
            follow_up: None,
        }]),
    }
}

async fn apply(store: &Store, state: &mut LedgerState, plans: Vec<MessagePlan>, now: Timestamp) -> Applied {
    match store.apply(state, &LedgerBatch::new(plans), now).await.expect("answers") {
        Attempt::Committed(applied) => applied,
        attempt => panic!("{attempt:?}"),
    }
}

/// When the delivery of a message is due, as it is stored.
async fn due(store: &Store, tenant: TenantId, number: u64) -> Timestamp {
    let event = EventId::derive(sample::message_id(number), sample::workflow(), 0);
    let delivery = DeliveryId::derive(event, sample::destination(), 0);
    store.tenant(tenant).delivery(delivery).await.expect("is there").due_at
}

#[tokio::test]
async fn a_delay_that_is_made_shorter_lets_nobody_overtake_themselves() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut ledger = state(store, at(0)).await;
        let first = plan(store, own, 1, 100, 600, "a@example.com").await;
        apply(store, &mut ledger, vec![first], at(100)).await;
        assert_eq!(due(store, own, 1).await, at(700));

        let next = vec![
            plan(store, own, 2, 110, 60, "a@example.com").await,
            plan(store, own, 3, 111, 60, "b@example.com").await,
            plan(store, own, 4, 112, 0, "a@example.com").await,
        ];
        apply(store, &mut ledger, next, at(112)).await;
        let later = |micros| at(700).plus(Duration::from_micros(micros));
        assert_eq!(due(store, own, 2).await, later(1), "after the one before");
        assert_eq!(due(store, own, 3).await, at(171), "others are not held up");
        assert_eq!(due(store, own, 4).await, later(2));

        // Who begins anew knows what waits.
        let mut again = state(store, at(120)).await;
        let fifth = plan(store, own, 5, 120, 0, "a@example.com").await;
        apply(store, &mut again, vec![fifth], at(120)).await;
        assert_eq!(due(store, own, 5).await, later(3));

        // What waited is over, and nothing is remembered of it.
        let sixth = plan(store, own, 6, 900, 0, "a@example.com").await;
        apply(store, &mut again, vec![sixth], at(900)).await;
        assert_eq!(due(store, own, 6).await, at(900));
        assert_eq!(again.waiting, Horizons::default());
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_another_than_its_delay_holds_up_nothing_that_is_committed() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut ledger = state(store, at(0)).await;
        let plans = vec![
            plan(store, own, 1, 100, 0, "a@example.com").await,
            plan(store, own, 2, 100, 600, "b@example.com").await,
        ];
        apply(store, &mut ledger, plans, at(100)).await;
        // One that was put behind an earlier one, delayed or not, waits for that alone.
        let delivery = |number| {
            let event = EventId::derive(sample::message_id(number), sample::workflow(), 0);
            DeliveryId::derive(event, sample::destination(), 0)
        };
        let scope = store.tenant(own);
        assert_ne!(state(store, at(110)).await.waiting, Horizons::default());
        scope
            .postpone_deliveries(&[(delivery(1), at(5_000)), (delivery(2), at(5_000))])
            .await
            .expect("waits");
        let mut again = state(store, at(110)).await;
        assert_eq!(again.waiting, Horizons::default());
        let next = vec![
            plan(store, own, 3, 120, 0, "a@example.com").await,
            plan(store, own, 4, 120, 60, "b@example.com").await,
            plan(store, own, 5, 121, 0, "b@example.com").await,
        ];
        apply(store, &mut again, next, at(121)).await;
        assert_eq!(due(store, own, 3).await, at(120));
        assert_eq!(due(store, own, 4).await, at(180));
        assert_eq!(due(store, own, 5).await, at(180).plus(Duration::from_micros(1)));
    })
    .await;
}

#[tokio::test]
async fn whatever_the_delay_each_person_is_told_of_in_order() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut ledger = state(store, at(0)).await;
        // The same on every run.
        let mut seed = 7_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut last: HashMap<String, Timestamp> = HashMap::new();
        let (mut number, mut second, mut held_up) = (0, 1_000, 0);
        for _ in 0..25 {
            let mut batch = Vec::new();
            for _ in 0..=random(5) {
                number += 1;
                second += random(20);
                let email = format!("p{}@example.com", random(3));
                let delay = [0, 0, 10, 60, 300][usize::try_from(random(5)).expect("small")];
                batch.push((number, second, delay, email));
            }
            let now = at(second);
            if random(4) == 0 {
                ledger = state(store, now).await;
            }
            let mut plans = Vec::new();
            for (number, second, delay, email) in &batch {
                plans.push(plan(store, own, *number, *second, *delay, email).await);
            }
            apply(store, &mut ledger, plans, now).await;
            for (number, second, delay, email) in batch {
                let (due, wanted) = (due(store, own, number).await, at(second + delay));
                let before = last.get(&email).copied().unwrap_or_default();
                assert!(due >= wanted, "not before the delay is over");
                assert!(due > before || before <= now, "{number} overtakes the one before");
                let expected = [wanted, wanted.max(before.plus(Duration::from_micros(1)))];
                assert!(expected.contains(&due), "no later than it has to be: {due}, not {expected:?}");
                held_up += usize::from(due > wanted);
                last.insert(email, due.max(before));
            }
        }
        assert!(held_up > 5, "it came to it {held_up} times");
    })
    .await;
}
