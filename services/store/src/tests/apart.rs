//! Reading aside of everybody else.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::{on_each_database, tenant};

static THREADS: AtomicU32 = AtomicU32::new(0);

fn count() {
    THREADS.fetch_add(1, Ordering::Relaxed);
}

#[tokio::test]
async fn what_is_read_apart_is_what_is_written_since_and_takes_no_connection_of_the_others() {
    on_each_database(async |database| {
        THREADS.store(0, Ordering::Relaxed);
        let apart = database.store.apart(count).await.expect("opens");
        let is_sqlite = database.url.starts_with("sqlite");
        assert_eq!(THREADS.load(Ordering::Relaxed) > 0, is_sqlite, "a server has no threads here");
        let made = tenant(&database.store, 1).await;
        let read = apart.tenants().get(made.id).await.expect("is there");
        assert_eq!(read.display_name, made.display_name);
        if is_sqlite {
            database.store.reader().close_by_ref().await.expect("closes");
            apart.tenants().get(made.id).await.expect("still reads");
            apart.reader().close_by_ref().await.expect("closes");
        }
    })
    .await;
}
