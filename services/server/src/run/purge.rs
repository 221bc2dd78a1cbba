//! Removes what was deleted long ago, in the background: in steps so small, with rests so long, that nobody waits for it.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tributary_domain::time::Clock;
use tributary_store::{
    Store,
    lifecycle::{Gone, Purge, Purged},
};

use super::door::Doorkeeper;

/// How often it is looked for something to remove.
const LOOK: Duration = Duration::from_secs(600);
/// How long it rests after an error.
pub(super) const AFTER_ERROR: Duration = Duration::from_secs(30);
/// A step is followed by a rest of so many times its own length, so that it takes a tenth of the writer at most.
const REST: u32 = 9;
/// The shortest rest: on a fast disk, too, others come in between.
const SHORTEST_REST: Duration = Duration::from_millis(5);

/// Removes what is to be removed, until `stop` is cancelled.
pub(super) async fn run(store: Store, door: Arc<Doorkeeper>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut purge = Purge::new(store);
    loop {
        let rest = step(&mut purge, &door, &*clock).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(rest) => {}
        }
    }
}

/// One step; how long to rest after it.
async fn step(purge: &mut Purge, door: &Doorkeeper, clock: &dyn Clock) -> Duration {
    let began = Instant::now();
    match purge.step(clock.now()).await {
        Ok(Purged::Nothing) => return LOOK,
        Ok(Purged::Rows(_)) => {}
        Ok(Purged::All(gone)) => {
            tracing::info!(?gone, "what was deleted is removed");
            match gone {
                Gone::Tenant(tenant) => door.forget(|entry| entry.tenant == tenant).await,
                Gone::Source(_, source) => door.forget(|entry| entry.source == source).await,
                Gone::Workflow(..) | Gone::Destination(..) => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "what was deleted is not removed yet");
            return AFTER_ERROR;
        }
    }
    rest_after(began)
}

/// How long to rest after a step that began then.
pub(super) fn rest_after(began: Instant) -> Duration {
    began.elapsed().saturating_mul(REST).max(SHORTEST_REST)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tributary_domain::{
        id::{SourceId, TenantId},
        time::Timestamp,
    };
    use tributary_ingest::SourceDirectory;
    use tributary_store::{Sealer, StoreOptions, audit::Author, lifecycle::GRACE};

    use super::*;
    use crate::run::door;

    #[derive(Debug)]
    struct Hands(Mutex<Timestamp>);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[tokio::test]
    async fn what_was_deleted_long_ago_is_removed_and_the_door_forgets_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("tributary.db").display());
        let store = Store::open(&url, StoreOptions::new(Sealer::new([7; 32]))).await.unwrap();
        store.migrate().await.unwrap();
        let (tenant, source) = (TenantId::new(1, 2), SourceId::new(1, 3));
        door::tests::make(&store, tenant, source).await;
        let directory = Arc::new(SourceDirectory::default());
        door::load(&store, &directory).await.unwrap();
        let is_known = || format!("{directory:?}").contains("SourceEntry");
        let keeper = Doorkeeper::new(store.clone(), Arc::clone(&directory), CancellationToken::new());
        let author = Author::new("test", Timestamp::from_seconds(10));
        store.tenant(tenant).delete_source(source, 1, &author).await.unwrap();

        let clock = Hands(Mutex::new(author.at));
        let mut purge = Purge::new(store.clone());
        assert_eq!(step(&mut purge, &keeper, &clock).await, LOOK);
        assert!(is_known());
        *clock.0.lock().unwrap() = author.at.plus(GRACE);
        assert!(step(&mut purge, &keeper, &clock).await < LOOK, "it has begun");
        while step(&mut purge, &keeper, &clock).await < LOOK {}
        assert!(!is_known());
        assert!(store.tenant(tenant).any_source(source).await.is_err());
    }
}
