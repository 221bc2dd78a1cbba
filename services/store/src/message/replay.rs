//! That messages were processed again.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{MessageId, OperationId},
    time::Timestamp,
};

use super::{MessageRun, fate_of};
use crate::{
    LARGEST_PAGE, StoreError, TenantScope,
    column::{id, json},
    entity::message_replay,
    ledger::{Fate, Stood},
};

/// That a message was processed again.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageReplay {
    /// Which operation asked for it.
    pub operation: OperationId,
    /// When it was done; none: the message waits for its turn.
    pub replayed_at: Option<Timestamp>,
    /// What had become of the message before; none while it waits. A duplicate is told as one of
    /// itself: of what it was one is not kept.
    pub fate: Option<Fate>,
    /// How its runs had ended before.
    pub runs: Vec<MessageRun>,
}

impl TenantScope<'_> {
    /// How often a message was processed again, oldest first; at most [`LARGEST_PAGE`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn message_replays(&self, message: MessageId) -> Result<Vec<MessageReplay>, StoreError> {
        let rows = message_replay::Entity::find()
            .filter(message_replay::Column::TenantId.eq(self.key()))
            .filter(message_replay::Column::MessageId.eq(message.to_string()))
            .order_by_asc(message_replay::Column::Position)
            .limit(u64::from(LARGEST_PAGE))
            .all(&self.reader())
            .await?;
        rows.into_iter().map(|row| replay(message, &row)).collect()
    }
}

fn replay(message: MessageId, row: &message_replay::Model) -> Result<MessageReplay, StoreError> {
    let stood: Option<Stood> =
        row.before.as_deref().map(|before| json(before, "message_replays.before")).transpose()?;
    let of = stood.as_ref().filter(|stood| stood.fate == "DUPLICATE").map(|_| message.to_string());
    Ok(MessageReplay {
        operation: id(&row.operation_id, "message_replays.operation_id")?,
        replayed_at: row.replayed_at.map(Timestamp::from_micros),
        fate: stood.as_ref().map(|stood| fate_of(&stood.fate, of.as_deref())).transpose()?,
        runs: stood.map(|stood| stood.runs).unwrap_or_default(),
    })
}
