//! The browser sessions that a batch touches.

use std::collections::HashMap;

use serde_json::{Map, Value};
use tributary_domain::{
    context::BrowserContext, id::TenantId, identity::IdentifierType, time::Timestamp,
    workflow::event::EventDraft,
};

use super::{difference::Rows, plan::MessagePlan};
use crate::{StoreError, column::to_json, entity::browser_context};

/// What is known of each session, by tenant and cluid.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    known: HashMap<(TenantId, String), BrowserContext>,
    /// What changed, and whether it is new.
    changed: HashMap<(TenantId, String), bool>,
}

impl Contexts {
    /// The sessions as they are stored.
    pub(super) fn of(known: HashMap<(TenantId, String), BrowserContext>) -> Self {
        Self { known, changed: HashMap::new() }
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
        // An empty one is never stored.
        let is_new = context.is_empty();
        if context.observe(&draft.attributes, seen_at, plan.sequence) {
            self.changed.entry(key).or_insert(is_new);
        }
        context.values()
    }

    /// The rows of what changed.
    pub(super) fn rows(self, now: Timestamp) -> Result<Rows<browser_context::Model>, StoreError> {
        let mut rows = Rows::default();
        for ((tenant, cluid), context) in self.known {
            let key = (tenant, cluid);
            let Some(is_new) = self.changed.get(&key) else { continue };
            let (tenant_id, cluid) = (tenant.to_string(), key.1);
            let data = to_json(&context)?;
            rows.push(browser_context::Model { tenant_id, cluid, data, updated_at: now.micros() }, *is_new);
        }
        Ok(rows)
    }
}

/// The cluid of an event: the one that its workflow mapped, else the one that its source found.
pub(super) fn cluid<'a>(plan: &'a MessagePlan, draft: &'a EventDraft) -> Option<&'a str> {
    let mapped = draft.identifiers.iter().find(|id| id.kind.as_str() == IdentifierType::CLUID);
    let found = plan.facts.cluid.as_deref().filter(|_| plan.facts.cluid_status == "FOUND");
    mapped.map(|id| id.value.as_str()).or(found)
}
