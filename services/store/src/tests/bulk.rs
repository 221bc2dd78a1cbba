//! Many rows at once.

use sea_orm::{EntityTrait, PaginatorTrait};

use crate::{
    Lane, Store, StoreError,
    bulk::{OnConflict, bulk_insert},
    entity::meta,
    support::on_each_database,
    txn::Txn,
};

fn rows(from: usize, to: usize, value: &str) -> Vec<meta::Model> {
    (from..to).map(|number| meta::Model { name: format!("{number:05}"), value: value.to_owned() }).collect()
}

async fn insert(store: &Store, rows: &[meta::Model], on_conflict: OnConflict) -> Result<u64, StoreError> {
    let write =
        |txn: Txn| async move { bulk_insert::<meta::Entity>(txn.as_ref(), rows.to_vec(), on_conflict).await };
    store.write_txn(Lane::Other, "test", write).await
}

#[tokio::test]
async fn every_number_of_rows_around_the_chunk_sizes_is_written_whole() {
    on_each_database(async |database| {
        let store = &database.store;
        let mut from = 0;
        for count in [0, 1, 2, 7, 8, 9, 31, 32, 33, 127, 128, 129, 255, 256, 257, 600] {
            let inserted =
                insert(store, &rows(from, from + count, "new"), OnConflict::Fail).await.expect("inserts");
            assert_eq!(inserted, count as u64);
            from += count;
        }
        assert_eq!(meta::Entity::find().count(store.reader()).await.expect("counts"), from as u64);
    })
    .await;
}

#[tokio::test]
async fn a_conflict_fails_is_ignored_or_replaces() {
    on_each_database(async |database| {
        let store = &database.store;
        insert(store, &rows(0, 10, "old"), OnConflict::Fail).await.expect("inserts");
        let failed = insert(store, &rows(9, 300, "new"), OnConflict::Fail).await;
        assert_eq!(failed, Err(StoreError::exists("row")));
        assert_eq!(store.meta("00299").await, Ok(None), "nothing of a failed transaction stays");
        assert_eq!(insert(store, &rows(5, 20, "new"), OnConflict::Ignore).await, Ok(10));
        assert_eq!(store.meta("00005").await, Ok(Some("old".to_owned())));
        insert(store, &rows(0, 20, "newest"), OnConflict::Replace).await.expect("replaces");
        assert_eq!(store.meta("00005").await, Ok(Some("newest".to_owned())));
    })
    .await;
}
