//! Some messages end the process itself: a stack overflow, too much memory. Unwinding does not catch those, so the
//! feed counts. After two starts that ended uncleanly at one position it takes few messages at a time and notes them
//! before they are looked at; if the process ends on those, the next start takes them one by one, and parks the one
//! that it ends on again and again. Once is not enough: a process that is killed from outside ends on some message
//! too, and that message has done nothing.

use std::time::Duration;

use tributary_journal::ReadLimit;
use tributary_store::{Store, StoreError, ledger::ParkReason};

use super::pace::BATCH;
use crate::plan::Task;

/// Unclean ends at one position before care begins.
const UNCLEAN_ENDS: u64 = 2;
/// Unclean ends on one message, taken alone, before it is parked.
const ENDS_ON_ONE: u64 = 3;
/// How long the process has to live before what it ended on is tried again, for each time that it did.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many messages are taken with care: all that can have been under way, applied, waiting and evaluated.
const CAREFUL_MESSAGES: usize = 3 * BATCH.messages;
/// How many of them at a time.
const CAREFUL_BATCH: usize = 32;
const STARTS: &str = "feed.starts";
const SUSPECT: &str = "feed.suspect";

/// How carefully the feed goes.
#[derive(Debug)]
pub(super) struct Caution {
    left: usize,
    suspect: Option<Suspect>,
}

/// What was being processed when the process ended.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    first: u64,
    last: u64,
    /// How often the process ended on it, where it is one message.
    ends: u64,
}

impl Caution {
    /// Notes a start at `position`: the highest sequence that is committed.
    pub(super) async fn begin(store: &Store, position: u64) -> Result<Self, StoreError> {
        let before = numbers(store, STARTS).await?;
        let starts = if before.first() == Some(&position) { before.get(1).copied().unwrap_or(0) } else { 0 };
        store.put_meta(STARTS, &format!("{position} {}", starts + 1)).await?;
        let suspect = match numbers(store, SUSPECT).await?[..] {
            [first, last, ends] if last > position => Some(Suspect { first, last, ends }),
            _ => None,
        };
        let careful = starts >= UNCLEAN_ENDS || suspect.is_some();
        if careful {
            tracing::warn!(position, starts, "the process ended uncleanly here before: going carefully");
        }
        Ok(Self { left: if careful { CAREFUL_MESSAGES } else { 0 }, suspect })
    }

    /// Notes a clean end.
    pub(super) async fn end(store: &Store) -> Result<(), StoreError> {
        store.put_meta(STARTS, "").await?;
        store.put_meta(SUSPECT, "").await
    }

    pub(super) fn is_careful(&self) -> bool {
        self.left > 0
    }

    /// How much may be read after `after`.
    pub(super) fn limit(&self, after: u64, usual: ReadLimit) -> ReadLimit {
        let is_suspect = self.suspect.is_some_and(|suspect| after < suspect.last);
        match (self.is_careful(), is_suspect) {
            (false, _) => usual,
            (true, true) => ReadLimit { messages: 1, ..usual },
            (true, false) => ReadLimit { messages: CAREFUL_BATCH, ..usual },
        }
    }

    /// To be called before `tasks` are evaluated; a reason when they are to be parked unseen.
    pub(super) async fn before(
        &mut self,
        store: &Store,
        tasks: &[Task],
    ) -> Result<Option<ParkReason>, StoreError> {
        let (true, Some(first), Some(last)) = (self.is_careful(), tasks.first(), tasks.last()) else {
            return Ok(None);
        };
        self.left = self.left.saturating_sub(tasks.len());
        let (first, last) = (first.sequence, last.sequence);
        let ends = self
            .suspect
            .filter(|suspect| suspect.first == first && suspect.last == last)
            .map_or(0, |it| it.ends);
        if first == last && ends >= ENDS_ON_ONE {
            let detail = "the process ended on this message several times".to_owned();
            return Ok(Some(ParkReason { code: "PROCESS_ENDED", detail, workflow: None }));
        }
        // A kill from outside comes at any time: most likely now, before the note, and then it does not count.
        tokio::time::sleep(PATIENCE * u32::try_from(ends).unwrap_or(u32::MAX)).await;
        store.put_meta(SUSPECT, &format!("{first} {last} {}", ends + 1)).await?;
        Ok(None)
    }
}

async fn numbers(store: &Store, name: &str) -> Result<Vec<u64>, StoreError> {
    let text = store.meta(name).await?.unwrap_or_default();
    Ok(text.split(' ').filter_map(|number| number.parse().ok()).collect())
}
