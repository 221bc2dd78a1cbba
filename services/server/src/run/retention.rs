//! Removes what was kept for as long as its tenant keeps it, in the background: as slowly as what was deleted is removed.

use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tributary_domain::time::{Clock, Timestamp};
use tributary_store::{
    Store,
    retention::{Kind, Sweep, Swept},
};
use tributary_telemetry::Metrics;

use super::purge::{AFTER_ERROR, rest_after};

/// From the end of a round to the next one.
const BETWEEN_ROUNDS: Duration = Duration::from_secs(3 * 60 * 60);
/// How often it is looked whether it is time for one.
const LOOK: Duration = Duration::from_secs(60);

/// Removes what is to be removed, until `stop` is cancelled.
pub(super) async fn run(store: Store, clock: Arc<dyn Clock>, metrics: Metrics, stop: CancellationToken) {
    let mut rounds = Rounds::new(store, metrics);
    loop {
        let rest = rounds.step(clock.now()).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(rest) => {}
        }
    }
}

/// Rounds, one after the other.
struct Rounds {
    sweep: Sweep,
    metrics: Metrics,
    /// What was removed in this round.
    removed: BTreeMap<Kind, u64>,
    next: Timestamp,
}

impl Rounds {
    fn new(store: Store, metrics: Metrics) -> Self {
        Self { sweep: Sweep::new(store), metrics, removed: BTreeMap::new(), next: Timestamp::default() }
    }

    /// One step, when there is one to do; how long to rest after it.
    async fn step(&mut self, now: Timestamp) -> Duration {
        if now < self.next {
            return LOOK;
        }
        let began = Instant::now();
        match self.sweep.step(now).await {
            Ok(Swept::Looked) => {}
            Ok(Swept::Rows(kind, rows)) => {
                self.metrics.removed(kind.name(), rows);
                *self.removed.entry(kind).or_default() += rows;
            }
            Ok(Swept::Done) => {
                self.report();
                self.next = now.plus(BETWEEN_ROUNDS);
            }
            Err(error) => {
                tracing::warn!(%error, "what was kept for long enough is not removed yet");
                return AFTER_ERROR;
            }
        }
        rest_after(began)
    }

    fn report(&mut self) {
        if self.removed.is_empty() {
            return;
        }
        let mut rows = String::new();
        for (kind, count) in std::mem::take(&mut self.removed) {
            let comma = if rows.is_empty() { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(rows, "{comma}{}: {count}", kind.name());
        }
        tracing::info!(%rows, "what was kept for long enough is removed");
    }
}
