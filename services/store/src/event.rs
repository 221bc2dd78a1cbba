//! Events: what runs made, and how many of each name. The ledger writes them.

mod log;
mod names;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    booking::Role,
    event::EventData,
    id::{EventId, MessageId, ProfileId, SourceId, WorkflowId},
    time::Timestamp,
    workflow::spec::Kind,
};

pub use log::EventFilter;
pub use names::{EventNameKey, EventNameRecord};

use crate::{
    LARGEST_PAGE, StoreError, TenantScope,
    column::{id, number, optional_id},
    entity::event,
    ledger::StoredEvent,
    packed::unpack,
};

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// Its id, which names its message.
    pub id: EventId,
    /// Which workflow made it.
    pub workflow: WorkflowId,
    /// Where its message came from.
    pub source: SourceId,
    /// Its kind.
    pub kind: Kind,
    /// Its name; empty for identify and group events.
    pub name: String,
    /// Whose it was when it was made; that profile may have been merged since.
    pub profile: Option<ProfileId>,
    /// Its message's place in the journal of its partition.
    pub seq: u64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When its message was accepted.
    pub received_at: Timestamp,
    /// All else.
    pub data: EventData,
}

impl EventRecord {
    /// The record of an event of the message with this sequence, as it would be stored.
    pub fn of(event: &StoredEvent, seq: u64) -> Self {
        let draft = event.draft();
        Self {
            id: event.id,
            workflow: event.workflow,
            source: event.source,
            kind: draft.kind,
            name: draft.name.clone(),
            profile: event.profile,
            seq,
            occurred_at: draft.time,
            received_at: event.received,
            data: event.data.clone(),
        }
    }

    /// Whether no workflow made it of its message: it follows another event, because of what the message says of a booking.
    pub fn is_follow_up(&self) -> bool {
        let of_run = EventId::derive(self.id.message(), self.workflow, self.data.draft.index);
        matches!(self.data.role, Some(Role::Follows { .. })) && self.id != of_run
    }
}

/// The code of a kind of event, as the table has it.
pub(crate) fn kind_code(kind: Kind) -> &'static str {
    match kind {
        Kind::Track => "TRACK",
        Kind::Identify => "IDENTIFY",
        Kind::Group => "GROUP",
    }
}

/// The kind of event of a code, as the table has it.
pub(crate) fn kind_of(code: &str) -> Option<Kind> {
    [Kind::Track, Kind::Identify, Kind::Group].into_iter().find(|kind| kind_code(*kind) == code)
}

impl TenantScope<'_> {
    /// The event with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn event(&self, event: EventId) -> Result<EventRecord, StoreError> {
        let row = event::Entity::find_by_id((self.key(), event.to_string())).one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("event"))?.try_into()
    }

    /// Those of these events that there are, in no particular order; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn events_by_id(&self, events: &[EventId]) -> Result<Vec<EventRecord>, StoreError> {
        let rows = event::Entity::find()
            .filter(event::Column::TenantId.eq(self.key()))
            .filter(
                event::Column::Id.is_in(events.iter().take(LARGEST_PAGE as usize).map(EventId::to_string)),
            )
            .all(&self.reader())
            .await?;
        rows.into_iter().map(EventRecord::try_from).collect()
    }

    /// The events of a message; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message_events(&self, message: MessageId) -> Result<Vec<EventRecord>, StoreError> {
        let (low, high) = EventId::range(message);
        let rows = event::Entity::find()
            .filter(event::Column::TenantId.eq(self.key()))
            .filter(event::Column::Id.between(low.to_string(), high.to_string()))
            .order_by_asc(event::Column::Id)
            .limit(u64::from(LARGEST_PAGE))
            .all(&self.reader())
            .await?;
        rows.into_iter().map(EventRecord::try_from).collect()
    }
}

impl TryFrom<event::Model> for EventRecord {
    type Error = StoreError;

    fn try_from(row: event::Model) -> Result<Self, StoreError> {
        let data = unpack(&row.data, "events.data")?;
        Ok(Self {
            id: id(&row.id, "events.id")?,
            workflow: id(&row.workflow_id, "events.workflow_id")?,
            source: id(&row.source_id, "events.source_id")?,
            kind: kind_of(&row.kind).ok_or_else(|| StoreError::corrupt("events.kind"))?,
            name: row.name,
            profile: optional_id(row.profile_id.as_deref(), "events.profile_id")?,
            seq: number(row.seq, "events.seq")?,
            occurred_at: Timestamp::from_micros(row.occurred_at),
            received_at: Timestamp::from_micros(row.received_at),
            data: serde_json::from_slice(&data).map_err(|_| StoreError::corrupt("events.data"))?,
        })
    }
}
