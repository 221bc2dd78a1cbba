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
const AFTER_ERROR: Duration = Duration::from_secs(30);
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
    began.elapsed().saturating_mul(REST).max(SHORTEST_REST)
}
