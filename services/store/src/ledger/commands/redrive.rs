//! Parked messages that are processed again.

use sea_orm::{ActiveModelTrait, ActiveValue::Set, DatabaseTransaction, EntityTrait};
use tributary_domain::{
    id::{MessageId, TenantId},
    time::Timestamp,
};

use super::{Effect, Outcome, refused};
use crate::{
    StoreError,
    entity::{held_message, message, parked_message},
};

/// Gives a parked message this position in its tenant's held lane.
pub(super) async fn redrive(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    message: MessageId,
    position: i64,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let key = (tenant.to_string(), message.to_string());
    let Some(parked) = parked_message::Entity::find_by_id(key.clone()).one(txn).await? else {
        return refused("the message is not parked (any more)");
    };
    parked_message::Entity::delete_by_id(key).exec(txn).await?;
    let held = held_message::ActiveModel {
        tenant_id: Set(parked.tenant_id),
        position: Set(position),
        message_id: Set(parked.message_id.clone()),
        source_id: Set(parked.source_id),
        seq: Set(parked.seq),
        reason: Set("REDRIVEN".to_owned()),
        held_at: Set(now.micros()),
        record: Set(parked.record),
    };
    held_message::Entity::insert(held).exec_without_returning(txn).await?;
    let update = message::ActiveModel {
        id: Set(parked.message_id),
        fate: Set("HELD".to_owned()),
        ..Default::default()
    };
    update.update(txn).await?;
    Ok(Ok(Effect::Held))
}
