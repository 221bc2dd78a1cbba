//! Messages that are processed again: they get new positions at the end of their tenant's held lane. What they were keeps
//! standing in the log until their turn comes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use bytes::Bytes;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use tributary_domain::{
    id::{MessageId, OperationId, SourceId, TenantId},
    partition::Partition,
    time::Timestamp,
};

use super::apply::LedgerState;
use crate::{
    Lane, Store, StoreError,
    bulk::{OnConflict, bulk_insert},
    column::id,
    entity::{held_message, message, message_replay, operation_item, parked_message},
    operation::is_running,
    retention::with_bodies,
    txn::Txn,
};

/// Why a replayed message is held.
const REPLAYED: &str = "REPLAYED";

/// A message that is to be processed again.
#[derive(Clone)]
pub struct Again {
    /// Its id.
    pub message: MessageId,
    /// Where it came from.
    pub source: SourceId,
    /// Its place in the order of acceptance.
    pub sequence: u64,
    /// The message as the journal had it.
    pub record: Bytes,
}

impl fmt::Debug for Again {
    /// Without the message itself: it is a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again").field("message", &self.message).finish_non_exhaustive()
    }
}

/// Messages that an operation wants to have processed again, in their order.
#[derive(Debug, Clone)]
pub struct HoldAgain {
    /// Whose they are.
    pub tenant: TenantId,
    /// Which operation asks.
    pub operation: OperationId,
    /// The messages.
    pub messages: Vec<Again>,
}

impl Store {
    /// Puts messages at the end of their tenant's held lane, in one transaction with their operation's progress. One that
    /// waits there already keeps its place; nothing happens when the operation does not run any more.
    ///
    /// # Errors
    /// When the database fails, or somebody else owns the partition now; nothing was written then, except after
    /// [`StoreError::UnknownCommit`].
    pub async fn hold_again(
        &self,
        state: &mut LedgerState,
        again: &HoldAgain,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (claim, next) = (&state.claim, state.next_position);
        let held = self
            .write_txn(Lane::Ledger, "ledger.hold_again", |txn: Txn| async move {
                let txn = txn.as_ref();
                claim.commit(txn, &BTreeMap::from([(Partition::of(again.tenant), None)])).await?;
                if is_running(txn, again.tenant, again.operation).await? {
                    hold(txn, again, next, now).await
                } else {
                    Ok(0)
                }
            })
            .await?;
        if held > 0 {
            state.next_position += held;
            state.holding.insert(again.tenant);
        }
        Ok(())
    }
}

/// Says how many positions were given.
async fn hold(
    txn: &DatabaseTransaction,
    again: &HoldAgain,
    first: i64,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let tenant = again.tenant.to_string();
    let asked = asked(txn, again).await?;
    let waiting = positions(txn, again).await?;
    let parked = unparked(txn, again, &asked).await?;
    let (mut next, mut held, mut replays) = (first, Vec::new(), Vec::new());
    for wanted in again.messages.iter().filter(|wanted| asked.contains(&wanted.message)) {
        let position = if let Some(position) = waiting.get(&wanted.message) {
            *position
        } else {
            held.push(held_message::Model {
                tenant_id: tenant.clone(),
                position: next,
                message_id: wanted.message.to_string(),
                source_id: wanted.source.to_string(),
                seq: wanted.sequence.cast_signed(),
                reason: REPLAYED.to_owned(),
                held_at: now.micros(),
                record: wanted.record.to_vec(),
            });
            replays.push(message_replay::Model {
                tenant_id: tenant.clone(),
                message_id: wanted.message.to_string(),
                position: next,
                operation_id: again.operation.to_string(),
                asked_at: now.micros(),
                replayed_at: None,
                before: None,
            });
            next += 1;
            next - 1
        };
        let item = operation_item::ActiveModel { position: Set(Some(position)), ..Default::default() };
        operation_item::Entity::update_many()
            .set(item)
            .filter(operation_item::Column::TenantId.eq(tenant.as_str()))
            .filter(operation_item::Column::OperationId.eq(again.operation.to_string()))
            .filter(operation_item::Column::Item.eq(wanted.message.to_string()))
            .exec(txn)
            .await?;
    }
    bulk_insert::<held_message::Entity>(txn, held, OnConflict::Fail).await?;
    bulk_insert::<message_replay::Entity>(txn, replays, OnConflict::Fail).await?;
    if !parked.is_empty() {
        let fate = message::ActiveModel { fate: Set("HELD".to_owned()), ..Default::default() };
        message::Entity::update_many()
            .set(fate)
            .filter(message::Column::TenantId.eq(tenant))
            .filter(message::Column::Id.is_in(parked.iter().map(MessageId::to_string)))
            .exec(txn)
            .await?;
    }
    Ok(next - first)
}

fn keys(again: &HoldAgain) -> impl Iterator<Item = String> {
    again.messages.iter().map(|wanted| wanted.message.to_string())
}

/// Those that the operation has not held yet (a request that was given up may still come after the next one) and that still
/// have their bodies: retention leaves them alone until the end of the transaction. Who asked finds out about the others.
async fn asked(txn: &DatabaseTransaction, again: &HoldAgain) -> Result<HashSet<MessageId>, StoreError> {
    let rows: Vec<String> = operation_item::Entity::find()
        .select_only()
        .column(operation_item::Column::Item)
        .filter(operation_item::Column::TenantId.eq(again.tenant.to_string()))
        .filter(operation_item::Column::OperationId.eq(again.operation.to_string()))
        .filter(operation_item::Column::Item.is_in(keys(again)))
        .filter(operation_item::Column::Position.is_null())
        .into_tuple()
        .all(txn)
        .await?;
    let rows = with_bodies(txn, again.tenant, rows).await?;
    rows.iter().map(|item| id(item, "operation_items.item")).collect()
}

/// Where those stand that wait in the held lane already.
async fn positions(
    txn: &DatabaseTransaction,
    again: &HoldAgain,
) -> Result<HashMap<MessageId, i64>, StoreError> {
    let rows: Vec<(String, i64)> = held_message::Entity::find()
        .select_only()
        .columns([held_message::Column::MessageId, held_message::Column::Position])
        .filter(held_message::Column::TenantId.eq(again.tenant.to_string()))
        .filter(held_message::Column::MessageId.is_in(keys(again)))
        .into_tuple()
        .all(txn)
        .await?;
    rows.into_iter().map(|(message, at)| Ok((id(&message, "held_messages.message_id")?, at))).collect()
}

/// Takes those out of the parked ones that are among them: they are redriven with the others.
async fn unparked(
    txn: &DatabaseTransaction,
    again: &HoldAgain,
    asked: &HashSet<MessageId>,
) -> Result<HashSet<MessageId>, StoreError> {
    let these = || {
        sea_orm::Condition::all()
            .add(parked_message::Column::TenantId.eq(again.tenant.to_string()))
            .add(parked_message::Column::MessageId.is_in(asked.iter().map(MessageId::to_string)))
    };
    let rows: Vec<String> = parked_message::Entity::find()
        .select_only()
        .column(parked_message::Column::MessageId)
        .filter(these())
        .into_tuple()
        .all(txn)
        .await?;
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    parked_message::Entity::delete_many().filter(these()).exec(txn).await?;
    rows.iter().map(|message| id(message, "parked_messages.message_id")).collect()
}
