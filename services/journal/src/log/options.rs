//! What may be set on a local log.

use std::time::Duration;

use super::{
    error::OpenError,
    format::{HEADER_BYTES, RECORD_HEADER},
};

const MIB: u64 = 1024 * 1024;

/// Sizes and bounds of a local log. All but `segment_bytes` may change from start to start; a change of that one
/// counts from the next segment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// Bytes of a segment file, allocated when it is made; at most 4 GiB.
    pub segment_bytes: u64,
    /// Bytes after which no more waiting messages join a write; one larger message is a write of its own.
    pub batch_bytes: usize,
    /// Bytes of zeros that are written at once ahead of the records: the journal writes up to twice what it holds, so
    /// that most syncs need not wait for the file system's own records. None are written when it is zero.
    pub ahead_bytes: usize,
    /// Most bytes of one encoded message.
    pub record_bytes: usize,
    /// Most messages that wait for the disk; more are refused as overload.
    pub waiting_messages: usize,
    /// Most bytes of messages that wait for the disk.
    pub waiting_bytes: usize,
    /// Bytes of the volume that have to stay free, so that the ledger can still commit: below it, appends are
    /// refused. Has to be well above what can be written within `space_interval`.
    pub reserve_bytes: u64,
    /// How often free space is looked at, at most.
    pub space_interval: Duration,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * MIB,
            batch_bytes: 4 * MIB as usize,
            ahead_bytes: MIB as usize,
            record_bytes: 16 * MIB as usize,
            waiting_messages: 8_192,
            waiting_bytes: 32 * MIB as usize,
            reserve_bytes: 256 * MIB,
            space_interval: Duration::from_millis(100),
        }
    }
}

impl LogOptions {
    /// Refuses settings with which a record that is allowed would not fit.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let largest = HEADER_BYTES + (RECORD_HEADER + self.record_bytes) as u64;
        if self.segment_bytes > u64::from(u32::MAX) {
            return Err(OpenError::Options("a segment may have 4 GiB at most"));
        }
        if self.segment_bytes < largest {
            return Err(OpenError::Options("a segment has to hold the largest record and 8 KiB more"));
        }
        if self.waiting_bytes < self.record_bytes || self.waiting_messages == 0 {
            return Err(OpenError::Options(
                "the waiting bytes and messages have to allow for the largest record",
            ));
        }
        Ok(())
    }
}
