//! The groups (accounts, companies) that a batch touches. They never join users.

use std::collections::HashMap;

use tributary_domain::{
    id::{GroupId, ProfileId, TenantId},
    identity::Traits,
    time::Timestamp,
    workflow::event::EventDraft,
};

use super::{difference::Rows, load::GroupState, plan::MessagePlan};
use crate::{
    StoreError,
    column::to_json,
    entity::{group, group_member},
};

type GroupKey = (TenantId, String, String);

/// What is known of each group, by tenant, type and value.
#[derive(Debug, Default)]
pub(super) struct Groups {
    known: HashMap<GroupKey, GroupState>,
    /// What changed, and whether it is new.
    changed: HashMap<GroupKey, bool>,
    members: HashMap<(TenantId, GroupId, ProfileId), Timestamp>,
}

impl Groups {
    /// The groups as they are stored.
    pub(super) fn of(known: HashMap<GroupKey, GroupState>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Takes over what the event says of its groups and of who belongs to them.
    pub(super) fn observe(
        &mut self,
        plan: &MessagePlan,
        draft: &EventDraft,
        profile: Option<ProfileId>,
        seen_at: Timestamp,
        seed: &[&[u8]],
    ) {
        for (kind, value) in &draft.groups {
            let key = (plan.tenant, kind.clone(), value.clone());
            let is_new = !self.known.contains_key(&key);
            let state = self.known.entry(key.clone()).or_insert_with(|| {
                let parts: Vec<&[u8]> = seed.iter().copied().chain([kind.as_bytes()]).collect();
                let id = GroupId::derived(plan.message, &parts);
                GroupState { id, traits: Traits::default(), created_at: plan.received.micros() }
            });
            if state.traits.observe(&draft.group_traits, seen_at, plan.sequence) || is_new {
                self.changed.entry(key).or_insert(is_new);
            }
            if let Some(profile) = profile {
                self.members.entry((plan.tenant, state.id, profile)).or_insert(plan.received);
            }
        }
    }

    /// The rows of what changed: groups, and who belongs to them.
    pub(super) fn rows(
        self,
        now: Timestamp,
    ) -> Result<(Rows<group::Model>, Vec<group_member::Model>), StoreError> {
        let mut groups = Rows::default();
        for (key, state) in self.known {
            let Some(is_new) = self.changed.get(&key) else { continue };
            let (tenant, kind, value) = key;
            let row = group::Model {
                tenant_id: tenant.to_string(),
                id: state.id.to_string(),
                kind,
                value,
                traits: to_json(&state.traits)?,
                created_at: state.created_at,
                updated_at: now.micros(),
            };
            groups.push(row, *is_new);
        }
        let members = self.members.into_iter().map(|((tenant, group, profile), at)| group_member::Model {
            tenant_id: tenant.to_string(),
            group_id: group.to_string(),
            profile_id: profile.to_string(),
            first_seen_at: at.micros(),
        });
        Ok((groups, members.collect()))
    }
}
