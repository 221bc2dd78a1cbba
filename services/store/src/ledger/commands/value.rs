//! Values that are no evidence because a person said so, and that they are again.

use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter};

use tributary_domain::id::BlockId;

use super::{Context, Effect, Outcome, Value, refused};
use crate::{
    StoreError,
    bulk::{OnConflict, bulk_insert},
    entity::{blocked_identifier, identifier_meeting},
    profile::BlockReason,
};

/// How many values can be blocked by hand: the ledger remembers each of them.
const MOST: u64 = 10_000;

/// Makes a value no evidence. One that the guard quarantined is blocked by the person from then on.
pub(super) async fn block(
    context: &Context<'_>,
    txn: &DatabaseTransaction,
    value: Value,
) -> Result<Outcome, StoreError> {
    let tenant_id = context.tenant.to_string();
    let blocked = blocked_identifier::Entity::find()
        .filter(blocked_identifier::Column::TenantId.eq(tenant_id.as_str()))
        .filter(blocked_identifier::Column::Reason.eq(BlockReason::Person.code()))
        .count(txn)
        .await?;
    if blocked >= MOST {
        return refused(format!("{MOST} values are blocked: unblock what need not be"));
    }
    let row = blocked_identifier::Model {
        tenant_id,
        kind: value.kind.to_string(),
        value: value.value.clone(),
        id: BlockId::from_bits(context.command.bits()).to_string(),
        reason: BlockReason::Person.code().to_owned(),
        people: 0,
        actor: Some(value.actor),
        event_id: None,
        at: context.now.micros(),
    };
    bulk_insert::<blocked_identifier::Entity>(txn, vec![row], OnConflict::Replace).await?;
    Ok(Ok(Effect::Blocked(value.kind, value.value)))
}

/// Makes a value evidence again. Whom it met is forgotten, so that the guard counts from the beginning.
pub(super) async fn unblock(
    context: &Context<'_>,
    txn: &DatabaseTransaction,
    value: Value,
) -> Result<Outcome, StoreError> {
    let (tenant, kind) = (context.tenant.to_string(), value.kind.to_string());
    let key = (tenant.clone(), kind.clone(), value.value.clone());
    let deleted = blocked_identifier::Entity::delete_by_id(key).exec(txn).await?;
    if deleted.rows_affected == 0 {
        return refused("the value is not blocked (any more)");
    }
    identifier_meeting::Entity::delete_many()
        .filter(identifier_meeting::Column::TenantId.eq(tenant))
        .filter(identifier_meeting::Column::Kind.eq(kind))
        .filter(identifier_meeting::Column::Value.eq(value.value.as_str()))
        .exec(txn)
        .await?;
    Ok(Ok(Effect::Unblocked(value.kind, value.value)))
}
