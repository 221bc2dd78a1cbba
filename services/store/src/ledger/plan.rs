//! What the ledger is given: the plans that the actors made of accepted messages, in journal order; and what it
//! gives back once they are committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tributary_domain::{
    booking::{BookingFacts, FollowUp},
    committed::CommittedMessage,
    consent::ConsentRule,
    event::EventData,
    id::{DeliveryId, DestinationId, EventId, MessageId, ProfileId, SourceId, TenantId, WorkflowId},
    identity::IdentifierType,
    partition::Partition,
    tenant::TenantSettings,
    time::Timestamp,
    workflow::{
        event::{EventDraft, RunPlan},
        status::{Reason, RunStatus},
    },
};

use crate::Packed;

/// One accepted message and what is to become of it.
#[derive(Clone)]
pub struct MessagePlan {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it came in.
    pub source: SourceId,
    /// Its id.
    pub message: MessageId,
    /// Its place in the order of acceptance.
    pub sequence: u64,
    /// The partition that its tenant lies on.
    pub partition: Partition,
    /// Which way it came to the ledger.
    pub origin: Origin,
    /// When it was accepted.
    pub received: Timestamp,
    /// `VALID` or `UNSIGNED`.
    pub signature: &'static str,
    /// The trace that the door began, as a W3C `traceparent`.
    pub trace_parent: Option<String>,
    /// The headers that are kept, as a JSON list of pairs.
    pub headers: String,
    /// The body as it came, packed: whoever makes the plan has more time for it than the ledger.
    pub body: Packed,
    /// The message as the journal keeps it, for when it is held or parked.
    pub record: Bytes,
    /// What the provider's connector found in it.
    pub facts: MessageFacts,
    /// The revision of the tenant's configuration that the plan was made with.
    pub config_rev: i64,
    /// The tenant's settings of that revision.
    pub settings: Arc<TenantSettings>,
    /// The tenant's destinations of that revision: nothing follows an event to others.
    pub destinations: Arc<Destinations>,
    /// Whether it is a test by the tenant's rules.
    pub is_test: bool,
    /// What is to be done.
    pub work: Work,
}

impl fmt::Debug for MessagePlan {
    /// Without what it is made of and what it makes: those are a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessagePlan")
            .field("message", &self.message)
            .field("sequence", &self.sequence)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// The destinations of a tenant, as the ledger has to know them.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    /// All of them.
    pub all: BTreeSet<DestinationId>,
    /// What those ask for that do not take every person's events.
    pub consents: BTreeMap<DestinationId, ConsentRule>,
    /// Those without a test facility: no event of a test goes there.
    pub untested: BTreeSet<DestinationId>,
}

/// The two ways to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Straight from the journal.
    Journal,
    /// From the tenant's held messages, at this position.
    Held(i64),
}

/// What a connector found in a message.
#[derive(Debug, Clone, Default)]
pub struct MessageFacts {
    /// The provider's own name of the event.
    pub provider_event: Option<String>,
    /// What makes two messages the same; none: every message counts.
    pub dedupe_key: Option<String>,
    /// The value at the cluid's place.
    pub cluid: Option<String>,
    /// `FOUND`, `MISSING`, `FOREIGN` or `PLACEHOLDER`.
    pub cluid_status: &'static str,
    /// What it says of a booking, where it is about one.
    pub booking: Option<BookingFacts>,
}

/// What is to be done with a message.
#[derive(Debug, Clone)]
pub enum Work {
    /// Apply what the source's workflows made, in their order.
    Apply(Vec<PlannedRun>),
    /// Keep it aside for a person, with the reason.
    Park(ParkReason),
    /// Keep it until the tenant goes on: it is suspended.
    Hold(&'static str),
}

/// Why a message is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkReason {
    /// A stable code, such as `WORKFLOW_PANICKED`.
    pub code: &'static str,
    /// What happened, for people.
    pub detail: String,
    /// The workflow in which it happened, where it is known.
    pub workflow: Option<(WorkflowId, u32)>,
}

/// A run, and where its events are to go.
#[derive(Debug, Clone)]
pub struct PlannedRun {
    /// What the workflow made.
    pub plan: RunPlan,
    /// For each event, the destinations whose filter let it through.
    pub destinations: Vec<Vec<DestinationId>>,
    /// How long its deliveries wait.
    pub delay: Duration,
    /// What follows its events, where they are told once for a booking.
    pub follow_up: Option<FollowUp>,
}

impl MessagePlan {
    /// How many rows it will write at most, roughly; a transaction is bounded by their sum.
    pub fn rows(&self) -> usize {
        let Work::Apply(runs) = &self.work else { return 4 };
        let events = |run: &PlannedRun| match &run.plan.outcome {
            tributary_domain::workflow::event::RunOutcome::Events(drafts) => drafts
                .iter()
                .zip(&run.destinations)
                .map(|(draft, destinations)| {
                    4 + 2 * draft.identifiers.len() + 2 * draft.groups.len() + destinations.len()
                })
                .sum(),
            tributary_domain::workflow::event::RunOutcome::Stopped(..) => 0,
        };
        6 + runs.iter().map(|run| 1 + events(run)).sum::<usize>()
    }
}

/// What a committed batch made, in order.
#[derive(Debug, Default)]
pub struct Applied {
    /// One for each plan.
    pub messages: Vec<CommittedMessage>,
    /// The deliveries that were created.
    pub deliveries: Vec<ReadyDelivery>,
    /// The tenants whose last held message was in the batch.
    pub drained: Vec<TenantId>,
    /// The values that met too many people, and are no evidence from now on.
    pub quarantined: Vec<Quarantined>,
    /// The traits that are noted now, and were not known to be.
    pub(super) traits: Vec<(TenantId, String)>,
    /// Until when deliveries that were made wait, by workflow.
    pub(super) waiting: Vec<(WorkflowId, Timestamp)>,
}

/// A value that met too many people.
#[derive(Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// In which tenant.
    pub tenant: TenantId,
    /// Its type.
    pub kind: IdentifierType,
    /// The value, normalised.
    pub value: String,
    /// How many people it met.
    pub people: u32,
}

impl fmt::Debug for Quarantined {
    /// Without the value: it may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quarantined")
            .field("tenant", &self.tenant)
            .field("kind", &self.kind)
            .field("people", &self.people)
            .finish_non_exhaustive()
    }
}

/// What was done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its runs were applied.
    Applied,
    /// It had come before, as this message.
    Duplicate(MessageId),
    /// It waits until its tenant goes on.
    Held,
    /// It waits for a person.
    Parked,
    /// It was about somebody who was erased: nothing of it is kept but that it came.
    Suppressed,
}

/// A delivery that can be sent, with all that is needed for it.
#[derive(Debug, Clone)]
pub struct ReadyDelivery {
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it goes.
    pub destination: DestinationId,
    /// Its id, for ever.
    pub delivery: DeliveryId,
    /// The attempts made so far.
    pub attempts: u32,
    /// How many of them do not count against those that it has: they were made before it was replayed, or say nothing of
    /// its event.
    pub before: u32,
    /// Whether it is sent again because somebody asked for it.
    pub is_replay: bool,
    /// Not before this time.
    pub due: Timestamp,
    /// The event, shared by all of its deliveries.
    pub event: Arc<StoredEvent>,
}

/// An event as it was stored.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// The source's id.
    pub source: SourceId,
    /// The workflow that made it.
    pub workflow: WorkflowId,
    /// Whose it is; none for a group event without a person.
    pub profile: Option<ProfileId>,
    /// When its message was accepted.
    pub received: Timestamp,
    /// The trace that the door began.
    pub trace_parent: Option<String>,
    /// The rest.
    pub data: EventData,
}

impl Fate {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Applied => "APPLIED",
            Self::Duplicate(_) => "DUPLICATE",
            Self::Held => "HELD",
            Self::Parked => "PARKED",
            Self::Suppressed => "SUPPRESSED",
        }
    }

    /// The message that it repeats, if it does.
    pub fn duplicate_of(self) -> Option<MessageId> {
        if let Self::Duplicate(first) = self { Some(first) } else { None }
    }

    /// How the message stands in the log.
    pub fn status(self) -> RunStatus {
        match self {
            Self::Applied => RunStatus::Succeeded,
            Self::Duplicate(_) => RunStatus::Duplicate,
            Self::Held => RunStatus::Held,
            Self::Parked => RunStatus::Parked,
            Self::Suppressed => RunStatus::Suppressed,
        }
    }
}

impl StoredEvent {
    /// What the workflow made.
    pub fn draft(&self) -> &EventDraft {
        &self.data.draft
    }
}

/// The run of a workflow that could not be carried out, as it stands in the log.
pub(crate) fn stopped(workflow: WorkflowId, version: u32, status: RunStatus, reason: Reason) -> PlannedRun {
    use tributary_domain::workflow::event::RunOutcome;
    PlannedRun {
        plan: RunPlan { workflow, version, outcome: RunOutcome::Stopped(status, reason) },
        destinations: Vec::new(),
        delay: Duration::ZERO,
        follow_up: None,
    }
}
