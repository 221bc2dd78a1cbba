//! Bounds, the reserve, the lock and closing.

use std::{sync::Arc, task::Poll};

use super::{
    super::{LocalLog, LogOptions, OpenError, local::waiting, queue::Queue},
    simulated::SimulatedDisk,
    support::{ALL, RANDOM, message, open, open_in, small},
};
use crate::{AppendError, Journal, ReadError, ReleaseError};
use tributary_domain::partition::PartitionSet;

#[tokio::test]
async fn below_the_reserve_nothing_is_taken_until_there_is_space_again() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    disk.set_free(999);
    assert_eq!(log.append(message(1, 10)).await, Err(AppendError::Full { free: 999, reserve: 1_000 }));
    disk.set_free(1_000);
    assert_eq!(log.append(message(1, 10)).await, Ok(1));
}

#[tokio::test]
async fn the_reserve_of_a_real_volume_is_looked_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let options = LogOptions { reserve_bytes: u64::MAX, ..small() };
    let (log, _) = LocalLog::open(dir.path(), options, 0, RANDOM).expect("opens");
    assert!(matches!(log.append(message(1, 10)).await, Err(AppendError::Full { free, .. }) if free > 0));
}

#[test]
fn too_many_and_too_much_that_waits_is_overload() {
    let push = |queue: &Queue, size| {
        let (waiting, answer) = waiting(message(1, size), small().record_bytes).expect("small");
        queue.push(waiting).map(|()| answer)
    };
    let by_count = Queue::new(&LogOptions { waiting_messages: 2, ..small() });
    let _answers = [push(&by_count, 1).expect("first"), push(&by_count, 1).expect("second")];
    assert_eq!(push(&by_count, 1).err(), Some(AppendError::Overloaded));
    drop(by_count.take().expect("two wait"));
    assert!(push(&by_count, 1).is_ok(), "there is room again");

    let by_bytes = Queue::new(&LogOptions { waiting_bytes: 8 * 1024, ..small() });
    let _answer = push(&by_bytes, 5_000).expect("first");
    assert_eq!(push(&by_bytes, 5_000).err(), Some(AppendError::Overloaded));
    assert!(push(&by_bytes, 1_000).is_ok());
}

#[tokio::test]
async fn a_message_larger_than_a_record_is_refused_and_one_that_fits_exactly_taken() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    let overhead = message(2, 8_000).to_bytes().len() - 8_000;
    let exact = small().record_bytes - overhead;
    assert!(matches!(
        log.append(message(2, exact + 1)).await,
        Err(AppendError::TooLarge { limit: 8_192, .. })
    ));
    for sequence in 1..=4 {
        assert_eq!(log.append(message(2, exact)).await, Ok(sequence), "also where a segment ends");
    }
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_has_closed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (log, _) = open_in(dir.path(), 0);
    let second = LocalLog::open(dir.path(), small(), 0, RANDOM).map(|_| ());
    assert!(matches!(second, Err(OpenError::Locked { .. })), "{second:?}");
    log.close().await;
    open_in(dir.path(), 0);
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let wrong = [
        LogOptions { segment_bytes: 8 * 1024, ..small() },
        LogOptions { segment_bytes: 1 << 33, ..small() },
        LogOptions { waiting_bytes: 1, ..small() },
        LogOptions { waiting_messages: 0, ..small() },
    ];
    for options in wrong {
        let opened = LocalLog::open_on(Arc::new(SimulatedDisk::new()), options, 0, RANDOM, None).map(|_| ());
        assert!(matches!(opened, Err(OpenError::Options(_))), "{opened:?}");
    }
    assert!(LogOptions::default().check().is_ok());
}

#[tokio::test]
async fn closing_writes_what_waits_and_ends_readers() {
    let disk = SimulatedDisk::new();
    let (log, _) = open(&disk, small());
    let mut waiting = std::pin::pin!(log.append(message(1, 10)));
    std::future::poll_fn(|context| {
        drop(waiting.as_mut().poll(context));
        Poll::Ready(())
    })
    .await;
    let (read, ()) = tokio::join!(log.read(PartitionSet::all(), 1, ALL), log.close());
    assert!(matches!(read, Err(ReadError::Closed)));
    assert_eq!(waiting.await, Ok(1), "it waited already");
    assert_eq!(log.append(message(2, 10)).await, Err(AppendError::Closed));
    assert!(matches!(log.read(PartitionSet::all(), 0, ALL).await, Err(ReadError::Closed)));
    assert!(matches!(log.release(1).await, Err(ReleaseError::Closed)));
    log.close().await;
}
