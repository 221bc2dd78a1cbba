//! Messages and logs for tests.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use tributary_domain::{
    id::{MessageId, SourceId, TenantId},
    partition::PartitionSet,
    time::Timestamp,
};

use super::{
    super::{LocalLog, LogOptions, Recovery, disk::Disk},
    simulated::SimulatedDisk,
};
use crate::{Accepted, Batch, Journal, ReadLimit};

/// No limit that matters.
pub(super) const ALL: ReadLimit = ReadLimit { messages: usize::MAX, bytes: usize::MAX };
/// The random bits that new journals of tests get.
pub(super) const RANDOM: u128 = 0x5eed_0001_0000_0000_0000_0000_0000_abcd;

/// Small segments, so that a few messages fill one; free space is looked at every time.
pub(super) fn small() -> LogOptions {
    LogOptions {
        ahead_bytes: 12_000,
        segment_bytes: 16 * 1024,
        batch_bytes: 8 * 1024,
        record_bytes: 8 * 1024,
        waiting_messages: 100,
        waiting_bytes: 64 * 1024,
        reserve_bytes: 1_000,
        space_interval: Duration::ZERO,
    }
}

/// Message number `number`: its tenant and its body, of `size` bytes, follow from the number.
pub(super) fn message(number: u64, size: usize) -> Accepted {
    Accepted {
        tenant: TenantId::new(1, u128::from(number % 7)),
        source: SourceId::new(1, 1),
        message: MessageId::new(number, 1),
        received: Timestamp::from_millis(number as i64),
        signature_valid: number.is_multiple_of(2),
        trace_parent: None,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Bytes::from(vec![number as u8 | 1; size]),
    }
}

/// Opens the log on a simulated disk.
pub(super) fn open(disk: &SimulatedDisk, options: LogOptions) -> (LocalLog, Recovery) {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    LocalLog::open_on(disk, options, 0, RANDOM, None).expect("opens")
}

/// Opens the log in a real folder.
pub(super) fn open_in(dir: &Path, floor: u64) -> (LocalLog, Recovery) {
    LocalLog::open(dir, small(), floor, RANDOM).expect("opens")
}

/// Everything after `after`, which must not be past the tail; nothing when there is nothing.
pub(super) async fn everything(log: &LocalLog, partitions: PartitionSet, after: u64) -> Batch {
    let mut all = Batch { entries: Vec::new(), through: after };
    while all.through < log.tail() {
        let batch = log.read(partitions, all.through, ALL).await.expect("reads");
        assert!(batch.through > all.through, "a read makes progress");
        all.entries.extend(batch.entries);
        all.through = batch.through;
    }
    all
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % sides
    }

    /// One way or the other.
    pub(super) fn coin(&mut self) -> bool {
        self.roll(2) == 0
    }
}
