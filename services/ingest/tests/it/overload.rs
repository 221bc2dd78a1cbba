//! When a message cannot be kept, the sender is told when to come again.

use std::sync::Arc;

use async_trait::async_trait;
use tributary_domain::partition::PartitionSet;
use tributary_ingest::DoorLimits;
use tributary_journal::{
    Accepted, AppendError, Batch, Fatal, Journal, JournalId, ReadError, ReadLimit, ReleaseError,
};
use tributary_telemetry::Metrics;

use crate::support::{House, OPEN};

/// A journal that refuses everything for one reason.
#[derive(Debug)]
struct Refusing(AppendError);

#[async_trait]
impl Journal for Refusing {
    fn id(&self) -> JournalId {
        JournalId::from_bits(1)
    }

    async fn append(&self, _message: Accepted) -> Result<u64, AppendError> {
        Err(self.0.clone())
    }

    async fn read(&self, _: PartitionSet, _: u64, _: ReadLimit) -> Result<Batch, ReadError> {
        Err(ReadError::Closed)
    }

    async fn release(&self, _up_to: u64) -> Result<(), ReleaseError> {
        Ok(())
    }

    async fn part(&self) -> bool {
        false
    }

    fn tail(&self) -> u64 {
        0
    }

    fn first(&self) -> u64 {
        1
    }
}

#[tokio::test]
async fn what_the_journal_does_not_take_is_never_acknowledged() {
    let fatal = Fatal { message: "the disk is gone".into() };
    for (error, status, reason) in [
        (AppendError::Overloaded, 429, "JOURNAL_BUSY"),
        (AppendError::Full { free: 1, reserve: 2 }, 503, "JOURNAL_FULL"),
        (AppendError::Closed, 503, "JOURNAL_CLOSED"),
        (AppendError::Failed(fatal), 503, "JOURNAL_CLOSED"),
    ] {
        let journal: Arc<dyn Journal> = Arc::new(Refusing(error));
        let house = House::with(DoorLimits::default(), Metrics::unread(), Some(journal)).await;
        let answer = house.post(OPEN, &[], b"{}").await;
        answer.is_problem(status, reason);
        assert!(answer.head.contains("retry-after: "), "{answer:?}");
    }
}

#[tokio::test]
async fn a_door_that_drains_sends_away() {
    let house = House::open().await;
    house.readiness.drain();
    let answer = house.post(OPEN, &[], b"{}").await;
    answer.is_problem(503, "NOT_SERVING");
    assert!(answer.head.contains("retry-after: 5"), "{answer:?}");
}

#[tokio::test]
async fn bodies_share_a_bounded_memory() {
    let limits = DoorLimits { bytes_in_flight: 100, ..DoorLimits::default() };
    let house = House::with(limits, Metrics::unread(), None).await;
    let answer = house.post(OPEN, &[], &[b' '; 101]).await;
    answer.is_problem(503, "DOOR_FULL");
    assert_eq!(house.post(OPEN, &[], b"{}").await.status, 202);
}
