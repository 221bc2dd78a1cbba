//! The browser sessions that a batch touches.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use tributary_domain::{
    context::BrowserContext, id::TenantId, identity::IdentifierType, time::Timestamp,
    workflow::event::EventDraft,
};

use super::plan::MessagePlan;
use crate::{StoreError, column::to_json, entity::browser_context};

/// What is known of each session, by tenant and cluid.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    known: HashMap<(TenantId, String), BrowserContext>,
    changed: HashSet<(TenantId, String)>,
}

impl Contexts {
    /// The sessions as they are stored.
    pub(super) fn of(known: HashMap<(TenantId, String), BrowserContext>) -> Self {
        Self { known, changed: HashSet::new() }
    }

    /// Takes over what the event says of its session, and returns what is known of the session now.
    pub(super) fn observe(
        &mut self,
        plan: &MessagePlan,
        draft: &EventDraft,
        seen_at: Timestamp,
    ) -> Map<String, Value> {
        let Some(cluid) = cluid(plan, draft) else { return Map::new() };
        let key = (plan.tenant, cluid.to_owned());
        let context = self.known.entry(key.clone()).or_default();
        if context.observe(&draft.attributes, seen_at, plan.sequence) {
            self.changed.insert(key);
        }
        context.values()
    }

    /// The rows of what changed.
    pub(super) fn rows(self, now: Timestamp) -> Result<Vec<browser_context::Model>, StoreError> {
        self.known
            .into_iter()
            .filter(|(key, _)| self.changed.contains(key))
            .map(|((tenant, cluid), context)| {
                let data = to_json(&context)?;
                Ok(browser_context::Model {
                    tenant_id: tenant.to_string(),
                    cluid,
                    data,
                    updated_at: now.micros(),
                })
            })
            .collect()
    }
}

/// The cluid of an event: the one that its workflow mapped, else the one that its source found.
pub(super) fn cluid<'a>(plan: &'a MessagePlan, draft: &'a EventDraft) -> Option<&'a str> {
    let mapped = draft.identifiers.iter().find(|id| id.kind.as_str() == IdentifierType::CLUID);
    let found = plan.facts.cluid.as_deref().filter(|_| plan.facts.cluid_status == "FOUND");
    mapped.map(|id| id.value.as_str()).or(found)
}
