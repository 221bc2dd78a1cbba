//! A message repeats another for as long as its tenant keeps dedupe keys, and not a moment longer.

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use sea_orm::{EntityTrait, PaginatorTrait};
use tributary_domain::{
    id::{MessageId, SourceId, TenantId},
    partition::{Partition, PartitionSet},
    retention::Retention,
    time::Timestamp,
};

use super::{
    retention::{DAY, Stands, day, round, write},
    sample,
};
use crate::{
    Packed, Store,
    entity::dedupe_key,
    ledger::{Attempt, Fate, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, Work},
    support::{author, on_each_database, tenant},
    tenant::TenantChange,
};

/// Brings messages in, all with the same dedupe key, in one batch; what became of each.
async fn bring(
    store: &Store,
    state: &mut LedgerState,
    tenant: TenantId,
    sequence: u64,
    messages: &[MessageId],
) -> Vec<Fate> {
    let record = store.tenants().get(tenant).await.expect("is there");
    let settings = Arc::new(record.settings);
    let plans = (sequence..).zip(messages).map(|(sequence, message)| MessagePlan {
        tenant,
        source: sample::source(),
        message: *message,
        sequence,
        partition: Partition::of(tenant),
        origin: Origin::Journal,
        received: Timestamp::from_millis(message.millis().cast_signed()),
        signature: "UNSIGNED",
        trace_parent: None,
        headers: "[]".to_owned(),
        body: Packed::of(b"{}"),
        record: Bytes::from_static(b"record"),
        facts: MessageFacts {
            cluid_status: "MISSING",
            dedupe_key: Some("the same".to_owned()),
            ..MessageFacts::default()
        },
        config_rev: record.config_rev.cast_signed(),
        settings: Arc::clone(&settings),
        destinations: Arc::default(),
        is_test: false,
        work: Work::Apply(Vec::new()),
    });
    let batch = LedgerBatch::new(plans.collect());
    let attempt = store.apply(state, &batch, Timestamp::from_seconds(1)).await.expect("answers");
    assert!(matches!(attempt, Attempt::Committed(_)), "{attempt:?}");
    let mut fates = Vec::new();
    for message in messages {
        fates.push(store.tenant(tenant).message(*message).await.expect("is there").summary.fate);
    }
    fates
}

#[tokio::test]
async fn what_comes_again_after_the_period_is_new_and_takes_the_key_over() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        let now = store.tenants().get(id).await.expect("is there");
        let mut settings = now.settings;
        settings.retention = Retention { dedupe_days: 2, ..Retention::default() };
        let change = TenantChange { settings: Some(settings), ..TenantChange::default() };
        store.tenants().update(id, now.revision, &change, &author(2)).await.expect("changes");
        let (claim, _) = store
            .claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, Timestamp::from_seconds(1))
            .await
            .expect("claims");
        let mut state = LedgerState {
            claim,
            holding: HashSet::new(),
            next_position: 1,
            suppressing: HashSet::new(),
            noted: Default::default(),
            waiting: Default::default(),
            blocked: Default::default(),
        };
        let at = |millis: u64| MessageId::new(100 * DAY + millis, 1);
        let (first, last, new) = (at(0), at(2 * DAY - 1), at(2 * DAY));
        let fates = bring(store, &mut state, id, 1, &[first, last, new]).await;
        assert_eq!(fates, [Fate::Applied, Fate::Duplicate(first), Fate::Applied]);
        // Two that take the key over in one batch, and one that was accepted before the key's message.
        let (third, repeat, fourth, early) = (at(5 * DAY), at(6 * DAY), at(8 * DAY), at(1));
        let fates = bring(store, &mut state, id, 4, &[third, repeat, fourth, early]).await;
        assert_eq!(fates, [Fate::Applied, Fate::Duplicate(third), Fate::Applied, Fate::Applied]);
        let keys = dedupe_key::Entity::find().all(store.reader()).await.expect("reads");
        let owners: Vec<_> = keys.iter().map(|row| row.message_id.clone()).collect();
        assert_eq!(owners, [fourth.bits().to_be_bytes().to_vec()], "the youngest has the key");
        let late = MessageId::new(
            Timestamp::from_millis(fourth.millis().cast_signed()).plus(Duration::from_secs(1)).millis(),
            1,
        );
        let fates = bring(store, &mut state, id, 8, &[late]).await;
        assert_eq!(fates, [Fate::Duplicate(fourth)]);
        let taken = async |tenant: TenantId, source: SourceId| {
            store.tenant(tenant).taken_keys(source, &["another", "the same", "none"]).await.expect("looks")
        };
        assert_eq!(taken(id, sample::source()).await, [false, true, false]);
        assert_eq!(taken(id, SourceId::new(7, 7)).await, [false; 3], "of another source");
        assert_eq!(taken(TenantId::new(7, 7), sample::source()).await, [false; 3], "of another tenant");
    })
    .await;
}

#[tokio::test]
async fn keys_stay_for_what_the_journal_may_still_hold_back() {
    on_each_database(async |database| {
        let store = &database.store;
        let id = tenant(store, 1).await.id;
        write(store, id, 100 * DAY, Stands::Done).await;
        for (days, left) in [(131, 1), (133, 1), (134, 0)] {
            round(store, day(days)).await;
            assert_eq!(
                dedupe_key::Entity::find().count(store.reader()).await.expect("counts"),
                left,
                "on day {days}"
            );
        }
    })
    .await;
}
