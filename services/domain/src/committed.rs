//! What is told to those who watch, once it is committed: plain records, without bodies and without personal data.

use crate::{
    id::{DeliveryId, DestinationId, MessageId, SourceId, TenantId, WorkflowId},
    time::Timestamp,
    workflow::status::RunStatus,
};

/// One thing that was committed.
#[derive(Debug, Clone, PartialEq)]
pub enum Committed {
    /// A message was processed, held or parked.
    Message(CommittedMessage),
    /// A delivery was attempted.
    Attempt(CommittedAttempt),
}

impl Committed {
    /// Whose it is.
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Message(message) => message.tenant,
            Self::Attempt(attempt) => attempt.tenant,
        }
    }

    /// The source that it came from.
    pub fn source(&self) -> SourceId {
        match self {
            Self::Message(message) => message.source,
            Self::Attempt(attempt) => attempt.source,
        }
    }
}

/// A message that was processed, held or parked.
#[derive(Debug, Clone, PartialEq)]
pub struct CommittedMessage {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it came in.
    pub source: SourceId,
    /// Its id.
    pub message: MessageId,
    /// Its place in the order of acceptance.
    pub sequence: u64,
    /// When it was accepted.
    pub received: Timestamp,
    /// When it was committed.
    pub committed: Timestamp,
    /// The provider's own name of the event.
    pub provider_event: Option<String>,
    /// `FOUND`, `MISSING`, `FOREIGN` or `PLACEHOLDER`.
    pub cluid_status: &'static str,
    /// `VALID` or `UNSIGNED`.
    pub signature: &'static str,
    /// How it stands: *Succeeded* once its workflows ran, *Duplicate*, *Held* or *Parked*.
    pub status: RunStatus,
    /// The first message, where this one repeats it.
    pub duplicate_of: Option<MessageId>,
    /// Its runs: which workflow, which version, how it ended.
    pub runs: Vec<(WorkflowId, u32, RunStatus)>,
    /// Whether it is a test.
    pub is_test: bool,
}

/// A delivery that was attempted.
#[derive(Debug, Clone, PartialEq)]
pub struct CommittedAttempt {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where its message came in.
    pub source: SourceId,
    /// The delivery's id.
    pub delivery: DeliveryId,
    /// Where it goes.
    pub destination: DestinationId,
    /// `PENDING`, `DELIVERED` or `FAILED`.
    pub state: &'static str,
    /// How many attempts were made so far.
    pub attempts: u32,
    /// When the attempt ended.
    pub at: Timestamp,
    /// When the next attempt is due; none once it is done.
    pub next: Option<Timestamp>,
    /// The HTTP status; none when there was no answer.
    pub http_status: Option<u16>,
    /// What went wrong, without what the destination said.
    pub error: Option<String>,
}
