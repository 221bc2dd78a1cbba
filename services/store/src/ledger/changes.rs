//! The changes of identity as rows.

use tributary_domain::{
    id::{BlockId, ConflictId, TenantId},
    identity::{Changes, Conflict, ConflictState, Identifier, ProfileState, RULES_VERSION},
    normalise,
    time::Timestamp,
};

use super::{before::Before, difference::Difference};
use crate::{
    StoreError,
    column::to_json,
    entity::{
        blocked_identifier, conflict, evidence, identifier, identifier_key, identifier_meeting, merge,
        profile,
    },
    key::KeyHash,
    profile::BlockReason,
};

/// Adds whose the identifiers are that were attached in one tenant.
pub(super) fn add_keys(difference: &mut Difference, tenant: TenantId, changes: &Changes) {
    difference.identifier_keys.extend(changes.identifiers.iter().map(|new| identifier_key::Model {
        key_hash:
            KeyHash::identifier(tenant, new.identifier.kind.as_str(), &new.identifier.value).to_column(),
        profile_id: new.profile.bits().to_be_bytes().to_vec(),
    }));
}

/// Adds the rest of what changed in one tenant, or a part of it, to the difference, decided with the settings of this
/// revision. What an event changed when it was processed again is added to what it changed `before`.
pub(super) fn add(
    difference: &mut Difference,
    before: &Before,
    tenant: TenantId,
    changes: Changes,
    revision: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let tenant_id = tenant.to_string();
    for change in changes.profiles {
        difference.profiles.push(profile_row(tenant, &change.state, now)?, change.is_new);
    }
    for new in changes.identifiers {
        let Identifier { kind, value, raw, .. } = new.identifier;
        difference.identifiers.push(identifier::Model {
            tenant_id: tenant_id.clone(),
            profile_id: new.profile.to_string(),
            kind: kind.to_string(),
            value,
            raw,
            norm_version: normalise::VERSION,
            first_seen_at: new.occasion.at.micros(),
            first_seq: new.occasion.sequence.cast_signed(),
            message_id: new.occasion.event.message().to_string(),
        });
    }
    difference.merges.extend(changes.merges.into_iter().map(|merged| merge::Model {
        tenant_id: tenant_id.clone(),
        id: merged.id.to_string(),
        left_id: merged.left.to_string(),
        right_id: merged.right.to_string(),
        exact: 1,
        config_rev: Some(revision),
        rules_version: Some(RULES_VERSION),
        conflict_id: None,
        actor: None,
        undone_at: None,
        undone_by: None,
        loser_id: merged.loser.to_string(),
        winner_id: merged.winner.to_string(),
        seq: merged.occasion.sequence.cast_signed(),
        at: merged.occasion.at.micros(),
        event_id: merged.occasion.event.to_string(),
        kind: merged.by.kind.to_string(),
        value: merged.by.value,
    }));
    difference
        .repoints
        .extend(changes.repoints.into_iter().map(|repoint| (tenant, repoint.from, repoint.to)));
    difference
        .conflicts
        .extend(changes.conflicts.into_iter().map(|refused| conflict_row(&tenant_id, refused, revision)));
    for row in changes.evidence {
        let before = before.evidence(row.occasion.event);
        let steps = [before.unwrap_or_default(), &row.steps].concat();
        let model = evidence::Model {
            tenant_id: tenant_id.clone(),
            event_id: row.occasion.event.to_string(),
            profile_id: row.profile.to_string(),
            seq: row.occasion.sequence.cast_signed(),
            at: row.occasion.at.micros(),
            change: to_json(&steps)?,
            config_rev: Some(revision),
            rules_version: Some(RULES_VERSION),
        };
        difference.evidence.push(model, before.is_none());
    }
    difference.meetings.extend(changes.meetings.into_iter().map(|met| identifier_meeting::Model {
        tenant_id: tenant_id.clone(),
        kind: met.identifier.kind.to_string(),
        value: met.identifier.value,
        profile_id: met.person.to_string(),
        at: met.at.micros(),
    }));
    difference.blocked.extend(changes.quarantines.into_iter().map(|found| {
        blocked_identifier::Model {
            tenant_id: tenant_id.clone(),
            id: BlockId::derived(
                found.occasion.event.message(),
                &[found.identifier.kind.as_str().as_bytes(), found.identifier.value.as_bytes()],
            )
            .to_string(),
            kind: found.identifier.kind.to_string(),
            value: found.identifier.value,
            reason: BlockReason::Guard.code().to_owned(),
            people: found.people.cast_signed(),
            actor: None,
            event_id: Some(found.occasion.event.to_string()),
            at: found.occasion.at.micros(),
        }
    }));
    Ok(())
}

/// The row of a profile.
pub(super) fn profile_row(
    tenant: TenantId,
    state: &ProfileState,
    now: Timestamp,
) -> Result<profile::Model, StoreError> {
    Ok(profile::Model {
        tenant_id: tenant.to_string(),
        id: state.id.to_string(),
        created_at: state.created_at.micros(),
        created_seq: state.created_seq.cast_signed(),
        updated_at: now.micros(),
        merged_into: state.merged_into.map(|winner| winner.to_string()),
        held: to_json(&state.held)?,
        traits: to_json(&state.traits)?,
        own: state.own.as_ref().map(to_json).transpose()?,
    })
}

/// The id of a conflict is its fingerprint, so that the same conflict meets its own row.
fn conflict_row(tenant_id: &str, refused: Conflict, revision: i64) -> conflict::Model {
    conflict::Model {
        tenant_id: tenant_id.to_owned(),
        id: ConflictId::from_bits(u128::from_be_bytes(refused.fingerprint())).to_string(),
        rule: refused.rule.as_str().to_owned(),
        kind: refused.identifier.kind.to_string(),
        value: refused.identifier.value,
        profile_id: refused.profile.to_string(),
        other_profile_id: refused.other.to_string(),
        event_id: refused.first.event.to_string(),
        seq: refused.first.sequence.cast_signed(),
        first_at: refused.first.at.micros(),
        last_at: refused.last.at.micros(),
        count: refused.count.cast_signed(),
        state: ConflictState::Open.as_str().to_owned(),
        config_rev: Some(revision),
        rules_version: Some(RULES_VERSION),
        decided_at: None,
        decided_by: None,
        pair_left: None,
        pair_right: None,
    }
}
