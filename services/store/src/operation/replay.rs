//! The steps of replays.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use tributary_domain::{
    id::{DestinationId, MessageId, OperationId},
    time::Timestamp,
};

use super::is_running;
use crate::{
    Lane, StoreError, TenantScope,
    bulk::{OnConflict, bulk_insert},
    column::id,
    delivery::DeliveryState,
    entity::{delivery, delivery_replay, destination, event, held_message, message, operation_item},
    ledger::Fate,
    message::MessageRecord,
    txn::Txn,
};

/// How far the messages of a replay are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// How many of them wait in the held lane.
    pub waiting: usize,
    /// How many were processed since it was asked last.
    pub ended: usize,
}

impl TenantScope<'_> {
    /// Counts the messages of a replay that left the held lane since. One that could not be processed and is parked now
    /// counts as failed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_replay(&self, operation: OperationId, now: Timestamp) -> Result<Settled, StoreError> {
        let reader = &self.reader();
        let under_way: Vec<(String, i64)> = operation_item::Entity::find()
            .select_only()
            .columns([operation_item::Column::Item, operation_item::Column::Position])
            .filter(operation_item::Column::TenantId.eq(self.key()))
            .filter(operation_item::Column::OperationId.eq(operation.to_string()))
            .filter(operation_item::Column::Position.is_not_null())
            .into_tuple()
            .all(reader)
            .await?;
        if under_way.is_empty() {
            return Ok(Settled { waiting: 0, ended: 0 });
        }
        let waiting: Vec<i64> = held_message::Entity::find()
            .select_only()
            .column(held_message::Column::Position)
            .filter(held_message::Column::TenantId.eq(self.key()))
            .filter(held_message::Column::Position.is_in(under_way.iter().map(|(_, position)| *position)))
            .into_tuple()
            .all(reader)
            .await?;
        let ended: Vec<String> = under_way
            .into_iter()
            .filter(|(_, position)| !waiting.contains(position))
            .map(|(item, _)| item)
            .collect();
        if !ended.is_empty() {
            let done: Vec<String> = message::Entity::find()
                .select_only()
                .column(message::Column::Id)
                .filter(message::Column::TenantId.eq(self.key()))
                .filter(message::Column::Id.is_in(ended.iter()))
                .filter(message::Column::Fate.ne(Fate::Parked.code()))
                .into_tuple()
                .all(reader)
                .await?;
            self.end_items(operation, &ended, (ended.len() - done.len()) as u64, now).await?;
        }
        Ok(Settled { waiting: waiting.len(), ended: ended.len() })
    }

    async fn end_items(
        &self,
        operation: OperationId,
        items: &[String],
        failed: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let write =
            |txn: Txn| async move { self.items_ended(txn.as_ref(), operation, items, failed, now).await };
        self.write_txn(Lane::Other, "operation.items", write).await
    }

    /// The next messages of a replay, oldest first: at most `limit`, and of at most `bytes` but for the first; none when
    /// no item is left. Those that were removed since they were chosen, or their bodies, count as failed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_replayed(
        &self,
        operation: OperationId,
        limit: u64,
        bytes: usize,
        now: Timestamp,
    ) -> Result<Option<Vec<MessageRecord>>, StoreError> {
        let (mut found, mut gone, mut size) = (Vec::new(), Vec::new(), 0);
        let items = self.next_items(&self.reader(), operation, limit).await?;
        if items.is_empty() {
            return Ok(None);
        }
        for item in items {
            let message: MessageId = id(&item, "operation_items.item")?;
            match self.message(message).await {
                // Its tenant does not keep the body so long.
                Ok(record) if record.body_removed => gone.push(item),
                Ok(record) => {
                    size += record.body.len();
                    if size > bytes && !found.is_empty() {
                        break;
                    }
                    found.push(record);
                }
                Err(StoreError::NotFound { .. }) => gone.push(item),
                Err(error) => return Err(error),
            }
        }
        if !gone.is_empty() {
            self.end_items(operation, &gone, gone.len() as u64, now).await?;
        }
        Ok(Some(found))
    }

    /// Makes the next deliveries of a replay pending again, at most `limit`, oldest first; says which destinations they
    /// are for, and nothing when none were left. They keep their ids, and their attempts are numbered on. What can never
    /// be sent, because its destination or its event was removed, counts as failed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay_deliveries(
        &self,
        operation: OperationId,
        limit: u64,
        now: Timestamp,
    ) -> Result<Option<BTreeSet<DestinationId>>, StoreError> {
        let write = |txn: Txn| async move {
            let txn = txn.as_ref();
            if !is_running(txn, self.id(), operation).await? {
                return Ok(None);
            }
            let items = self.next_items(txn, operation, limit).await?;
            if items.is_empty() {
                return Ok(None);
            }
            let found = delivery::Entity::find()
                .filter(delivery::Column::TenantId.eq(self.key()))
                .filter(delivery::Column::Id.is_in(&items))
                .lock_exclusive()
                .all(txn)
                .await?;
            let sendable = self.sendable(txn, found).await?;
            let failed = (items.len() - sendable.len()) as u64;
            let ended: Vec<_> =
                sendable.iter().filter(|row| row.state != DeliveryState::Pending.code()).collect();
            self.send_again(txn, operation, &ended, now).await?;
            self.items_ended(txn, operation, &items, failed, now).await?;
            let destinations = ended.iter().map(|row| id(&row.destination_id, "deliveries.destination_id"));
            destinations.collect::<Result<_, _>>().map(Some)
        };
        self.write_txn(Lane::Other, "operation.deliveries", write).await
    }

    /// Those whose destination and event are there.
    async fn sendable(
        &self,
        txn: &DatabaseTransaction,
        rows: Vec<delivery::Model>,
    ) -> Result<Vec<delivery::Model>, StoreError> {
        let destinations: Vec<String> = destination::Entity::find()
            .select_only()
            .column(destination::Column::Id)
            .filter(destination::Column::TenantId.eq(self.key()))
            .filter(destination::Column::DeletedAt.is_null())
            .into_tuple()
            .all(txn)
            .await?;
        let wanted: HashSet<&str> = rows.iter().map(|row| row.event_id.as_str()).collect();
        let events: HashSet<String> = event::Entity::find()
            .select_only()
            .column(event::Column::Id)
            .filter(event::Column::TenantId.eq(self.key()))
            .filter(event::Column::Id.is_in(wanted))
            .into_tuple::<String>()
            .all(txn)
            .await?
            .into_iter()
            .collect();
        let is_there = |row: &delivery::Model| {
            destinations.contains(&row.destination_id) && events.contains(&row.event_id)
        };
        Ok(rows.into_iter().filter(is_there).collect())
    }

    async fn send_again(
        &self,
        txn: &DatabaseTransaction,
        operation: OperationId,
        rows: &[&delivery::Model],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let replays = rows.iter().map(|row| delivery_replay::Model {
            tenant_id: self.key(),
            delivery_id: row.id.clone(),
            attempts: row.attempts,
            operation_id: operation.to_string(),
            replayed_at: now.micros(),
            before: row.state.clone(),
        });
        bulk_insert::<delivery_replay::Entity>(txn, replays.collect(), OnConflict::Replace).await?;
        let pending = delivery::ActiveModel {
            state: Set(DeliveryState::Pending.code().to_owned()),
            due_at: Set(now.micros()),
            completed_at: Set(None),
            ..Default::default()
        };
        delivery::Entity::update_many()
            .set(pending)
            .filter(delivery::Column::TenantId.eq(self.key()))
            .filter(delivery::Column::Id.is_in(rows.iter().map(|row| row.id.as_str())))
            .exec(txn)
            .await?;
        Ok(())
    }

    /// The attempts at these events' deliveries that were made before they were replayed last; none for one that never
    /// was.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn attempts_before(
        &self,
        deliveries: impl Iterator<Item = String>,
    ) -> Result<Vec<(String, i32)>, StoreError> {
        let deliveries: Vec<String> = deliveries.collect();
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let rows = delivery_replay::Entity::find()
            .select_only()
            .column(delivery_replay::Column::DeliveryId)
            .column_as(delivery_replay::Column::Attempts.max(), "attempts")
            .filter(delivery_replay::Column::TenantId.eq(self.key()))
            .filter(delivery_replay::Column::DeliveryId.is_in(deliveries))
            .group_by(delivery_replay::Column::DeliveryId)
            .into_tuple()
            .all(&self.reader())
            .await?;
        Ok(rows)
    }
}
