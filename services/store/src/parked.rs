//! Parked messages: they could not be processed and wait for a person. The ledger parks and redrives them.

use std::fmt;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{MessageId, SourceId},
    time::Timestamp,
};

use crate::{
    Page, Paged, StoreError, TenantScope,
    column::{id, number},
    entity::parked_message,
};

/// A parked message.
#[derive(Clone, PartialEq, Eq)]
pub struct ParkedRecord {
    /// The message's id.
    pub message: MessageId,
    /// Where it came from.
    pub source: SourceId,
    /// Its place in the journal of its partition.
    pub seq: u64,
    /// The stable code of the reason.
    pub reason: String,
    /// What went wrong.
    pub detail: String,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// The message as the journal had it.
    pub record: Vec<u8>,
}

impl fmt::Debug for ParkedRecord {
    /// Without the message itself: it is a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkedRecord")
            .field("message", &self.message)
            .field("seq", &self.seq)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl TenantScope<'_> {
    /// The parked message with this id.
    ///
    /// # Errors
    /// When the tenant has none.
    pub async fn parked_message(&self, message: MessageId) -> Result<ParkedRecord, StoreError> {
        let query = parked_message::Entity::find_by_id((self.key(), message.to_string()));
        let row = query.one(&self.reader()).await?;
        row.ok_or_else(|| StoreError::not_found("parked message"))?.try_into()
    }

    /// The tenant's parked messages, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn parked_messages(
        &self,
        page: Page<MessageId>,
    ) -> Result<Paged<ParkedRecord, MessageId>, StoreError> {
        let mut query =
            parked_message::Entity::find().filter(parked_message::Column::TenantId.eq(self.key()));
        if let Some(before) = page.after {
            query = query.filter(parked_message::Column::MessageId.lt(before.to_string()));
        }
        let query = query.order_by_desc(parked_message::Column::MessageId).limit(page.rows());
        page.fill(query.all(&self.reader()).await?, ParkedRecord::try_from, |record| record.message)
    }
}

impl TryFrom<parked_message::Model> for ParkedRecord {
    type Error = StoreError;

    fn try_from(row: parked_message::Model) -> Result<Self, StoreError> {
        Ok(Self {
            message: id(&row.message_id, "parked_messages.message_id")?,
            source: id(&row.source_id, "parked_messages.source_id")?,
            seq: number(row.seq, "parked_messages.seq")?,
            reason: row.reason,
            detail: row.detail,
            parked_at: Timestamp::from_micros(row.parked_at),
            record: row.record,
        })
    }
}
