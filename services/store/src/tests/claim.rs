//! Who may commit, and from where.

use std::{collections::BTreeMap, time::Duration};

use tributary_domain::{
    partition::{Partition, PartitionSet},
    time::Timestamp,
};

use crate::{
    Lane, Store, StoreError,
    ledger::{Claim, JournalGap},
    support::on_each_database,
    txn::Txn,
};

fn partition() -> Partition {
    Partition::new(7).expect("there is one")
}

async fn claim(store: &Store, owner: &str, journal: &str) -> (Claim, Option<JournalGap>) {
    let now = Timestamp::from_seconds(1);
    store.claim(PartitionSet::all(), owner, journal, u64::MAX >> 1, now).await.expect("claims")
}

async fn commit(store: &Store, claim: &Claim, sequence: Option<u64>) -> Result<(), StoreError> {
    let progress = &BTreeMap::from([(partition(), sequence)]);
    let work = |txn: Txn| async move { claim.commit(&txn, progress).await };
    store.write_txn(Lane::Ledger, "test", work).await
}

#[tokio::test]
async fn a_journal_that_comes_back_goes_on_where_it_was_left() {
    on_each_database(async |database| {
        let store = &database.store;
        let (first, gap) = claim(store, "a", "one").await;
        assert_eq!((first.progress(partition()), gap), (0, None));
        commit(store, &first, Some(90)).await.expect("commits");

        let (second, gap) = claim(store, "a", "two").await;
        assert_eq!(gap, Some(JournalGap::OtherJournal { before: "one".to_owned(), committed: 90 }));
        assert_eq!(second.progress(partition()), 0, "nothing of the new journal is done");
        commit(store, &second, Some(200)).await.expect("commits");

        let (back, _) = claim(store, "a", "one").await;
        assert_eq!(back.progress(partition()), 90, "what the other committed says nothing of this one");
        assert_eq!(store.committed_floor().await, Ok(200), "sequences go on above both");
    })
    .await;
}

#[tokio::test]
async fn an_owner_that_was_succeeded_commits_nothing() {
    on_each_database(async |database| {
        let store = &database.store;
        let (before, _) = claim(store, "a", "one").await;
        commit(store, &before, Some(5)).await.expect("commits");
        let (after, gap) = claim(store, "b", "one").await;
        assert_eq!((after.progress(partition()), gap), (5, None));
        for sequence in [Some(6), None] {
            let refused = commit(store, &before, sequence).await.expect_err("it is not the owner");
            assert!(refused.is_fenced(), "{refused:?}");
            commit(store, &after, sequence).await.expect("the owner commits");
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_waits_for_a_commit_that_is_under_way_and_sees_it() {
    on_each_database(async |database| {
        let store = &database.store;
        let (before, _) = claim(store, "a", "one").await;
        let (before, progress) = (&before, &BTreeMap::from([(partition(), Some(5))]));
        let work = |txn: Txn| async move {
            before.commit(&txn, progress).await?;
            let other = store.clone();
            let mut taking = tokio::spawn(async move { claim(&other, "b", "one").await.0 });
            let waited = tokio::time::timeout(Duration::from_millis(300), &mut taking).await;
            assert!(waited.is_err(), "it takes over before the commit has ended");
            Ok(taking)
        };
        let taking = store.write_txn(Lane::Ledger, "test", work).await.expect("commits");
        assert_eq!(taking.await.expect("claims").progress(partition()), 5);
    })
    .await;
}
