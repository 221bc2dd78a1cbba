//! Merges that are taken back.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter,
};
use tributary_domain::{
    id::{ConflictId, MergeId, ProfileId, TenantId},
    identity::{ConflictState, ProfileState, Tie, undo as part},
};

use super::{Context, Effect, Outcome, conflict, pair, refused};
use crate::{
    StoreError,
    bulk::{OnConflict, bulk_insert},
    column::{id, optional_id},
    entity::{merge, profile},
    ledger::{changes::profile_row, load},
};

/// How many ids a statement asks for at once.
const CHUNK: usize = 500;

/// Makes two people of one again, and keeps the same evidence from joining them.
pub(super) async fn undo(
    context: &Context<'_>,
    txn: &DatabaseTransaction,
    merge: MergeId,
    actor: &str,
) -> Result<Outcome, StoreError> {
    let tenant = context.tenant;
    let found = merge::Entity::find_by_id((tenant.to_string(), merge.to_string())).one(txn).await?;
    let Some(row) = found else { return refused("the merge is gone") };
    if row.undone_at.is_some() {
        return refused("the merge was undone already");
    }
    let person = person(txn, tenant, id(&row.left_id, "merges.left_id")?).await?;
    let ties = ties(txn, tenant, &person).await?;
    let undone = match part(&person, &ties, merge) {
        Ok(undone) => undone,
        Err(why) => return refused(why.to_string()),
    };
    let rows: Result<Vec<_>, _> =
        undone.profiles.iter().map(|state| profile_row(tenant, state, context.now)).collect();
    bulk_insert::<profile::Entity>(txn, rows?, OnConflict::Replace).await?;
    let because = merge.to_string();
    pair::keep_apart(txn, tenant, undone.pair, actor, &because, context.now).await?;
    if let Some(accepted) = optional_id::<ConflictId>(row.conflict_id.as_deref(), "merges.conflict_id")? {
        let closed = (ConflictState::NeverJoin, Some(undone.pair));
        conflict::close(context, txn, accepted, closed, actor).await?;
    }
    let update = merge::ActiveModel {
        tenant_id: Set(row.tenant_id),
        id: Set(row.id),
        undone_at: Set(Some(context.now.micros())),
        undone_by: Set(Some(actor.to_owned())),
        ..Default::default()
    };
    update.update(txn).await?;
    Ok(Ok(Effect::Done))
}

/// The live profile that this one is, or is an alias of, with all of its aliases.
async fn person(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    of: ProfileId,
) -> Result<Vec<ProfileState>, StoreError> {
    let found = load::profiles(txn, [(tenant, of)].into()).await?;
    let live = found.iter().map(|(_, state)| state).find(|state| state.merged_into.is_none());
    let Some(live) = live.map(|state| state.id) else { return Ok(Vec::new()) };
    let rows = profile::Entity::find()
        .filter(profile::Column::TenantId.eq(tenant.to_string()))
        .filter(
            Condition::any()
                .add(profile::Column::Id.eq(live.to_string()))
                .add(profile::Column::MergedInto.eq(live.to_string())),
        )
        .all(txn)
        .await?;
    rows.iter().map(load::profile_state).collect()
}

/// The merges in force between these profiles.
async fn ties(
    txn: &DatabaseTransaction,
    tenant: TenantId,
    person: &[ProfileState],
) -> Result<Vec<Tie>, StoreError> {
    let mut ties = Vec::with_capacity(person.len());
    for some in person.chunks(CHUNK) {
        let rows = merge::Entity::find()
            .filter(merge::Column::TenantId.eq(tenant.to_string()))
            .filter(merge::Column::LeftId.is_in(some.iter().map(|state| state.id.to_string())))
            .filter(merge::Column::UndoneAt.is_null())
            .all(txn)
            .await?;
        for row in rows {
            ties.push(Tie {
                merge: id(&row.id, "merges.id")?,
                left: id(&row.left_id, "merges.left_id")?,
                right: id(&row.right_id, "merges.right_id")?,
                is_exact: row.exact != 0,
            });
        }
    }
    Ok(ties)
}
