//! What the appenders, the writer and the readers of one log share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{
    disk::Disk, format::Salt, options::LogOptions, position::Positions, queue::Queue, segment::Segments,
};
use crate::{Fatal, JournalId};

/// The state of one open log.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) id: JournalId,
    pub(super) salt: Salt,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: LogOptions,
    pub(super) segments: Segments,
    pub(super) queue: Queue,
    pub(super) positions: Positions,
    pub(super) tail: watch::Sender<Tail>,
    pub(super) fatal: watch::Sender<Option<Fatal>>,
}

/// What readers wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    /// Sequence of the last synced record.
    pub(super) synced: u64,
    /// Whether nobody may read any more.
    pub(super) closed: bool,
}

impl Shared {
    /// Ends writing for ever: everybody who waits or comes later is told `fatal`.
    pub(super) fn poison(&self, fatal: &Fatal) {
        tracing::error!(error = %fatal, "the journal failed and takes nothing more: the process has to stop");
        self.queue.fail(fatal);
        self.fatal.send_replace(Some(fatal.clone()));
    }
}

/// Locks `mutex`. What it guards is sound between any two statements, so a panic elsewhere is no reason to stop.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
