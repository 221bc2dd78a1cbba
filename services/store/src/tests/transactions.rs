//! The only way to write.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement};
use tokio::sync::Barrier;

use crate::{
    Lane, StoreError,
    bulk::{OnConflict, bulk_insert},
    entity::meta,
    support::{on_each_database, open},
    txn::Txn,
};

async fn put(txn: &Txn, name: &str, value: &str) -> Result<(), StoreError> {
    let row = meta::Model { name: name.to_owned(), value: value.to_owned() };
    bulk_insert::<meta::Entity>(txn.as_ref(), vec![row], OnConflict::Replace).await.map(|_| ())
}

#[tokio::test]
async fn what_fails_leaves_nothing() {
    on_each_database(async |database| {
        let store = &database.store;
        let write = |txn: Txn| async move {
            let txn = &txn;
            put(txn, "name", "value").await?;
            Err::<(), _>(StoreError::state("test"))
        };
        assert_eq!(store.write_txn(Lane::Other, "test", write).await, Err(StoreError::state("test")));
        assert_eq!(store.meta("name").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn contention_is_repeated_from_the_beginning_and_not_for_ever() {
    on_each_database(async |database| {
        let calls = &AtomicU32::new(0);
        let write = |txn: Txn| async move {
            let txn = &txn;
            let call = calls.fetch_add(1, Ordering::Relaxed);
            put(txn, &format!("call {call}"), "made").await?;
            if call < 2 { Err(StoreError::Contention) } else { Ok(()) }
        };
        database.store.write_txn(Lane::Ledger, "test", write).await.expect("the third call works");
        assert_eq!(database.store.meta("call 0").await, Ok(None));
        assert_eq!(database.store.meta("call 2").await, Ok(Some("made".to_owned())));

        let calls = &AtomicU32::new(0);
        let write = |_: Txn| async move {
            calls.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(StoreError::Contention)
        };
        assert_eq!(database.store.write_txn(Lane::Ledger, "test", write).await, Err(StoreError::Contention));
        assert_eq!(calls.load(Ordering::Relaxed), 8);
    })
    .await;
}

/// Reads a number and writes it back with one more: lost updates would show as a smaller sum.
async fn count_up(txn: Txn) -> Result<(), StoreError> {
    let backend = txn.get_database_backend();
    let lock = if backend == DbBackend::Postgres { " FOR UPDATE" } else { "" };
    let sql = format!("SELECT value FROM meta WHERE name = 'sum'{lock}");
    let row = txn.query_one_raw(Statement::from_string(backend, sql)).await?;
    let sum: u32 =
        row.map_or(Ok(0), |row| row.try_get::<String>("", "value").map(|sum| sum.parse().unwrap_or(0)))?;
    put(&txn, "sum", &(sum + 1).to_string()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_two_processes_lose_no_update() {
    on_each_database(async |database| {
        database.store.put_meta("sum", "0").await.expect("writes");
        let start = Arc::new(Barrier::new(8));
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..8 {
            // A store of its own has lanes of its own, as another process has.
            let store = if number % 2 == 0 { database.store.clone() } else { open(&database.url).await };
            let start = Arc::clone(&start);
            writers.spawn(async move {
                start.wait().await;
                for _ in 0..10 {
                    let lane = if number < 2 { Lane::Ledger } else { Lane::Other };
                    store.write_txn(lane, "test", count_up).await.expect("writes in the end");
                }
            });
        }
        writers.join_all().await;
        assert_eq!(database.store.meta("sum").await, Ok(Some("80".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn a_deadlock_is_repeated() {
    on_each_database(async |database| {
        database.store.put_meta("a", "0").await.expect("writes");
        database.store.put_meta("b", "0").await.expect("writes");
        let both_hold_one = &Barrier::new(2);
        let attempts = &AtomicU32::new(0);
        let write = async |first: &str, second: &str| {
            let work = |txn: Txn| async move {
                let txn = &txn;
                let is_first_try = attempts.fetch_add(1, Ordering::Relaxed) < 2;
                put(txn, first, "1").await?;
                if is_first_try && txn.get_database_backend() == DbBackend::Postgres {
                    both_hold_one.wait().await;
                }
                put(txn, second, "1").await
            };
            database.store.write_txn(Lane::Other, "test", work).await
        };
        let (one, two) = tokio::join!(write("a", "b"), write("b", "a"));
        assert_eq!((one, two), (Ok(()), Ok(())));
        let expected = if database.store.backend() == DbBackend::Postgres { 3 } else { 2 };
        assert_eq!(attempts.load(Ordering::Relaxed), expected, "the one that was chosen began again");
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing_and_blocks_nobody() {
    on_each_database(async |database| {
        let store = database.store.clone();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let begun = std::sync::Mutex::new(Some(begun));
        let task = tokio::spawn(async move {
            let begun = &begun;
            let write = |txn: Txn| async move {
                let txn = &txn;
                put(txn, "name", "value").await?;
                if let Some(begun) = begun.lock().expect("not poisoned").take() {
                    begun.send(()).expect("the test waits");
                }
                std::future::pending::<()>().await;
                Ok(())
            };
            store.write_txn(Lane::Ledger, "test", write).await
        });
        has_begun.await.expect("begins");
        task.abort();
        assert!(task.await.is_err());
        database.store.put_meta("other", "value").await.expect("is not blocked");
        let rows = meta::Entity::find().all(database.store.reader()).await.expect("reads");
        assert_eq!(rows.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn readers_cannot_write() {
    on_each_database(async |database| {
        if database.store.backend() == DbBackend::Sqlite {
            let statement = "INSERT INTO meta (name, value) VALUES ('a', 'b')";
            assert!(database.store.reader().execute_unprepared(statement).await.is_err());
        }
    })
    .await;
}
