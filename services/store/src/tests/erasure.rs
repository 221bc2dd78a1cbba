//! Of somebody who was erased nothing is left, nothing from before brings them back, and everybody else stays.

mod canary;
mod histories;
mod undone;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tributary_domain::{
    id::{CommandId, OperationId, ProfileId, TenantId},
    identity::IdentifierType,
    partition::{Partition, PartitionSet},
    time::Timestamp,
    workflow::{
        event::{EventDraft, RunOutcome, RunPlan},
        status::{Reason, RunStatus},
    },
};

use super::sample;
use crate::{
    Packed, Page, Store, StoreError,
    erasure::Part,
    ledger::{
        Applied, Attempt, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, PlannedRun, Work,
    },
    operation::{Choice, NewOperation},
    support::author,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

async fn ledger(store: &Store) -> LedgerState {
    let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, at(1)).await;
    store.ledger_state(claim.expect("claims").0, at(0)).await.expect("reads")
}

/// An event of a person, dated at this second, for the destination of samples.
fn event(time: i64, identifiers: &[(&str, &str)], more: &Value) -> RunOutcome {
    let identifiers: Vec<_> =
        identifiers.iter().map(|(kind, value)| json!({"kind": kind, "value": value})).collect();
    let mut draft = json!({
        "index": 0, "kind": "track", "name": "Booked", "time": time * 1_000_000, "dedupe_id": null,
        "identifiers": identifiers, "rejected": [], "traits": {}, "attributes": {}, "groups": {},
        "group_traits": {}, "consents": {},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        draft[name] = value.clone();
    }
    let draft: EventDraft = serde_json::from_value(draft).expect("a draft");
    RunOutcome::Events(vec![Arc::new(draft)])
}

fn stopped(reason: Reason) -> RunOutcome {
    RunOutcome::Stopped(RunStatus::FilterConditionFailed, reason)
}

fn run(outcome: RunOutcome) -> Work {
    let plan = RunPlan { workflow: sample::workflow(), version: 1, outcome };
    let destinations = vec![vec![sample::destination()]];
    Work::Apply(vec![PlannedRun { plan, destinations, delay: Duration::ZERO, follow_up: None }])
}

/// The message number `number`, accepted at this second.
async fn message(
    store: &Store,
    tenant: TenantId,
    number: u64,
    received: i64,
    body: &str,
    work: Work,
) -> MessagePlan {
    let record = store.tenants().get(tenant).await.expect("is there");
    MessagePlan {
        tenant,
        source: sample::source(),
        message: sample::message_id(number),
        sequence: number,
        partition: Partition::of(tenant),
        origin: Origin::Journal,
        received: at(received),
        signature: "UNSIGNED",
        trace_parent: None,
        headers: json!([["x-from", body]]).to_string(),
        body: Packed::of(body.as_bytes()),
        record: Bytes::from(format!("a record of {body}")),
        facts: MessageFacts { cluid_status: "MISSING", ..MessageFacts::default() },
        config_rev: record.config_rev.cast_signed(),
        settings: Arc::new(record.settings),
        destinations: Arc::default(),
        is_test: false,
        work,
    }
}

async fn apply(store: &Store, ledger: &mut LedgerState, plan: MessagePlan, now: i64) -> Applied {
    match store.apply(ledger, &LedgerBatch::new(vec![plan]), at(now)).await.expect("answers") {
        Attempt::Committed(applied) => applied,
        attempt => panic!("{attempt:?}"),
    }
}

/// Whom an e-mail address belongs to.
async fn owner(store: &Store, tenant: TenantId, email: &str) -> Option<ProfileId> {
    let kind = IdentifierType::parse("email").expect("a type");
    store.tenant(tenant).profile_by_identifier(&kind, email).await.expect("reads")
}

/// Has the ledger forget a person.
async fn forget(
    store: &Store,
    ledger: &mut LedgerState,
    tenant: TenantId,
    profile: ProfileId,
    number: u64,
    now: i64,
) -> OperationId {
    let scope = store.tenant(tenant);
    let (id, choice) = (OperationId::new(number, 7), Choice::Person { profile });
    let new = NewOperation { id, request: Vec::new(), choice };
    let begun = scope.create_operation(&new, &author(now)).await.expect("begins");
    scope.choose_items(&begun, at(now)).await.expect("there is nothing to choose");
    let payload = json!({"profile": profile, "operation": id});
    let command = CommandId::from_bits(id.bits());
    scope.enqueue_command(command, "erase_person", &payload, &author(now)).await.expect("asks");
    let outcomes = store.apply_commands(ledger, at(now)).await.expect("applies");
    assert!(outcomes.iter().all(|outcome| outcome.failure.is_none()), "{outcomes:?}");
    id
}

/// Does the next step of an erasure, as the worker does; says whether there is another.
async fn step(
    store: &Store,
    ledger: &mut LedgerState,
    tenant: TenantId,
    operation: OperationId,
    now: i64,
) -> bool {
    let erasure = store.tenant(tenant).erasure(operation).await.expect("reads").expect("has begun");
    match erasure.part {
        Part::Deliveries => {
            store.give_up_deliveries(&erasure, at(now)).await.expect("gives up");
        }
        Part::Settle => store.erasure_settled(&erasure, at(now)).await.expect("goes on"),
        Part::Events => store.erase_events(&erasure, at(now)).await.expect("removes"),
        Part::Mentions if !store.held_are_dropped(&erasure).await.expect("reads") => {
            store.apply_commands(ledger, at(now)).await.expect("applies");
        }
        Part::Mentions => store.erase_mentions(&erasure, at(now)).await.expect("removes"),
        Part::Files => {
            assert!(store.empty_log().await.expect("cleans"), "nobody reads");
            store.erasure_done(&erasure, at(now)).await.expect("ends");
        }
        Part::Done => return false,
    }
    true
}

async fn erase(
    store: &Store,
    ledger: &mut LedgerState,
    tenant: TenantId,
    profile: ProfileId,
    number: u64,
    now: i64,
) -> OperationId {
    let operation = forget(store, ledger, tenant, profile, number, now).await;
    while step(store, ledger, tenant, operation, now).await {}
    operation
}

/// Whether this id stands for somebody who was erased.
async fn is_gone(store: &Store, tenant: TenantId, profile: ProfileId) -> bool {
    match store.tenant(tenant).profile(profile).await {
        Err(StoreError::Erased) => true,
        Ok(_) => false,
        Err(error) => panic!("{profile}: {error}"),
    }
}

/// How many live profiles there are.
async fn people(store: &Store, tenant: TenantId) -> usize {
    store.tenant(tenant).profiles(Page::first(500)).await.expect("lists").items.len()
}
