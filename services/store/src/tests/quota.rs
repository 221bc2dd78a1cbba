//! Quotas: what is counted, and what is held or refused beyond them.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use tributary_domain::{
    id::{DestinationId, MessageId, SourceId, TenantId, WorkflowId},
    partition::{Partition, PartitionSet},
    quota::Quota,
    time::Timestamp,
};

use super::sample;
use crate::{
    Conflict, Packed, Page, Store, StoreError,
    destination::NewDestination,
    ledger::{
        Applied, Attempt, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, ParkReason, Work,
    },
    source::{NewSource, UrlSecret},
    support::{author, on_each_database, tenant},
    workflow::NewWorkflow,
};

fn november() -> Timestamp {
    "2026-11-30T23:59:59Z".parse().expect("a time")
}

fn december() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().expect("a time")
}

async fn state(store: &Store) -> LedgerState {
    let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, Timestamp::from_seconds(1)).await;
    let (claim, _) = claim.expect("claims");
    store.ledger_state(claim, Timestamp::from_micros(0)).await.expect("reads")
}

/// The plan to apply message `number` without any runs, made with the configuration in force.
async fn plan(store: &Store, tenant: TenantId, number: u64, origin: Origin) -> MessagePlan {
    let record = store.tenants().get(tenant).await.expect("is there");
    MessagePlan {
        tenant,
        source: sample::source(),
        message: sample::message_id(number),
        sequence: number,
        partition: Partition::of(tenant),
        origin,
        received: Timestamp::from_seconds(1),
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
        work: Work::Apply(Vec::new()),
    }
}

async fn apply(store: &Store, state: &mut LedgerState, plans: Vec<MessagePlan>, now: Timestamp) -> Applied {
    match store.apply(state, &LedgerBatch::new(plans), now).await.expect("answers") {
        Attempt::Committed(applied) => applied,
        attempt => panic!("{attempt:?}"),
    }
}

/// The held messages of a tenant, and why each is.
async fn held(store: &Store, tenant: TenantId) -> Vec<(u64, MessageId, String)> {
    let found = store.tenant(tenant).held_messages(Page::first(99)).await.expect("lists").items;
    found.into_iter().map(|held| (held.position, held.message, held.reason)).collect()
}

async fn set(store: &Store, tenant: TenantId, quota: Quota) {
    let scope = store.tenant(tenant);
    let revision = scope.quota().await.expect("reads").revision;
    scope.set_quota(revision, &quota, &author(2)).await.expect("sets");
}

async fn used(store: &Store, tenant: TenantId, now: Timestamp) -> u64 {
    store.tenant(tenant).usage(now).await.expect("counts").messages
}

#[tokio::test]
async fn what_comes_beyond_a_month_is_held_and_goes_on_in_order_in_the_next() {
    on_each_database(async |database| {
        let store = &database.store;
        let (limited, free) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        set(store, limited, Quota { monthly_messages: 3, ..Quota::default() }).await;
        let mut ledger = state(store).await;
        let mut batch = Vec::new();
        for number in 1..=5 {
            batch.push(plan(store, limited, number, Origin::Journal).await);
            batch.push(plan(store, free, number + 100, Origin::Journal).await);
        }
        apply(store, &mut ledger, batch, november()).await;
        assert_eq!((used(store, limited, november()).await, used(store, free, november()).await), (3, 5));
        let waiting = |numbers: &[u64]| -> Vec<(u64, MessageId, String)> {
            let rows = numbers.iter().map(|number| (*number - 3, sample::message_id(*number)));
            rows.map(|(position, message)| (position, message, "MONTHLY_QUOTA".to_owned())).collect()
        };
        assert_eq!(held(store, limited).await, waiting(&[4, 5]));
        assert_eq!(held(store, free).await, []);
        let found = store.tenant(limited).held_message(sample::message_id(4)).await.expect("is held");
        let found = found.expect("is held");
        assert_eq!((found.position, found.reason.as_str()), (1, "MONTHLY_QUOTA"));
        assert_eq!(ledger.holding, HashSet::from([limited]));
        // As after a start: everything that counts is in the database.
        let mut ledger = state(store).await;
        apply(store, &mut ledger, vec![plan(store, limited, 6, Origin::Journal).await], november()).await;
        assert_eq!(held(store, limited).await, waiting(&[4, 5, 6]));
        let both = HashSet::from([limited, free]);
        assert_eq!(store.still_held(&both, november()).await, Ok(HashSet::from([limited])));
        let early = vec![plan(store, limited, 4, Origin::Held(1)).await];
        assert!(
            apply(store, &mut ledger, early, november()).await.messages.is_empty(),
            "it stays where it is"
        );
        assert_eq!(held(store, limited).await, waiting(&[4, 5, 6]));

        assert_eq!(store.still_held(&both, december()).await, Ok(HashSet::new()));
        let mut batch = vec![plan(store, limited, 4, Origin::Held(1)).await];
        batch.push(plan(store, limited, 5, Origin::Held(2)).await);
        let applied = apply(store, &mut ledger, batch, december()).await;
        assert_eq!((applied.messages.len(), applied.drained), (2, Vec::new()));
        assert_eq!(held(store, limited).await, waiting(&[6]));
        // One has to follow those that are still held, though the month has room for it.
        apply(store, &mut ledger, vec![plan(store, limited, 7, Origin::Journal).await], december()).await;
        assert_eq!(held(store, limited).await[1].2, "BEHIND_HELD");
        let batch = vec![
            plan(store, limited, 6, Origin::Held(3)).await,
            plan(store, limited, 7, Origin::Held(4)).await,
        ];
        apply(store, &mut ledger, batch, december()).await;
        assert_eq!(held(store, limited).await.len(), 1, "the month has room for three");
        assert_eq!((used(store, limited, november()).await, used(store, limited, december()).await), (3, 3));
        set(store, limited, Quota { monthly_messages: 4, ..Quota::default() }).await;
        let last = vec![plan(store, limited, 7, Origin::Held(4)).await];
        assert_eq!(apply(store, &mut ledger, last, december()).await.drained, [limited]);
        assert_eq!(used(store, limited, december()).await, 4);
    })
    .await;
}

#[tokio::test]
async fn neither_duplicates_count_nor_what_is_parked_nor_a_batch_that_is_not_written() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let mut ledger = state(store).await;
        let mut batch = Vec::new();
        for number in 1..=4 {
            batch.push(plan(store, tenant, number, Origin::Journal).await);
        }
        for plan in &mut batch[..2] {
            plan.facts.dedupe_key = Some("the same".to_owned());
        }
        let reason = ParkReason { code: "WORKFLOW_PANICKED", detail: String::new(), workflow: None };
        batch[2].work = Work::Park(reason);
        let stale = batch.clone();
        set(store, tenant, Quota::default()).await;
        let attempt = store.apply(&mut ledger, &LedgerBatch::new(stale), november()).await.expect("answers");
        assert!(matches!(attempt, Attempt::Stale(_)), "{attempt:?}");
        assert_eq!(used(store, tenant, november()).await, 0);
        for plan in &mut batch {
            plan.config_rev += 1;
        }
        apply(store, &mut ledger, batch, november()).await;
        assert_eq!(used(store, tenant, november()).await, 2);
    })
    .await;
}

fn source(number: u128) -> NewSource {
    NewSource {
        id: SourceId::from_bits(number),
        key: format!("source-{number}"),
        secret: UrlSecret::of(&format!("secret {number}")),
        ..sample::new_source()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_at_once_only_so_many_are_made_as_may_be() {
    on_each_database(async |database| {
        let tenant = tenant(&database.store, 1).await.id;
        set(&database.store, tenant, Quota { max_sources: 3, ..Quota::default() }).await;
        let mut makers = tokio::task::JoinSet::new();
        for number in 1..=8 {
            let store = database.store.clone();
            makers
                .spawn(async move { store.tenant(tenant).create_source(&source(number), &author(3)).await });
        }
        let made = makers.join_all().await;
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
        let refused = StoreError::QuotaExceeded { quota: "max_sources", limit: 3 };
        assert!(made.iter().all(|made| made.is_ok() || made.as_ref() == Err(&refused)), "{made:?}");
        assert_eq!(database.store.tenant(tenant).usage(november()).await.expect("counts").sources, 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_brought_back_needs_room_too() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let flow = |number: u128| NewWorkflow {
            id: WorkflowId::from_bits(number),
            key: format!("workflow-{number}"),
            source: SourceId::from_bits(1),
            ..sample::new_workflow()
        };
        let hook = |number: u128| NewDestination {
            id: DestinationId::from_bits(number),
            key: format!("destination-{number}"),
            ..sample::new_destination()
        };
        let quota = Quota { max_sources: 1, max_workflows: 2, max_destinations: 1, ..Quota::default() };
        set(store, tenant, quota).await;
        let exceeded = |quota, limit| Err(StoreError::QuotaExceeded { quota, limit });
        scope.create_source(&source(1), &author(3)).await.expect("makes");
        scope.create_workflow(&flow(1), &author(3)).await.expect("makes");
        scope.create_workflow(&flow(2), &author(3)).await.expect("makes");
        let third = scope.create_workflow(&flow(3), &author(3)).await;
        assert_eq!(third.map(|_| ()), exceeded("max_workflows", 2));
        scope.create_destination(&hook(1), &author(3)).await.expect("makes");
        let second = scope.create_destination(&hook(2), &author(3)).await;
        assert_eq!(second.map(|_| ()), exceeded("max_destinations", 1));

        scope.delete_destination(DestinationId::from_bits(1), 1, &author(4)).await.expect("deletes");
        scope.create_destination(&hook(2), &author(4)).await.expect("there is room");
        let back = scope.undelete_destination(DestinationId::from_bits(1), None, &author(5)).await;
        assert_eq!(back.map(|_| ()), exceeded("max_destinations", 1));
        scope.delete_workflow(WorkflowId::from_bits(2), 1, &author(4)).await.expect("deletes");
        scope.create_workflow(&flow(3), &author(4)).await.expect("there is room");
        let back = scope.undelete_workflow(WorkflowId::from_bits(2), None, &author(5)).await;
        assert_eq!(back.map(|_| ()), exceeded("max_workflows", 2));
        scope.delete_source(SourceId::from_bits(1), 1, &author(4)).await.expect("deletes");
        scope.create_source(&source(2), &author(4)).await.expect("there is room");
        let back = async || scope.undelete_source(SourceId::from_bits(1), None, &author(5)).await.map(|_| ());
        assert_eq!(back().await, exceeded("max_sources", 1));
        set(store, tenant, Quota { max_sources: 2, max_workflows: 1, ..quota }).await;
        assert_eq!(back().await, exceeded("max_workflows", 1), "two come back with it");
        set(store, tenant, Quota { max_sources: 2, ..quota }).await;
        back().await.expect("there is room");
    })
    .await;
}

#[tokio::test]
async fn a_quota_is_kept_and_the_door_knows_it() {
    on_each_database(async |database| {
        let store = &database.store;
        let (one, other) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        let scope = store.tenant(one);
        let unset = scope.quota().await.expect("reads");
        assert_eq!((unset.quota, unset.revision, unset.updated_at), (Quota::default(), 0, None));
        let quota = Quota {
            requests_per_second: 1,
            request_burst: 2,
            max_body_bytes: 3,
            monthly_messages: 4,
            max_sources: 5,
            max_workflows: 6,
            max_destinations: 7,
            retention_days: 8,
        };
        let kept = scope.set_quota(0, &quota, &author(5)).await.expect("sets");
        assert_eq!((kept.quota, kept.revision, kept.updated_at), (quota, 1, Some(author(5).at)));
        assert_eq!(scope.quota().await, Ok(kept));
        let late = scope.set_quota(0, &quota, &author(6)).await;
        assert_eq!(late, Err(StoreError::Conflict { what: "quota", conflict: Conflict::Revision }));
        let mut doors = store.door_tenants().await.expect("loads");
        doors.sort_unstable_by_key(|door| door.tenant);
        let known: Vec<_> = doors.iter().map(|door| (door.tenant, door.is_deleted, door.quota)).collect();
        assert_eq!(known, [(one, false, quota), (other, false, Quota::default())]);
        assert_eq!(scope.door_tenant().await.expect("loads").as_ref(), doors.first());
        store.tenants().delete(other, 1, &author(7)).await.expect("deletes");
        let gone = store.tenant(other).door_tenant().await.expect("loads").expect("is known");
        assert!(gone.is_deleted);
        assert_eq!(store.tenant(other).quota().await.expect("reads").quota, Quota::default());
    })
    .await;
}
