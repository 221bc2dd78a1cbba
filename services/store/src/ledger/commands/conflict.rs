//! Conflicts that a person decides.

use std::collections::HashSet;

use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use tributary_domain::{
    id::{ConflictId, EventId, MergeId, ProfileId, TenantId},
    identity::{ConflictState, Disputed, Identifier, IdentifierType, Occasion, Verdict, View},
};

use super::{Context, Effect, Outcome, Said, pair, refused};
use crate::{
    StoreError,
    column::{id, json},
    entity::{conflict, tenant},
    ledger::{apply::write, before::Before, changes, difference::Difference, load, resolve::rules},
};

/// Decides a conflict: its two become one, stay apart, or are kept apart for good.
pub(super) async fn decide(
    context: &Context<'_>,
    txn: &DatabaseTransaction,
    conflict: ConflictId,
    said: Said,
    actor: &str,
) -> Result<Outcome, StoreError> {
    let tenant = context.tenant;
    let key = (tenant.to_string(), conflict.to_string());
    let Some(row) = conflict::Entity::find_by_id(key).one(txn).await? else {
        return refused("the conflict is gone");
    };
    let Some(configured) = tenant::Entity::find_by_id(tenant.to_string()).one(txn).await? else {
        return refused("the tenant is gone");
    };
    let disputed = disputed(&row)?;
    let mut view = view(txn, tenant, &disputed).await?;
    let event: EventId = id(&row.event_id, "conflicts.event_id")?;
    let occasion = Occasion { event, sequence: context.after, at: context.now };
    let merge = MergeId::derived(event.message(), &[&context.command.bits().to_be_bytes()]);
    let verdict = match said {
        Said::Accept => Verdict::Accept,
        Said::Refuse => Verdict::Refuse,
        Said::NeverAgain => Verdict::NeverAgain,
    };
    let rules = rules(&json(&configured.settings, "tenants.settings")?, context.blocked.of(tenant));
    let decided = match view.decide(&rules, &disputed, verdict, merge, occasion) {
        Ok(decided) => decided,
        Err(why) => return refused(why.to_string()),
    };
    if let Some(joined) = decided.joined {
        pair::lift_between(txn, tenant, joined).await?;
    }
    let mut difference = Difference::default();
    let changes = view.take_changes();
    changes::add_keys(&mut difference, tenant, &changes);
    changes::add(&mut difference, &Before::default(), tenant, changes, configured.config_rev, context.now)?;
    for merged in &mut difference.merges {
        merged.conflict_id = Some(row.id.clone());
        merged.actor = Some(actor.to_owned());
    }
    write(txn, difference).await?;
    if let Some(apart) = decided.pair {
        pair::keep_apart(txn, tenant, apart, actor, &row.id, context.now).await?;
    }
    close(context, txn, conflict, (decided.state, decided.pair), actor).await?;
    Ok(Ok(Effect::Done))
}

/// Notes how far a conflict is, and which pair closed it; nothing where it is gone, because somebody whom it named was erased.
pub(super) async fn close(
    context: &Context<'_>,
    txn: &DatabaseTransaction,
    conflict: ConflictId,
    (state, pair): (ConflictState, Option<pair::Pair>),
    actor: &str,
) -> Result<(), StoreError> {
    let update = conflict::ActiveModel {
        state: Set(state.as_str().to_owned()),
        decided_at: Set(Some(context.now.micros())),
        decided_by: Set(Some(actor.to_owned())),
        pair_left: Set(pair.map(|(left, _)| left.to_string())),
        pair_right: Set(pair.map(|(_, right)| right.to_string())),
        ..Default::default()
    };
    conflict::Entity::update_many()
        .set(update)
        .filter(conflict::Column::TenantId.eq(context.tenant.to_string()))
        .filter(conflict::Column::Id.eq(conflict.to_string()))
        .exec(txn)
        .await?;
    Ok(())
}

fn disputed(row: &conflict::Model) -> Result<Disputed, StoreError> {
    let kind = IdentifierType::parse(&row.kind).ok_or_else(|| StoreError::corrupt("conflicts.kind"))?;
    Ok(Disputed {
        identifier: Identifier { kind, value: row.value.clone(), raw: None },
        profile: id(&row.profile_id, "conflicts.profile_id")?,
        other: id(&row.other_profile_id, "conflicts.other_profile_id")?,
        state: ConflictState::parse(&row.state).ok_or_else(|| StoreError::corrupt("conflicts.state"))?,
    })
}

/// All that the decision needs to know.
async fn view(txn: &DatabaseTransaction, tenant: TenantId, disputed: &Disputed) -> Result<View, StoreError> {
    let (kind, value) = (&disputed.identifier.kind, disputed.identifier.value.as_str());
    let owners = load::owners(txn, &[(tenant, kind.as_str(), value)].into()).await?;
    let mut wanted: HashSet<(TenantId, ProfileId)> =
        owners.iter().map(|owner| (tenant, owner.profile)).collect();
    wanted.extend([(tenant, disputed.profile), (tenant, disputed.other)]);
    let mut view = View::new();
    for (_, state) in load::profiles(txn, wanted).await? {
        view.insert_profile(state);
    }
    for owner in owners {
        view.insert_owner(kind.clone(), owner.value, owner.profile);
    }
    Ok(view)
}
