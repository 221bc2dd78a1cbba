//! Deliveries: one event for one destination, and the attempts at it. The ledger makes them, the destination's worker
//! takes them on.

mod attempt;
mod log;
mod order;
mod ready;
mod worker;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{DeliveryId, DestinationId, EventId, MessageId},
    time::Timestamp,
};

pub use attempt::{AttemptRecord, Cause, Matched, NewAttempt, Verdict};
pub use log::{DeliveryFilter, Milder};
pub use order::InLine;

use crate::{
    LARGEST_PAGE, StoreError, TenantScope,
    column::{codes, id, number},
    entity::delivery,
};

codes! {
    /// How far a delivery is.
    DeliveryState {
        /// It waits for its time, or for the next attempt.
        Pending = "PENDING",
        /// The destination took it.
        Delivered = "DELIVERED",
        /// It was given up.
        Failed = "FAILED",
    }
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id, the same for ever.
    pub id: DeliveryId,
    /// Where it goes.
    pub destination: DestinationId,
    /// What is sent.
    pub event: EventId,
    /// Raised only by *send corrected*.
    pub generation: u32,
    /// How far it is.
    pub state: DeliveryState,
    /// When the next attempt may begin.
    pub due_at: Timestamp,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub completed_at: Option<Timestamp>,
    /// The HTTP status of the last answer.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// By which word of its platform, or of ours, it was not taken last, and what that meant then; none: it was, or was not
    /// tried.
    pub cause: Option<Cause>,
}

impl TenantScope<'_> {
    /// The delivery with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn delivery(&self, delivery: DeliveryId) -> Result<DeliveryRecord, StoreError> {
        let query = delivery::Entity::find_by_id((self.key(), delivery.to_string()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("delivery"))?.try_into()
    }

    /// The deliveries of a message; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message_deliveries(&self, message: MessageId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let (low, high) = DeliveryId::range(message);
        let rows = delivery::Entity::find()
            .filter(delivery::Column::TenantId.eq(self.key()))
            .filter(delivery::Column::Id.between(low.to_string(), high.to_string()))
            .order_by_asc(delivery::Column::Id)
            .limit(u64::from(LARGEST_PAGE))
            .all(&self.reader())
            .await?;
        rows.into_iter().map(DeliveryRecord::try_from).collect()
    }
}

impl TryFrom<delivery::Model> for DeliveryRecord {
    type Error = StoreError;

    fn try_from(row: delivery::Model) -> Result<Self, StoreError> {
        let status = row.last_status.map(|status| number(status, "deliveries.last_status"));
        Ok(Self {
            id: id(&row.id, "deliveries.id")?,
            destination: id(&row.destination_id, "deliveries.destination_id")?,
            event: id(&row.event_id, "deliveries.event_id")?,
            generation: number(row.generation, "deliveries.generation")?,
            state: DeliveryState::from_code(&row.state)
                .ok_or_else(|| StoreError::corrupt("deliveries.state"))?,
            due_at: Timestamp::from_micros(row.due_at),
            attempts: number(row.attempts, "deliveries.attempts")?,
            created_at: Timestamp::from_micros(row.created_at),
            completed_at: row.completed_at.map(Timestamp::from_micros),
            last_status: status.transpose()?,
            last_error: row.last_error,
            cause: row.error_code.zip(row.error_verdict).map(|(code, verdict)| Cause { code, verdict }),
        })
    }
}
