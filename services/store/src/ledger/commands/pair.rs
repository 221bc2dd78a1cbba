//! Never-join pairs: made by decisions, lifted by hand or by a later decision.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, sea_query::Expr,
};
use tributary_domain::{
    id::{ProfileId, TenantId},
    identity::ConflictState,
    time::Timestamp,
};

use super::{Context, Effect, Outcome, refused};
use crate::{
    StoreError,
    bulk::{OnConflict, bulk_insert},
    entity::{conflict, never_join},
    ledger::load,
};

/// Two profiles, the smaller first.
pub(super) type Pair = (ProfileId, ProfileId);

/// Keeps two profiles apart; a pair that is there stays as it is.
pub(super) async fn keep_apart(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    (left, right): Pair,
    actor: &str,
    because: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = never_join::Model {
        tenant_id: tenant.to_string(),
        left_id: left.to_string(),
        right_id: right.to_string(),
        created_at: now.micros(),
        actor: Some(actor.to_owned()),
        because: Some(because.to_owned()),
    };
    bulk_insert::<never_join::Entity>(txn, vec![row], OnConflict::Ignore).await?;
    Ok(())
}

/// Keeps two people apart, by the names of live profiles or of what is part of them.
pub(super) async fn keep_apart_by_hand(
    context: &Context<'_>,
    txn: &DatabaseTransaction,
    (one, other): Pair,
    actor: &str,
) -> Result<Outcome, StoreError> {
    let tenant = context.tenant;
    let known = load::profiles(txn, [(tenant, one), (tenant, other)].into()).await?;
    let live = |id: ProfileId| {
        let found = known.iter().find(|(_, state)| state.id == id);
        found.map(|(_, state)| state.merged_into.unwrap_or(id))
    };
    match (live(one), live(other)) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            let (pair, because) = ((one.min(other), one.max(other)), context.command.to_string());
            keep_apart(txn, tenant, pair, actor, &because, context.now).await?;
            Ok(Ok(Effect::Done))
        }
        (Some(_), Some(_)) => refused("the two are one person: undo what made them one first"),
        _ => refused("one of the two is gone"),
    }
}

/// Takes a pair away, whichever of the two is named first.
pub(super) async fn lift_by_hand(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    (one, other): Pair,
) -> Result<Outcome, StoreError> {
    if lift(txn, tenant, (one.min(other), one.max(other))).await? {
        Ok(Ok(Effect::Done))
    } else {
        refused("the two are not kept apart (any more)")
    }
}

/// Takes away the pairs between two live profiles, which are one person from now on.
pub(super) async fn lift_between(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    (one, other): Pair,
) -> Result<(), StoreError> {
    for pair in load::never_join(txn, &[tenant].into()).await? {
        if pair.live == (one, other) || pair.live == (other, one) {
            lift(txn, tenant, pair.named).await?;
        }
    }
    Ok(())
}

/// Takes a pair away, and opens what it closed; says whether it was there.
async fn lift(txn: &DatabaseTransaction, tenant: TenantId, (left, right): Pair) -> Result<bool, StoreError> {
    let key = (tenant.to_string(), left.to_string(), right.to_string());
    let deleted = never_join::Entity::delete_by_id(key).exec(txn).await?;
    if deleted.rows_affected == 0 {
        return Ok(false);
    }
    let open =
        conflict::ActiveModel { state: Set(ConflictState::Open.as_str().to_owned()), ..Default::default() };
    conflict::Entity::update_many()
        .set(open)
        .col_expr(conflict::Column::PairLeft, Expr::value(None::<String>))
        .col_expr(conflict::Column::PairRight, Expr::value(None::<String>))
        .col_expr(conflict::Column::DecidedAt, Expr::value(None::<i64>))
        .col_expr(conflict::Column::DecidedBy, Expr::value(None::<String>))
        .filter(conflict::Column::TenantId.eq(tenant.to_string()))
        .filter(conflict::Column::PairLeft.eq(left.to_string()))
        .filter(conflict::Column::PairRight.eq(right.to_string()))
        .exec(txn)
        .await?;
    Ok(true)
}
