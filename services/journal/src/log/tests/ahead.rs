//! Zeros ahead of the records.

use super::{
    super::{
        LocalLog, LogOptions,
        format::{HEADER_BYTES, RECORD_HEADER},
    },
    simulated::SimulatedDisk,
    support::{message, open, small},
};
use crate::Journal;

/// A batch is one write and one sync; with zeros ahead it is one write more.
const PLAIN: u64 = 2;
const WITH_ZEROS: u64 = 3;
/// Making a segment: create, allocate, write its header, sync, rename, sync names.
const ROLL: u64 = 6;
const AHEAD: usize = 4_096;

/// The operations on the disk that it takes to append message `number`, with `size` bytes of body, alone.
async fn operations(disk: &SimulatedDisk, log: &LocalLog, number: u64, size: usize) -> u64 {
    let before = disk.operations();
    log.append(message(number, size)).await.expect("appends");
    disk.operations() - before
}

fn record_bytes(size: usize) -> usize {
    RECORD_HEADER + message(1, size).to_bytes().len()
}

#[tokio::test]
async fn zeros_are_written_with_one_small_batch_in_many() {
    let disk = SimulatedDisk::new();
    let options = LogOptions { ahead_bytes: AHEAD, ..small() };
    let (log, _) = open(&disk, options.clone());
    assert_eq!(operations(&disk, &log, 1, 10).await, WITH_ZEROS);
    let room = AHEAD / record_bytes(10);
    for number in 0..room {
        assert_eq!(operations(&disk, &log, 2 + number as u64, 10).await, PLAIN, "{number} of {room}");
    }
    assert_eq!(operations(&disk, &log, 100, 10).await, WITH_ZEROS, "those before are used up");
    drop(log);
    let (log, _) = open(&disk, options);
    assert_eq!(operations(&disk, &log, 101, 10).await, WITH_ZEROS, "nobody knows of those after a start");
}

#[tokio::test]
async fn a_new_segment_has_none_and_a_large_batch_goes_without() {
    let disk = SimulatedDisk::new();
    let options = LogOptions { ahead_bytes: AHEAD, ..small() };
    let fit = (options.segment_bytes - HEADER_BYTES) / record_bytes(2_000) as u64;
    let (log, _) = open(&disk, options);
    for number in 1..=fit {
        assert_eq!(operations(&disk, &log, number, 2_000).await, PLAIN, "{number} of {fit}");
    }
    assert_eq!(operations(&disk, &log, fit + 1, 2_000).await, ROLL + PLAIN);
    assert_eq!(operations(&disk, &log, fit + 2, 10).await, WITH_ZEROS);
    // To the end of the segment, and not beyond it: the disk refuses that.
    let segments = disk.segments().len();
    for number in fit + 3..=200 {
        let operations = operations(&disk, &log, number, 10).await;
        assert!([PLAIN, WITH_ZEROS, ROLL + WITH_ZEROS].contains(&operations), "{operations} for {number}");
    }
    assert!(disk.segments().len() > segments + 1);
}

#[tokio::test]
async fn none_can_be_asked_for() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, LogOptions { ahead_bytes: 0, ..small() });
    assert_eq!(operations(&disk, &log, 1, 10).await, PLAIN);
}
