//! What a batch writes when its plans no longer hold.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use tributary_domain::{
    id::TenantId,
    partition::{Partition, PartitionSet},
    time::Timestamp,
};

use super::sample;
use crate::{
    Packed, Page, Store,
    ledger::{Attempt, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, ParkReason, Work},
    source::SourceChange,
    support::{author, on_each_database, tenant},
};

async fn state(store: &Store) -> LedgerState {
    let (claim, _) = store
        .claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, Timestamp::from_seconds(1))
        .await
        .expect("claims");
    LedgerState {
        claim,
        holding: HashSet::new(),
        next_position: 1,
        suppressing: HashSet::new(),
        noted: Default::default(),
        waiting: Default::default(),
        blocked: Default::default(),
    }
}

/// The plan to park message `number` of `tenant`, made with the configuration in force.
async fn plan(store: &Store, tenant: TenantId, number: u64) -> MessagePlan {
    let record = store.tenants().get(tenant).await.expect("is there");
    let reason = ParkReason { code: "WORKFLOW_PANICKED", detail: "it panicked".to_owned(), workflow: None };
    MessagePlan {
        tenant,
        source: sample::source(),
        message: sample::message_id(number),
        sequence: number,
        partition: Partition::of(tenant),
        origin: Origin::Journal,
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
        work: Work::Park(reason),
    }
}

#[tokio::test]
async fn nothing_of_a_batch_is_written_when_the_configuration_behind_one_of_its_plans_changed() {
    on_each_database(async |database| {
        let store = &database.store;
        let (changed, unchanged) = (tenant(store, 1).await.id, tenant(store, 2).await.id);
        let scope = store.tenant(changed);
        let source = scope.create_source(&sample::new_source(), &author(2)).await.expect("makes a source");
        let batch = [plan(store, unchanged, 1).await, plan(store, changed, 2).await];

        let change = SourceChange { display_name: Some("Renamed".to_owned()), ..SourceChange::default() };
        scope.update_source(source.id, source.revision, &change, &author(3)).await.expect("renames it");
        let mut state = state(store).await;
        let now = Timestamp::from_seconds(4);
        let attempt = store.apply(&mut state, &LedgerBatch::new(batch.to_vec()), now).await.expect("answers");
        let Attempt::Stale(tenants) = attempt else { panic!("{attempt:?}") };
        assert_eq!(tenants, [changed]);
        for tenant in [changed, unchanged] {
            let parked = store.tenant(tenant).parked_messages(Page::first(9)).await.expect("lists");
            assert!(parked.items.is_empty(), "{parked:?}");
            assert_eq!(state.claim.progress(Partition::of(tenant)), 0);
        }
        assert_eq!(store.committed_floor().await, Ok(0), "no progress is written");

        let again = vec![batch[0].clone(), plan(store, changed, 2).await];
        let attempt = store.apply(&mut state, &LedgerBatch::new(again), now).await.expect("answers");
        assert!(matches!(attempt, Attempt::Committed(_)), "{attempt:?}");
        for tenant in [changed, unchanged] {
            let parked = store.tenant(tenant).parked_messages(Page::first(9)).await.expect("lists");
            assert_eq!(parked.items.len(), 1);
        }
        assert_eq!(store.committed_floor().await, Ok(2));
    })
    .await;
}
