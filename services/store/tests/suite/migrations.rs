//! Migrating and opening.

use tributary_store::{Sealer, Store, StoreOptions};

use crate::support::{Database, on_each_database, open};

#[tokio::test]
async fn status_tells_what_is_missing_and_writes_nothing() {
    for kind in ["sqlite", "postgres"] {
        let Some(database) = Database::fresh(kind).await else { continue };
        let before = database.store.migrations().await.expect("tells");
        assert!(!before.is_empty() && before.iter().all(|migration| !migration.applied));
        assert_eq!(database.store.migrations().await.expect("tells"), before);
        database.store.migrate().await.expect("migrates");
        let after = database.store.migrations().await.expect("tells");
        assert!(after.iter().all(|migration| migration.applied));
        database.store.migrate().await.expect("a second time changes nothing");
        database.drop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_migrate_once() {
    for kind in ["sqlite", "postgres"] {
        let Some(database) = Database::fresh(kind).await else { continue };
        let mut nodes = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let node = open(&database.url).await;
            nodes.spawn(async move {
                node.migrate().await.expect("migrates");
                node.close().await.expect("closes");
            });
        }
        nodes.join_all().await;
        database.store.put_meta("name", "value").await.expect("has its tables");
        database.drop().await;
    }
}

#[tokio::test]
async fn what_is_written_is_there_after_opening_again() {
    on_each_database(async |database| {
        database.store.put_meta("name", "value").await.expect("writes");
        let again = open(&database.url).await;
        assert_eq!(again.meta("name").await, Ok(Some("value".to_owned())));
        again.ping().await.expect("answers");
        again.close().await.expect("closes");
    })
    .await;
}

#[tokio::test]
async fn urls_that_cannot_work_are_refused_with_advice() {
    for (url, advice) in
        [("mysql://host/name", "sqlite:"), ("sqlite::memory:", "name a file"), ("", "sqlite:")]
    {
        let error = Store::open(url, StoreOptions::new(Sealer::new([0; 32]))).await.expect_err("is refused");
        assert!(error.to_string().contains(advice), "{url}: {error}");
    }
}
