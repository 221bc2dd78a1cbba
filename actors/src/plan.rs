//! From an accepted message to a plan: what the source actor and its workflow actors hand around.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use tributary_domain::partition::Partition;
use tributary_journal::Accepted;
use tributary_planner::Parsed;
use tributary_store::ledger::Origin;

/// An accepted message on its way to the ledger.
#[derive(Clone)]
pub(crate) struct Task {
    /// Which way it came.
    pub(crate) origin: Origin,
    /// Its place in the order of acceptance.
    pub(crate) sequence: u64,
    /// The partition of its tenant.
    pub(crate) partition: Partition,
    /// The message.
    pub(crate) accepted: Arc<Accepted>,
    /// The bytes that it was read from.
    pub(crate) record: Bytes,
}

impl fmt::Debug for Task {
    /// Without the bytes: they are a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("origin", &self.origin)
            .field("sequence", &self.sequence)
            .field("partition", &self.partition)
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}

/// Parsed messages, shared by all workflows of a source.
pub(crate) type ParsedBatch = Arc<[Arc<Parsed>]>;
