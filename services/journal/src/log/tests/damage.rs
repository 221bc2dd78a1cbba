//! What is cut from the end, and what stops the start.

use std::sync::Arc;

use tributary_domain::partition::PartitionSet;

use super::{
    super::{LocalLog, OpenError, disk::Disk},
    simulated::SimulatedDisk,
    support::{ALL, RANDOM, everything, message, open, open_in, small},
};
use crate::{Journal, JournalId, ReadError};

/// A disk with a closed log of `count` messages of 1,000 bytes, each synced on its own.
async fn filled(count: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    for number in 1..=count {
        log.append(message(number, 1_000)).await.expect("appends");
    }
    log.close().await;
    disk
}

fn refused(disk: &SimulatedDisk) -> OpenError {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    LocalLog::open_on(disk, small(), 0, RANDOM, None)
        .map(|(_, recovery)| recovery)
        .expect_err("must not open")
}

/// Where the last byte that is not zero stands.
fn last_byte(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).expect("something was written")
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_cannot_come_back() {
    for missing in [1, 500, 1_000] {
        let disk = filled(3).await;
        let name = disk.segments().remove(0);
        disk.edit(&name, |bytes| {
            let end = last_byte(bytes) + 1;
            bytes[end - missing..end].fill(0);
        });
        let (log, recovery) = open(&disk, small());
        assert_eq!(recovery.tail, 2);
        assert!(recovery.truncated_bytes > 0, "{recovery:?}");
        assert_eq!(log.append(message(9, 5)).await, Ok(3), "the number was never acknowledged");
        let all = everything(&log, PartitionSet::all(), 0).await.entries;
        assert_eq!(all.last().map(|entry| entry.message.clone()), Some(message(9, 5)));
        drop(log);
        let end = last_byte(&disk.bytes(&name));
        assert!(end < 4_096 + 2 * 1_200 + 200, "nothing of the torn record is left behind the new one");
        assert_eq!(open(&disk, small()).1.truncated_bytes, 0);
    }
}

#[tokio::test]
async fn every_flipped_bit_before_the_last_batch_stops_the_start_and_says_where() {
    let disk = filled(3).await;
    let name = disk.segments().remove(0);
    let record = (last_byte(&disk.bytes(&name)) + 1 - 4_096) / 3;
    for (index, byte) in (4_096..4_096 + 2 * record).enumerate().step_by(7) {
        let damaged = disk.after_kill();
        damaged.edit(&name, |bytes| bytes[byte] ^= 1 << (index % 8));
        let before = damaged.bytes(&name);
        let OpenError::Damaged { file, offset, .. } = refused(&damaged) else {
            panic!("byte {byte}: other error")
        };
        let start = 4_096 + (byte - 4_096) / record * record;
        assert_eq!((file, offset), (name.clone(), start as u64), "byte {byte}");
        assert_eq!(damaged.bytes(&name), before, "nothing is changed");
    }
    let text = {
        disk.edit(&name, |bytes| bytes[5_000] ^= 1);
        refused(&disk).to_string()
    };
    assert!(text.contains(&name) && text.contains("at byte 4096") && text.contains("Restore"), "{text}");
}

/// Damage to the very last batch cannot be told from a torn write of it.
#[tokio::test]
async fn a_flipped_bit_in_the_last_batch_counts_as_torn() {
    let disk = filled(3).await;
    let name = disk.segments().remove(0);
    disk.edit(&name, |bytes| {
        let end = last_byte(bytes);
        bytes[end - 10] ^= 1;
    });
    let (log, recovery) = open(&disk, small());
    assert_eq!(recovery.tail, 2);
    assert_eq!(everything(&log, PartitionSet::all(), 0).await.entries.len(), 2);
}

#[tokio::test]
async fn damage_to_a_full_segment_stops_the_start_or_the_reader() {
    let disk = filled(60).await;
    let names = disk.segments();
    assert!(names.len() > 5, "{names:?}");
    let newest_full = disk.after_kill();
    newest_full.edit(&names[names.len() - 2], |bytes| bytes[9_000] ^= 4);
    assert!(matches!(refused(&newest_full), OpenError::Damaged { .. }));

    // A record that is gone altogether, at the end of a segment that is not looked at when starting.
    disk.edit(&names[0], |bytes| {
        let end = last_byte(bytes) + 1;
        bytes[end - 1_090..end].fill(0);
    });
    let (log, _) = open(&disk, small());
    let read = log.read(PartitionSet::all(), 0, ALL).await;
    assert!(matches!(&read, Err(ReadError::Damaged { file, .. }) if *file == names[0]), "{read:?}");
}

#[tokio::test]
async fn a_missing_a_foreign_and_a_later_segment_stop_the_start() {
    let disk = filled(60).await;
    let names = disk.segments();
    let gap = disk.after_kill();
    gap.lose(&names[2]);
    assert!(matches!(refused(&gap), OpenError::Missing { missing, .. } if missing == names[2]));

    let header = disk.after_kill();
    header.edit(&names[1], |bytes| bytes[33] ^= 1);
    assert!(matches!(refused(&header), OpenError::Damaged { offset: 0, .. }));

    let later = disk.after_kill();
    later.edit(&names[1], |bytes| bytes[8] = 200);
    assert!(matches!(refused(&later), OpenError::Newer { version: 200, .. }));

    let other = SimulatedDisk::new();
    let (log, _) = LocalLog::open_on(Arc::new(other.clone()), small(), 0, 1, None).expect("opens");
    for number in 1..=60 {
        log.append(message(number, 1_000)).await.expect("appends");
    }
    drop(log);
    let page = other.bytes(&names[1])[..4_096].to_vec();
    disk.edit(&names[1], |bytes| bytes[..4_096].copy_from_slice(&page));
    assert!(matches!(refused(&disk), OpenError::Foreign { found, .. } if found == JournalId::from_bits(1)));
}

#[tokio::test]
async fn a_deleted_journal_comes_back_as_another_and_a_copied_one_as_itself() {
    let root = tempfile::tempdir().expect("a folder");
    let (dir, copy) = (root.path().join("journal"), root.path().join("copy"));
    let (log, first) = open_in(&dir, 0);
    log.append(message(1, 10)).await.expect("appends");
    log.close().await;
    std::fs::create_dir(&copy).expect("a folder");
    for entry in std::fs::read_dir(&dir).expect("lists").map(|entry| entry.expect("lists")) {
        std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("copies");
    }
    std::fs::remove_dir_all(&dir).expect("deletes");

    // Committed progress of 5 is ahead of what is found in both: numbers go on above it.
    let (log, new) = LocalLog::open(&dir, small(), 5, RANDOM + 1).expect("opens");
    assert!(new.created && new.journal != first.journal);
    assert_eq!((log.first(), log.tail()), (6, 5));
    assert_eq!(log.append(message(2, 10)).await, Ok(6));

    let (log, restored) = LocalLog::open(&copy, small(), 5, RANDOM + 2).expect("opens");
    assert_eq!((restored.journal, restored.created, restored.tail), (first.journal, false, 1));
    assert_eq!(log.append(message(2, 10)).await, Ok(6));
    let all = everything(&log, PartitionSet::all(), 0).await;
    assert_eq!(all.entries.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 6]);
}
