//! The reserve of free space: below it nothing is accepted, so that the ledger can still commit and release.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::disk::Disk;
use crate::AppendError;

/// Free space as it was seen last.
#[derive(Debug)]
pub(super) struct Space {
    disk: Arc<dyn Disk>,
    reserve: u64,
    interval: Duration,
    started: Instant,
    /// When to look again, in microseconds since `started`.
    due: AtomicU64,
    free: AtomicU64,
}

impl Space {
    pub(super) fn new(disk: Arc<dyn Disk>, reserve: u64, interval: Duration) -> Self {
        let (due, free) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        Self { disk, reserve, interval, started: Instant::now(), due, free }
    }

    /// Refuses while there is less than the reserve. Looks at the volume when that was not done for the interval, so
    /// it goes on by itself once there is space again.
    pub(super) fn check(&self) -> Result<(), AppendError> {
        let now = micros(self.started.elapsed());
        let due = self.due.load(Relaxed);
        let next = now.saturating_add(micros(self.interval));
        // Whoever moves the time on looks; the others take what was seen.
        if now >= due && self.due.compare_exchange(due, next, Relaxed, Relaxed).is_ok() {
            self.look();
        }
        let free = self.free.load(Relaxed);
        if free < self.reserve { Err(self.full(free)) } else { Ok(()) }
    }

    /// What an append is told when the volume refused space.
    pub(super) fn refused(&self) -> AppendError {
        self.look();
        self.full(self.free.load(Relaxed))
    }

    fn full(&self, free: u64) -> AppendError {
        AppendError::Full { free, reserve: self.reserve }
    }

    fn look(&self) {
        match self.disk.free_bytes() {
            Ok(free) => self.free.store(free, Relaxed),
            Err(error) => tracing::warn!(%error, "the free space of the journal's volume is not known"),
        }
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
