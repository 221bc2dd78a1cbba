//! Some messages end the process itself: a stack overflow, too much memory. Unwinding does not catch those, so the
//! feed counts: after two starts that ended uncleanly at one position it goes one message at a time, notes each
//! before it is looked at, and parks the one that the process ended on again and again. Once is not enough: a process
//! that is killed from outside ends on some message too, and that message has done nothing.

use tributary_store::{Store, StoreError, ledger::ParkReason};

use crate::plan::Task;

/// Unclean ends at one position before care begins.
const UNCLEAN_ENDS: u64 = 2;
/// Unclean ends on one message, taken with care, before it is parked.
const ENDS_ON_ONE: u64 = 3;
/// How many messages are taken with care.
const CAREFUL_MESSAGES: u32 = 512;
const STARTS: &str = "feed.starts";
const SUSPECT: &str = "feed.suspect";

/// How carefully the feed goes.
#[derive(Debug)]
pub(super) struct Caution {
    left: u32,
    /// The message that the process ended on, and how often it did.
    suspect: Option<(u64, u64)>,
}

impl Caution {
    /// Notes a start at `position`: the highest sequence that is committed.
    pub(super) async fn begin(store: &Store, position: u64) -> Result<Self, StoreError> {
        let before = store.meta(STARTS).await?;
        let starts = before
            .as_deref()
            .and_then(parse)
            .filter(|(at, _)| *at == position)
            .map_or(0, |(_, starts)| starts);
        store.put_meta(STARTS, &format!("{position} {}", starts + 1)).await?;
        let suspect = store.meta(SUSPECT).await?.as_deref().and_then(parse);
        let careful = starts >= UNCLEAN_ENDS;
        if careful {
            tracing::warn!(
                position,
                starts,
                "the process ended uncleanly here before: going one message at a time"
            );
        }
        Ok(Self { left: if careful { CAREFUL_MESSAGES } else { 0 }, suspect: suspect.filter(|_| careful) })
    }

    /// Notes a clean end.
    pub(super) async fn end(store: &Store) -> Result<(), StoreError> {
        store.put_meta(STARTS, "").await?;
        store.put_meta(SUSPECT, "").await
    }

    pub(super) fn is_careful(&self) -> bool {
        self.left > 0
    }

    /// To be called before `tasks` are evaluated; a reason when they are to be parked unseen.
    pub(super) async fn before(
        &mut self,
        store: &Store,
        tasks: &[Task],
    ) -> Result<Option<ParkReason>, StoreError> {
        let (true, Some(task)) = (self.is_careful(), tasks.first()) else { return Ok(None) };
        self.left -= 1;
        let ends = self.suspect.take().filter(|(on, _)| *on == task.sequence).map_or(0, |(_, ends)| ends);
        if ends >= ENDS_ON_ONE {
            let detail = "the process ended on this message several times".to_owned();
            return Ok(Some(ParkReason { code: "PROCESS_ENDED", detail, workflow: None }));
        }
        store.put_meta(SUSPECT, &format!("{} {}", task.sequence, ends + 1)).await?;
        Ok(None)
    }
}

fn parse(text: &str) -> Option<(u64, u64)> {
    let (position, starts) = text.split_once(' ')?;
    Some((position.parse().ok()?, starts.parse().ok()?))
}
