//! Attempts at a delivery, and what came back.

use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{DeliveryId, DestinationId, SourceId, TenantId},
    time::Timestamp,
};

use crate::{
    LARGEST_PAGE, StoreError, TenantScope,
    column::{id, json, number, to_big, to_int, to_json},
    entity::delivery_attempt,
    retention::REMOVED,
};

/// An attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// At which delivery.
    pub delivery: DeliveryId,
    /// Its number: 1, 2, ...
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// What it was taken for: a stable code of the worker's.
    pub outcome: String,
    /// The HTTP status; none: there was no answer.
    pub http_status: Option<u16>,
    /// The answer's headers that are kept.
    pub response_headers: Vec<(String, String)>,
    /// The answer's body, up to the worker's limit.
    pub response_body: Vec<u8>,
    /// Whether the body was longer.
    pub is_truncated: bool,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether the answer's headers and body were removed for their age, and are empty because of that.
    pub answer_removed: bool,
}

/// What an attempt means for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The destination took it.
    Delivered,
    /// Try again at this time.
    Retry {
        /// When.
        due_at: Timestamp,
    },
    /// Give it up.
    Failed,
}

/// By which word a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The platform's code, or one of ours.
    pub code: String,
    /// What that meant then: a stable code of the worker's.
    pub verdict: String,
}

/// An attempt that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt {
    /// It.
    pub attempt: AttemptRecord,
    /// What it means for its delivery.
    pub verdict: Verdict,
    /// By which word it was not taken; none: it was.
    pub cause: Option<Cause>,
    /// The source of the delivery's message, which it is counted for.
    pub source: SourceId,
    /// Whether the delivery is sent again because somebody asked for it: how long it took since its message came says nothing
    /// then.
    pub is_replay: bool,
    /// Whether its event is a test: such are not counted.
    pub is_test: bool,
    /// How well the destination's platform could find the event's person; none: it looks for nobody.
    pub quality: Option<Matched>,
}

/// How well a platform could find the person of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The destination.
    pub destination: DestinationId,
    /// From 0 to 100.
    pub score: u8,
    /// The signals that the event had, by their names.
    pub present: Vec<&'static str>,
}

impl AttemptRecord {
    /// When it ended.
    pub fn ended_at(&self) -> Timestamp {
        self.started_at.plus(self.duration)
    }

    pub(super) fn row(&self, tenant: TenantId) -> Result<delivery_attempt::Model, StoreError> {
        Ok(delivery_attempt::Model {
            tenant_id: tenant.to_string(),
            delivery_id: self.delivery.to_string(),
            number: to_int(self.number),
            started_at: self.started_at.micros(),
            duration_us: to_big(u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX)),
            outcome: self.outcome.clone(),
            http_status: self.http_status.map(i32::from),
            response_headers: to_json(&self.response_headers)?,
            response_body: self.response_body.clone(),
            truncated: i32::from(self.is_truncated),
            error: self.error.clone(),
        })
    }
}

impl TenantScope<'_> {
    /// The attempts at a delivery, in order; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_attempts(&self, delivery: DeliveryId) -> Result<Vec<AttemptRecord>, StoreError> {
        let rows = delivery_attempt::Entity::find()
            .filter(delivery_attempt::Column::TenantId.eq(self.key()))
            .filter(delivery_attempt::Column::DeliveryId.eq(delivery.to_string()))
            .order_by_asc(delivery_attempt::Column::Number)
            .limit(u64::from(LARGEST_PAGE))
            .all(&self.reader())
            .await?;
        rows.into_iter().map(AttemptRecord::try_from).collect()
    }
}

impl TryFrom<delivery_attempt::Model> for AttemptRecord {
    type Error = StoreError;

    fn try_from(row: delivery_attempt::Model) -> Result<Self, StoreError> {
        let answer_removed = row.response_headers == REMOVED;
        let status = row.http_status.map(|status| number(status, "delivery_attempts.http_status"));
        Ok(Self {
            delivery: id(&row.delivery_id, "delivery_attempts.delivery_id")?,
            number: number(row.number, "delivery_attempts.number")?,
            started_at: Timestamp::from_micros(row.started_at),
            duration: Duration::from_micros(number(row.duration_us, "delivery_attempts.duration_us")?),
            outcome: row.outcome,
            http_status: status.transpose()?,
            response_headers: if answer_removed {
                Vec::new()
            } else {
                json(&row.response_headers, "delivery_attempts.response_headers")?
            },
            response_body: row.response_body,
            is_truncated: row.truncated != 0,
            error: row.error,
            answer_removed,
        })
    }
}
