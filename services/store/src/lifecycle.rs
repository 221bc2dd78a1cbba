//! What is deleted: it stays for [`GRACE`], can be brought back so long, and is then removed in small steps.

mod preview;
mod purge;
pub(crate) mod tables;

use std::time::Duration;

use tributary_domain::time::Timestamp;

pub use preview::Preview;
pub use purge::{Gone, Purge, Purged};

use crate::{StoreError, tenant::next_revision};

/// How long what is deleted can be brought back.
pub const GRACE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// From when on what was deleted at `deleted` is removed.
pub fn purge_time(deleted: Timestamp) -> Timestamp {
    deleted.plus(GRACE)
}

/// Something that is to be brought back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deleted {
    pub(crate) what: &'static str,
    pub(crate) at: Option<i64>,
}

impl Deleted {
    /// Whether it can be brought back `now`.
    ///
    /// # Errors
    /// When it is not deleted, or is for removal already: it is gone then, whether or not its removal has begun.
    pub(crate) fn check(self, now: Timestamp) -> Result<(), StoreError> {
        let Some(at) = self.at else { return Err(StoreError::live(self.what)) };
        if purge_time(Timestamp::from_micros(at)) <= now {
            return Err(StoreError::not_found(self.what));
        }
        Ok(())
    }
}

/// The revision after `stored`, if that is the one that was `read`, or none was.
pub(crate) fn check_revision(stored: i64, read: Option<u64>, what: &'static str) -> Result<i64, StoreError> {
    match read {
        Some(read) => next_revision(stored, read, what),
        None => Ok(stored.saturating_add(1)),
    }
}
