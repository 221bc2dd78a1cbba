//! The feed: reads the journal in order, has batches evaluated in parallel, and hands the plans to the ledger in
//! order. While one batch commits, the next one is evaluated.

mod applier;
mod caution;
mod pace;
mod reader;
mod replays;
mod run;

use std::sync::Arc;

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tributary_domain::{committed::Committed, partition::PartitionSet, time::Clock};
use tributary_journal::Journal;
use tributary_store::{Store, ledger::CommandOutcome};
use tributary_telemetry::Metrics;

use crate::{destination::Dispatcher, registry::Registry, supervision::Arbiters};

pub(crate) use replays::Replays;
pub(crate) use run::run;

/// What the feed works with.
pub(crate) struct Feed {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) arbiters: Arc<Arbiters>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// Which partitions it reads and commits.
    pub(crate) partitions: PartitionSet,
    /// Who owns them: this process.
    pub(crate) owner: String,
    /// What was committed, for who watches.
    pub(crate) tail: broadcast::Sender<Arc<Committed>>,
    /// How commands ended, for who waits for them.
    pub(crate) outcomes: broadcast::Sender<CommandOutcome>,
    /// Messages that are to be processed again.
    pub(crate) replays: Replays,
    /// Something besides the journal may have work: commands, a tenant that goes on.
    pub(crate) nudge: Notify,
    /// Everything up to here is committed.
    pub(crate) committed: watch::Sender<u64>,
    /// No new batch is begun after this.
    pub(crate) stopping: CancellationToken,
    /// The house cannot go on.
    pub(crate) fatal: CancellationToken,
}

impl Feed {
    /// Everything up to this sequence is committed.
    pub(crate) fn committed(&self) -> u64 {
        *self.committed.borrow()
    }
}
