//! Disks that fail.

use tributary_domain::partition::PartitionSet;

use super::{
    simulated::SimulatedDisk,
    support::{Dice, everything, message, open, small},
};
use crate::{AppendError, Journal};

#[tokio::test]
async fn a_failed_sync_fails_all_who_wait_and_is_never_tried_again() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    log.append(message(1, 10)).await.expect("appends");
    let fatal = log.fatal();
    disk.fail_syncs(true);
    let (one, two) = tokio::join!(log.append(message(2, 10)), log.append(message(3, 10)));
    let told = fatal.await;
    assert_eq!((one, two), (Err(AppendError::Failed(told.clone())), Err(AppendError::Failed(told.clone()))));
    disk.fail_syncs(false);
    assert_eq!(log.append(message(4, 10)).await, Err(AppendError::Failed(told)), "poisoned for ever");
    assert_eq!(log.tail(), 1);
    assert_eq!(
        everything(&log, PartitionSet::all(), 0).await.entries.len(),
        1,
        "what was synced can be read"
    );
}

/// After a failed sync the system takes the pages for clean. What the next start finds in them and shows to readers
/// has to be on the disk all the same.
#[tokio::test]
async fn what_a_failed_sync_left_in_memory_is_durable_before_it_is_shown() {
    for seed in 0..50 {
        let disk = SimulatedDisk::new();
        let (log, _) = open(&disk, small());
        disk.fail_syncs(true);
        log.append(message(1, 2_000)).await.expect_err("fails");
        drop(log);
        let disk = disk.after_kill();
        let (log, recovery) = open(&disk, small());
        assert_eq!(recovery.tail, 1, "the write was complete");
        drop(log);
        let (_, recovery) = open(&disk.after_power_loss(&mut Dice(seed)), small());
        assert_eq!(recovery.tail, 1, "readers may have acted on it");
    }
}

#[tokio::test]
async fn a_volume_without_room_for_a_segment_refuses_and_goes_on_later() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, crate::log::LogOptions { reserve_bytes: 0, ..small() });
    disk.set_free(0);
    let mut appended = 0;
    let refusal = loop {
        match log.append(message(appended + 1, 3_000)).await {
            Ok(sequence) => appended = sequence,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, AppendError::Full { free: 0, reserve: 0 });
    assert!(appended > 0, "what is set aside already is used");
    disk.set_free(u64::MAX);
    assert_eq!(log.append(message(appended + 1, 3_000)).await, Ok(appended + 1));
    assert_eq!(everything(&log, PartitionSet::all(), 0).await.entries.len() as u64, appended + 1);
}
