//! What is processed or sent again happens once.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use serde_json::json;
use tributary_domain::{
    id::{MessageId, OperationId, TenantId},
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
    entity::*,
    ledger::{
        Again, Applied, Attempt, Fate, HoldAgain, LedgerBatch, LedgerState, MessageFacts, MessagePlan,
        Origin, ParkReason, PlannedRun, Work,
    },
    message::{MessageFilter, RunOf},
    operation::{Choice, MOST_RUNNING, NewOperation, OperationRecord, OperationState, Place, Settled},
    support::{author, on_each_database, tenant},
};

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

pub(super) async fn state(store: &Store) -> LedgerState {
    started(store, Timestamp::from_micros(0)).await
}

async fn started(store: &Store, now: Timestamp) -> LedgerState {
    let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, at(1)).await;
    store.ledger_state(claim.expect("claims").0, now).await.expect("reads")
}

pub(super) async fn plan(
    store: &Store,
    tenant: TenantId,
    number: u64,
    origin: Origin,
    key: &str,
    work: Work,
) -> MessagePlan {
    let record = store.tenants().get(tenant).await.expect("is there");
    let facts =
        MessageFacts { cluid_status: "MISSING", dedupe_key: Some(key.to_owned()), ..MessageFacts::default() };
    MessagePlan {
        tenant,
        source: sample::source(),
        message: sample::message_id(number),
        sequence: number,
        partition: Partition::of(tenant),
        origin,
        received: at(1),
        signature: "UNSIGNED",
        trace_parent: None,
        headers: "[]".to_owned(),
        body: Packed::of(b"{}"),
        record: Bytes::from_static(b"record"),
        facts,
        config_rev: record.config_rev.cast_signed(),
        settings: Arc::new(record.settings),
        destinations: Arc::default(),
        is_test: false,
        work,
    }
}

fn unmapped() -> Work {
    run(0, RunOutcome::Stopped(RunStatus::MappingNotFound, Reason::default()), Vec::new())
}

fn run(
    version: u32,
    outcome: RunOutcome,
    destinations: Vec<Vec<tributary_domain::id::DestinationId>>,
) -> Work {
    let plan = RunPlan { workflow: sample::workflow(), version, outcome };
    Work::Apply(vec![PlannedRun { plan, destinations, delay: Duration::ZERO, follow_up: None }])
}

/// A run that makes an event of the person with these identifiers, for the destination of samples.
pub(super) fn booked(version: u32, identifiers: &[(&str, &str)]) -> Work {
    let identifiers: Vec<_> =
        identifiers.iter().map(|(kind, value)| json!({"kind": kind, "value": value})).collect();
    let draft: EventDraft = serde_json::from_value(json!({
        "index": 0, "kind": "track", "name": "Booked", "time": 1, "dedupe_id": null, "identifiers": identifiers,
        "rejected": [], "traits": {"version": version}, "attributes": {}, "groups": {"company": "acme"},
        "group_traits": {}, "consents": {},
    }))
    .expect("a draft");
    run(version, RunOutcome::Events(vec![Arc::new(draft)]), vec![vec![sample::destination()]])
}

pub(super) async fn apply(
    store: &Store,
    state: &mut LedgerState,
    plans: Vec<MessagePlan>,
    now: i64,
) -> Applied {
    match store.apply(state, &LedgerBatch::new(plans), at(now)).await.expect("answers") {
        Attempt::Committed(applied) => applied,
        attempt => panic!("{attempt:?}"),
    }
}

pub(super) async fn begin(store: &Store, tenant: TenantId, number: u64, choice: Choice) -> OperationRecord {
    let new = NewOperation { id: OperationId::new(number, 1), request: vec![1], choice };
    let scope = store.tenant(tenant);
    let mut operation = scope.create_operation(&new, &author(10)).await.expect("begins");
    while operation.place.is_some() {
        scope.choose_items(&operation, at(11)).await.expect("chooses");
        operation = scope.operation(operation.id).await.expect("is there");
    }
    operation
}

pub(super) fn only(numbers: &[u64]) -> Choice {
    let only = numbers.iter().map(|number| sample::message_id(*number)).collect();
    Choice::Messages { only, filters: Vec::new() }
}

/// Puts an operation's next messages into the held lane, and says at which positions they stand.
pub(super) async fn hold(
    store: &Store,
    state: &mut LedgerState,
    tenant: TenantId,
    operation: OperationId,
) -> Vec<(MessageId, u64)> {
    let scope = store.tenant(tenant);
    let next = scope.next_replayed(operation, 9, 1 << 20, at(11)).await.expect("reads");
    let messages = next.unwrap_or_default().into_iter().map(|record| Again {
        message: record.summary.id,
        source: record.summary.source,
        sequence: record.summary.seq,
        record: Bytes::from_static(b"record"),
    });
    let again = HoldAgain { tenant, operation, messages: messages.collect() };
    store.hold_again(state, &again, at(12)).await.expect("holds");
    let held = scope.held_messages(Page::first(99)).await.expect("lists").items;
    held.into_iter().map(|held| (held.message, held.position)).collect()
}

async fn count<E: EntityTrait>(store: &Store) -> u64
where
    E::Model: Sync + sea_orm::FromQueryResult,
{
    E::find().count(store.reader()).await.expect("counts")
}

/// How many rows there are of all that a message can lead to.
pub(super) async fn effects(store: &Store) -> [u64; 8] {
    [
        count::<event::Entity>(store).await,
        count::<delivery::Entity>(store).await,
        count::<profile::Entity>(store).await,
        count::<identifier::Entity>(store).await,
        count::<evidence::Entity>(store).await,
        count::<dedupe_key::Entity>(store).await,
        count::<group::Entity>(store).await,
        count::<run::Entity>(store).await,
    ]
}

#[tokio::test]
async fn a_message_that_is_replayed_twice_made_everything_once() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let mut ledger = state(store).await;
        let batch = vec![
            plan(store, own, 1, Origin::Journal, "one", unmapped()).await,
            plan(store, own, 2, Origin::Journal, "one", unmapped()).await,
        ];
        apply(store, &mut ledger, batch, 2).await;
        assert_eq!(effects(store).await, [0, 0, 0, 0, 0, 1, 0, 1]);

        let mut after_first = None;
        for round in 1..=3_u64 {
            let operation = begin(store, own, round, only(&[1, 2])).await.id;
            let held = hold(store, &mut ledger, own, operation).await;
            assert_eq!(
                held.iter().map(|(message, _)| *message).collect::<Vec<_>>(),
                [1, 2].map(sample::message_id)
            );
            assert_eq!(
                hold(store, &mut ledger, own, operation).await,
                held,
                "asked again, it changes nothing"
            );
            let settled = scope.settle_replay(operation, at(13)).await;
            assert_eq!(settled, Ok(Settled { waiting: 2, ended: 0 }));
            // As after a crash: what was not committed is done again, by somebody who knows nothing.
            ledger = state(store).await;
            assert!(ledger.holding.contains(&own));
            let version = u32::try_from(round).expect("small");
            let mut batch = Vec::new();
            for (number, (_, position)) in (1..).zip(&held) {
                let work = booked(version, &[("email", "a@example.com")]);
                batch.push(plan(store, own, number, Origin::Held(position.cast_signed()), "one", work).await);
            }
            let applied = apply(store, &mut ledger, batch, 20).await;
            let made = applied.deliveries.iter().map(|made| made.delivery).collect::<Vec<_>>();
            let expected = if round == 1 { vec![sample::delivery_id(1)] } else { Vec::new() };
            assert_eq!(made, expected, "sent by its first round only");
            assert_eq!(applied.drained, [own]);
            let statuses: Vec<_> = applied.messages.iter().map(|message| message.status).collect();
            assert_eq!(statuses, [RunStatus::Succeeded, RunStatus::Duplicate], "not one of itself");
            assert_eq!(scope.settle_replay(operation, at(21)).await, Ok(Settled { waiting: 0, ended: 2 }));
            let done = scope.operation(operation).await.expect("is there");
            assert_eq!((done.total, done.done, done.failed), (2, 2, 0));

            let found = effects(store).await;
            assert_eq!(found, *after_first.get_or_insert(found), "round {round}");
            let message = scope.message(sample::message_id(1)).await.expect("is there").summary;
            assert_eq!(
                (message.fate, message.committed_at),
                (Fate::Applied, at(2)),
                "when it was processed first"
            );
            assert_eq!(message.runs[0].version, version, "as it ended last");
            let event = scope.event(sample::event_id(1)).await.expect("is there");
            assert!(event.data.created, "what it did first stays told");
            assert_eq!(event.data.draft.traits["version"], version);
            // It starts anew with an empty lane: no place in it may come again, because it is remembered what stood there.
            ledger = started(store, at(21 + round.cast_signed())).await;
        }
        assert_eq!(after_first, Some([1, 1, 1, 1, 1, 1, 1, 1]));
        let replays = scope.message_replays(sample::message_id(1)).await.expect("lists");
        let before: Vec<_> = replays.iter().map(|replay| replay.runs[0].status).collect();
        assert_eq!(before, [RunStatus::MappingNotFound, RunStatus::Succeeded, RunStatus::Succeeded]);
        assert_eq!(replays[0].replayed_at, Some(at(20)));
        let used = scope.usage(at(20)).await.expect("counts").messages;
        assert_eq!(used, 1, "it was counted when it came, and its duplicate never");
    })
    .await;
}

#[tokio::test]
async fn what_was_processed_once_is_no_duplicate_afterwards() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut ledger = state(store).await;
        let batch = vec![
            plan(store, own, 1, Origin::Journal, "one", unmapped()).await,
            plan(store, own, 2, Origin::Journal, "two", unmapped()).await,
            plan(store, own, 3, Origin::Journal, "two", unmapped()).await,
        ];
        apply(store, &mut ledger, batch, 2).await;
        let operation = begin(store, own, 1, only(&[2, 3])).await.id;
        let held = hold(store, &mut ledger, own, operation).await;
        let position = |place: usize| Origin::Held(held[place].1.cast_signed());
        // Its source takes something else for the key by now.
        let batch = vec![
            plan(store, own, 2, position(0), "one", unmapped()).await,
            plan(store, own, 3, position(1), "three", unmapped()).await,
        ];
        apply(store, &mut ledger, batch, 3).await;
        let fate = async |number| {
            store.tenant(own).message(sample::message_id(number)).await.expect("is there").summary.fate
        };
        assert_eq!((fate(2).await, fate(3).await), (Fate::Applied, Fate::Applied));
        assert_eq!(store.tenant(own).usage(at(3)).await.expect("counts").messages, 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_again_too_late_is_not_held_again_and_a_suspended_tenants_stays() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let mut ledger = state(store).await;
        apply(store, &mut ledger, vec![plan(store, own, 1, Origin::Journal, "one", unmapped()).await], 2)
            .await;
        let operation = begin(store, own, 1, only(&[1])).await.id;
        let message = Again {
            message: sample::message_id(1),
            source: sample::source(),
            sequence: 1,
            record: Bytes::from_static(b"record"),
        };
        let again = HoldAgain { tenant: own, operation, messages: vec![message] };
        store.hold_again(&mut ledger, &again, at(3)).await.expect("holds");
        let position = scope.held_messages(Page::first(9)).await.expect("lists").items[0].position;
        let origin = Origin::Held(position.cast_signed());
        let kept = plan(store, own, 1, origin, "one", Work::Hold("SUSPENDED")).await;
        assert!(apply(store, &mut ledger, vec![kept], 4).await.messages.is_empty(), "it stays where it is");
        assert_eq!(scope.settle_replay(operation, at(4)).await, Ok(Settled { waiting: 1, ended: 0 }));
        apply(store, &mut ledger, vec![plan(store, own, 1, origin, "one", unmapped()).await], 5).await;
        store.hold_again(&mut ledger, &again, at(6)).await.expect("answers");
        assert!(scope.held_messages(Page::first(9)).await.expect("lists").items.is_empty());
        assert!(!ledger.holding.contains(&own));
    })
    .await;
}

#[tokio::test]
async fn what_loses_its_body_before_it_is_held_again_is_not_held_and_counts_as_failed() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let mut ledger = state(store).await;
        for (number, key) in [(1, "one"), (2, "two")] {
            let plan = plan(store, own, number, Origin::Journal, key, unmapped()).await;
            apply(store, &mut ledger, vec![plan], 2).await;
        }
        let operation = begin(store, own, 1, only(&[1, 2])).await.id;
        let again = |number| Again {
            message: sample::message_id(number),
            source: sample::source(),
            sequence: number,
            record: Bytes::from_static(b"record"),
        };
        let again = HoldAgain { tenant: own, operation, messages: vec![again(1), again(2)] };
        let removal = format!("UPDATE messages SET headers = '' WHERE id = '{}'", sample::message_id(1));
        store.writer().execute_unprepared(&removal).await.expect("changes");
        store.hold_again(&mut ledger, &again, at(3)).await.expect("holds");
        let held = scope.held_messages(Page::first(9)).await.expect("lists").items;
        assert_eq!(held.iter().map(|held| held.message).collect::<Vec<_>>(), [sample::message_id(2)]);
        assert_eq!(scope.next_replayed(operation, 9, 1 << 20, at(4)).await, Ok(Some(Vec::new())));
        assert_eq!(scope.operation(operation).await.expect("is there").failed, 1);
    })
    .await;
}

#[tokio::test]
async fn another_person_of_a_mended_workflow_gets_a_profile_and_a_conflict_counts_once() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut ledger = state(store).await;
        let crm = |email| booked(1, &[("external_id:crm", "7"), ("email", email)]);
        let batch = vec![
            plan(
                store,
                own,
                1,
                Origin::Journal,
                "one",
                booked(1, &[("external_id:crm", "6"), ("email", "a@example.com")]),
            )
            .await,
            plan(store, own, 2, Origin::Journal, "two", crm("a@example.com")).await,
        ];
        apply(store, &mut ledger, batch, 2).await;
        let conflicts =
            async || store.tenant(own).conflicts(None, Page::first(9)).await.expect("lists").items;
        assert_eq!(conflicts().await[0].count, 1, "two ids of the CRM never are one person");
        let again = async |ledger: &mut LedgerState, round: u64, work: Work| {
            let operation = begin(store, own, round, only(&[2])).await.id;
            let held = hold(store, ledger, own, operation).await;
            let origin = Origin::Held(held[0].1.cast_signed());
            apply(store, ledger, vec![plan(store, own, 2, origin, "two", work).await], 20).await;
            store.tenant(own).event(sample::event_id(2)).await.expect("is there").profile.expect("has one")
        };
        let first = again(&mut ledger, 1, crm("a@example.com")).await;
        assert_eq!(conflicts().await[0].count, 1, "it is the same refusal");
        let other = again(&mut ledger, 2, booked(2, &[("email", "b@example.com")])).await;
        assert_ne!(first, other);
        assert_eq!(again(&mut ledger, 3, booked(3, &[("email", "b@example.com")])).await, other);
        assert_eq!(count::<profile::Entity>(store).await, 3);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_processed_counts_as_failed_and_can_be_replayed() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let scope = store.tenant(own);
        let mut ledger = state(store).await;
        let booking = || booked(1, &[("email", "a@example.com")]);
        apply(store, &mut ledger, vec![plan(store, own, 1, Origin::Journal, "one", booking()).await], 2)
            .await;
        let broken = || {
            let workflow = Some((sample::workflow(), 2));
            Work::Park(ParkReason { code: "WORKFLOW_PANICKED", detail: "it panicked".to_owned(), workflow })
        };
        for (round, work, fate, failed) in
            [(1, broken(), Fate::Parked, 1), (2, broken(), Fate::Parked, 1), (3, booking(), Fate::Applied, 0)]
        {
            let operation = begin(store, own, round, only(&[1])).await.id;
            let held = hold(store, &mut ledger, own, operation).await;
            let origin = Origin::Held(held[0].1.cast_signed());
            let applied =
                apply(store, &mut ledger, vec![plan(store, own, 1, origin, "one", work).await], 20).await;
            assert!(applied.deliveries.is_empty(), "its delivery was made before");
            scope.settle_replay(operation, at(21)).await.expect("settles");
            let ended = scope.operation(operation).await.expect("is there");
            assert_eq!((ended.done, ended.failed), (1 - failed, failed), "round {round}");
            assert_eq!(scope.message(sample::message_id(1)).await.expect("is there").summary.fate, fate);
            let parked = scope.parked_messages(Page::first(9)).await.expect("lists").items;
            assert_eq!(parked.len() as u64, failed);
        }
        assert_eq!(scope.usage(at(22)).await.expect("counts").messages, 1, "a replay uses up nothing");
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_was_cancelled_holds_nothing_any_more() {
    on_each_database(async |database| {
        let store = &database.store;
        let (own, other) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        let scope = store.tenant(own);
        let mut ledger = state(store).await;
        apply(store, &mut ledger, vec![plan(store, own, 1, Origin::Journal, "one", unmapped()).await], 2)
            .await;
        let operation = begin(store, own, 1, only(&[1])).await.id;
        let absent = store.tenant(other).cancel_operation(operation, &author(12)).await;
        assert_eq!(absent.map(|_| ()), Err(StoreError::not_found("operation")));
        let cancelled = scope.cancel_operation(operation, &author(12)).await.expect("stops");
        assert_eq!((cancelled.state, cancelled.completed_at), (OperationState::Cancelled, Some(at(12))));
        let again = scope.cancel_operation(operation, &author(13)).await.expect("is stopped");
        assert_eq!((again.revision, again.completed_at), (cancelled.revision, Some(at(12))));
        assert!(hold(store, &mut ledger, own, operation).await.is_empty());
        assert_eq!(ledger.next_position, 1);
        assert_eq!(store.running_operations().await.expect("lists").len(), 0);
        assert_eq!(store.forget_operations(at(13)).await, Ok(false));
        assert_eq!(count::<operation_item::Entity>(store).await, 0);
        scope.operation(operation).await.expect("is remembered");
        let long_after = at(12).plus(crate::operation::KEPT);
        assert_eq!(store.forget_operations(long_after).await, Ok(false));
        assert!(scope.operation(operation).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn so_many_operations_of_a_tenant_run_and_no_more() {
    on_each_database(async |database| {
        let store = &database.store;
        let (own, other) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        for number in 1..=MOST_RUNNING {
            begin(store, own, number, only(&[1])).await;
        }
        let new = |number| NewOperation {
            id: OperationId::new(number, 2),
            request: Vec::new(),
            choice: only(&[1]),
        };
        let refused = store.tenant(own).create_operation(&new(9), &author(10)).await;
        let told = StoreError::OperationsRunning { limit: MOST_RUNNING };
        assert_eq!(refused.map(|_| ()), Err(told));
        let erasure = NewOperation { choice: Choice::Person { profile: sample::profile(1) }, ..new(20) };
        store.tenant(own).create_operation(&erasure, &author(10)).await.expect("is counted by itself");
        assert_eq!(store.running_operations().await.expect("lists")[0].id, erasure.id, "comes first");
        store.tenant(other).create_operation(&new(10), &author(10)).await.expect("another tenant's");
        store.tenant(own).cancel_operation(OperationId::new(1, 1), &author(11)).await.expect("stops");
        store.tenant(own).create_operation(&new(11), &author(12)).await.expect("there is room");
    })
    .await;
}

#[tokio::test]
async fn messages_are_chosen_by_how_their_runs_ended_and_page_by_page() {
    on_each_database(async |database| {
        let store = &database.store;
        let own = tenant(store, 1).await.id;
        let mut rows = Vec::new();
        for number in 1..=1_200 {
            let status = if number % 3 == 0 { "MAPPING_NOT_FOUND" } else { "SUCCEEDED" };
            let runs = json!([{"workflow": sample::workflow(), "version": 0, "status": status}]).to_string();
            let fate = if number % 2 == 0 { "HELD" } else { "APPLIED" };
            rows.push(message::Model { runs, fate: fate.to_owned(), ..sample::message(own, number) });
        }
        sample::write::<message::Entity>(store, rows).await;
        let failed = RunOf { status: Some(RunStatus::MappingNotFound), ..RunOf::default() };
        let others =
            RunOf { not_status: failed.status, workflow: Some(sample::workflow()), ..RunOf::default() };
        let unknown =
            RunOf { workflow: Some(tributary_domain::id::WorkflowId::new(9, 9)), ..RunOf::default() };
        for (round, run, expected) in [(1, failed, 200), (2, others, 400), (3, unknown, 0)] {
            let filter = MessageFilter { run, ..MessageFilter::of(sample::source()) };
            let choice = Choice::Messages { only: Vec::new(), filters: vec![filter.clone(), filter] };
            let operation = begin(store, own, round, choice).await;
            assert_eq!(operation.total, expected, "each once, and none that waits anyway");
        }
        let chosen =
            store.tenant(own).choose(&only(&[1, 2, 1_201]), &Place::default()).await.expect("chooses");
        assert_eq!(chosen.items, [sample::message_id(1).to_string()]);
    })
    .await;
}
