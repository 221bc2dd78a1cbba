//! What a journal is, whatever keeps it.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use tributary_domain::partition::{Partition, PartitionSet};

use crate::{Accepted, AppendError, JournalId, ReadError, ReleaseError};

/// A message with its place in the journal.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place: above that of every message appended before it; numbers may be left out.
    pub sequence: u64,
    /// The partition of its tenant.
    pub partition: Partition,
    /// The message.
    pub message: Accepted,
    /// The bytes that it was read from; they share their memory with its body.
    pub record: Bytes,
}

impl fmt::Debug for Entry {
    /// Without the bytes: they are a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("sequence", &self.sequence)
            .field("partition", &self.partition)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

/// A stretch of the journal, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The messages in rising sequence; empty when the stretch held none for the partitions asked for.
    pub entries: Vec<Entry>,
    /// Everything up to and with this sequence, in the partitions asked for, is in this batch or came before it:
    /// the next read goes on after it.
    pub through: u64,
}

/// Where a batch ends. At least one message is returned even if it alone is larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Most messages in a batch.
    pub messages: usize,
    /// Most bytes of encoded messages in a batch.
    pub bytes: usize,
}

/// Accepted messages in one order, durable, released once their effects are committed.
#[async_trait]
pub trait Journal: Send + Sync + fmt::Debug {
    /// Which incarnation this is; another id means another journal, whose sequences have nothing to do with those
    /// of this one.
    fn id(&self) -> JournalId;

    /// Appends a message and returns its sequence once it is durable: only then may a 2xx be answered.
    ///
    /// A caller that gives up waiting does not take the message back: it may still become durable.
    ///
    /// # Errors
    /// The message was refused ([`AppendError::Full`], [`AppendError::Overloaded`], [`AppendError::Closed`],
    /// [`AppendError::TooLarge`]) or it is not known whether it is durable ([`AppendError::Failed`]).
    async fn append(&self, message: Accepted) -> Result<u64, AppendError>;

    /// The durable messages of `partitions` after the sequence `after`, as many as `limit` allows.
    ///
    /// Waits until there is at least one such message or at least some progress ([`Batch::through`] above `after`
    /// without entries). Nothing is lost when the future is dropped: a read changes nothing.
    ///
    /// # Errors
    /// What was asked for is released or damaged, or the journal is closed.
    async fn read(&self, partitions: PartitionSet, after: u64, limit: ReadLimit) -> Result<Batch, ReadError>;

    /// Says that everything up to and with `up_to` is committed in every partition and may be deleted.
    ///
    /// # Errors
    /// The space could not be given back; the same call may be made again.
    async fn release(&self, up_to: u64) -> Result<(), ReleaseError>;

    /// Sees to it that everything up to the tail can be given back once it is committed, however little came since: what is
    /// kept for later messages does not keep it. Says whether it did.
    async fn part(&self) -> bool;

    /// The sequence of the last durable message; of a journal that never had one, the number before its first.
    fn tail(&self) -> u64;

    /// The smallest sequence that is still kept, or would be: everything before it was released.
    fn first(&self) -> u64;
}
