//! What readers get, and when.

use std::{future::Future, pin::pin, task::Poll};

use tributary_domain::partition::{Partition, PartitionSet};

use super::{
    simulated::SimulatedDisk,
    support::{ALL, everything, message, open, small},
};
use crate::{Journal, ReadError, ReadLimit};

#[tokio::test]
async fn a_partitions_reader_gets_its_messages_and_the_progress_of_the_others() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    for number in 1..=40 {
        log.append(message(number, 700)).await.expect("appends");
    }
    let mut merged = Vec::new();
    for partition in PartitionSet::all().iter() {
        let batch = everything(&log, PartitionSet::empty().with(partition), 0).await;
        assert_eq!(batch.through, 40);
        assert!(batch.entries.iter().all(|entry| entry.partition == partition));
        assert!(batch.entries.is_sorted_by_key(|entry| entry.sequence));
        merged.extend(batch.entries);
    }
    merged.sort_by_key(|entry| entry.sequence);
    assert_eq!(merged, everything(&log, PartitionSet::all(), 0).await.entries);
    assert_eq!(merged.len(), 40);
}

#[tokio::test]
async fn a_reader_waits_for_the_next_message_and_may_give_up() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    {
        let mut waiting = pin!(log.read(PartitionSet::all(), 0, ALL));
        let early = std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending()));
        assert!(early.await, "there is nothing yet");
    }
    let (read, appended) = tokio::join!(log.read(PartitionSet::all(), 0, ALL), log.append(message(1, 10)));
    let batch = read.expect("reads");
    assert_eq!((batch.through, appended), (1, Ok(1)));
    assert_eq!(batch.entries[0].message, message(1, 10));
}

#[tokio::test]
async fn a_batch_ends_at_its_limits_but_holds_at_least_one_message() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    for number in 1..=6 {
        log.append(message(number, 1_000)).await.expect("appends");
    }
    let read = async |messages, bytes| {
        let batch = log.read(PartitionSet::all(), 0, ReadLimit { messages, bytes }).await.expect("reads");
        assert_eq!(batch.through, batch.entries.len() as u64);
        batch.entries.len()
    };
    assert_eq!(read(4, usize::MAX).await, 4);
    let two = message(1, 1_000).to_bytes().len() + message(2, 1_000).to_bytes().len();
    assert_eq!((read(usize::MAX, two).await, read(usize::MAX, two - 1).await), (2, 1));
    assert_eq!(read(0, 0).await, 1);
    assert_eq!(read(usize::MAX, usize::MAX).await, 6);
}

#[tokio::test]
async fn what_is_released_is_deleted_and_refused_and_the_rest_is_kept() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    for number in 1..=20 {
        log.append(message(number, 3_000)).await.expect("appends");
    }
    assert!(disk.segments().len() > 4, "{:?}", disk.segments());
    log.release(11).await.expect("releases");
    let first = log.first();
    assert!((9..=12).contains(&first), "{first}: whole segments up to 11");
    let refused = log.read(PartitionSet::all(), 2, ALL).await;
    assert!(
        matches!(refused, Err(ReadError::Released { after: 2, first: kept }) if kept == first),
        "{refused:?}"
    );
    assert_eq!(everything(&log, PartitionSet::all(), first - 1).await.entries.len() as u64, 21 - first);
    log.release(u64::MAX).await.expect("releases");
    assert_eq!(disk.segments().len(), 1, "the one that is written stays");
    assert_eq!(log.append(message(21, 10)).await, Ok(21));
    drop(log);
    let (log, recovery) = open(&disk, small());
    assert_eq!((recovery.first, recovery.tail), (log.first(), 21));
}

#[tokio::test]
async fn a_reader_far_behind_others_is_served_from_its_own_place() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    for number in 1..=30 {
        log.append(message(number, 300)).await.expect("appends");
    }
    let one = ReadLimit { messages: 1, bytes: 0 };
    let mine = PartitionSet::empty().with(Partition::of(message(3, 0).tenant));
    let (mut all, mut some) = (0, 0);
    let (mut all_seen, mut some_seen) = (Vec::new(), Vec::new());
    while all < 30 {
        let batch = log.read(PartitionSet::all(), all, one).await.expect("reads");
        all = batch.through;
        all_seen.extend(batch.entries);
        if all % 3 == 0 && some < 30 {
            let batch = log.read(mine, some, one).await.expect("reads");
            some = batch.through;
            some_seen.extend(batch.entries);
        }
    }
    assert_eq!(all_seen.len(), 30);
    let expected: Vec<_> = all_seen.into_iter().filter(|entry| mine.contains(entry.partition)).collect();
    assert!(!some_seen.is_empty() && expected.starts_with(&some_seen));
}
