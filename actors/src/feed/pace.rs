//! What was accepted can wait, who sends cannot. While more is accepted than is committed, the two compete for the
//! processor and the disk, and priorities of threads do not keep them apart: the door waits for the disk, and whoever
//! commits takes the processor meanwhile, and then the disk. So the ledger rests now and then, and catches up later; and
//! while somebody sends, it commits less at once.

use std::time::Duration;

use tributary_journal::ReadLimit;

/// The largest batch (the ledger's transaction is bounded by rows besides).
pub(super) const BATCH: ReadLimit = ReadLimit { messages: 1_024, bytes: 4 << 20 };
/// Most messages of a batch while somebody sends: the journal's next sync waits on the disk behind all that is committed
/// with them.
const BESIDE_SENDERS: usize = 64;
/// The same where more is sent than is committed: then the ledger has to get on, and whoever sends waits for the journal's
/// own bytes most of all.
const BEHIND_SENDERS: usize = 256;
/// Somebody sends, where at least one message is accepted for so many that are read.
const SENDS_ONE_IN: u64 = 16;
/// More is sent than is committed, where so many messages are accepted for each that is read.
const OUTRUN: u64 = 2;

/// Messages that wait for the ledger before it rests: while there are fewer, all are helped best by committing at once.
const BEHIND: u64 = 4_096;
/// At how many messages accepted for each committed one the rest is the longest: as long as the work.
const LONGEST_AT: f64 = 5.0;
/// No rest is longer than this, however long a batch took.
const LONGEST: Duration = Duration::from_millis(200);

/// A batch that was committed, and what happened meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// Its messages.
    pub(super) committed: u64,
    /// Messages that were accepted while it was applied.
    pub(super) accepted: u64,
    /// Messages that wait for the ledger after it.
    pub(super) waiting: u64,
    /// How long it took.
    pub(super) took: Duration,
}

/// Where the next batch ends, when `accepted` messages came in since the one before was read, which had `read`.
pub(super) fn batch(accepted: u64, read: u64) -> ReadLimit {
    let messages = match accepted {
        0 => BATCH.messages,
        _ if accepted.saturating_mul(SENDS_ONE_IN) < read => BATCH.messages,
        _ if accepted > read.saturating_mul(OUTRUN) && read > 0 => BEHIND_SENDERS,
        _ => BESIDE_SENDERS,
    };
    ReadLimit { messages, ..BATCH }
}

/// How long to rest now; not at all where the ledger keeps up.
pub(super) fn rest(stretch: Stretch) -> Duration {
    let Stretch { committed, accepted, waiting, took } = stretch;
    if waiting < BEHIND {
        return Duration::ZERO;
    }
    let for_each = accepted as f64 / committed.max(1) as f64;
    let share = (for_each - 1.0) / (LONGEST_AT - 1.0);
    took.mul_f64(share.clamp(0.0, 1.0)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Duration = Duration::from_millis(100);

    fn rest_of(accepted: u64, waiting: u64) -> Duration {
        rest(Stretch { committed: 500, accepted, waiting, took: WORK })
    }

    #[test]
    fn batches_are_smaller_while_somebody_sends() {
        let beside = ReadLimit { messages: BESIDE_SENDERS, ..BATCH };
        assert_eq!(batch(0, 0), BATCH);
        assert_eq!(batch(0, 512), BATCH);
        assert_eq!(batch(1, 512), BATCH, "one now and then is no hurry");
        assert_eq!(batch(32, 512), beside);
        assert_eq!(batch(4, 64), beside, "and it stays so at the same rate");
        assert_eq!(batch(1, 0), beside);
        assert_eq!(batch(128, 64), beside);
        assert_eq!(
            batch(129, 64),
            ReadLimit { messages: BEHIND_SENDERS, ..BATCH },
            "more than can be kept up with"
        );
    }

    #[test]
    fn who_keeps_up_does_not_rest() {
        assert_eq!(rest_of(5_000, BEHIND - 1), Duration::ZERO);
        assert_eq!(rest_of(500, 100_000), Duration::ZERO);
        assert_eq!(rest_of(0, 100_000), Duration::ZERO);
    }

    #[test]
    fn the_more_comes_in_the_longer_the_rest_but_it_is_never_longer_than_the_work() {
        assert_eq!(rest_of(1_500, BEHIND), WORK / 2);
        assert_eq!(rest_of(2_500, BEHIND), WORK);
        assert_eq!(rest_of(500_000, BEHIND), WORK);
        let long = Stretch { committed: 500, accepted: 500_000, waiting: BEHIND, took: WORK * 600 };
        assert_eq!(rest(long), LONGEST);
    }
}
