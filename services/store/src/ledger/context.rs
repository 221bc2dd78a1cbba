//! The browser sessions that a batch touches.
//!
//! What is known of a session lies with the profile that its cluid was attached to first, the *anchor*: there it stays,
//! whatever becomes of that profile. So rows that are new lie together; by cluid alone, each would lie on a page of its
//! own.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use tributary_domain::{
    context::BrowserContext,
    id::{ProfileId, TenantId},
    identity::IdentifierType,
    time::Timestamp,
    workflow::event::EventDraft,
};

use super::{difference::Rows, load::Owner, plan::MessagePlan};
use crate::{StoreError, column::to_json, entity::browser_context};

/// Where a session may be stored: its tenant, its anchor (empty while nobody owns the cluid) and its cluid.
pub(super) type Place<'a> = (TenantId, String, &'a str);

/// A session as it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) tenant: TenantId,
    pub(super) anchor: String,
    pub(super) cluid: String,
    pub(super) context: BrowserContext,
}

/// By tenant and cluid: the profile that the cluid was attached to first.
pub(super) type Anchors = HashMap<(TenantId, String), ProfileId>;

/// What is known of each session.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    anchors: Anchors,
    sessions: HashMap<(TenantId, String), Session>,
}

#[derive(Debug, Default)]
struct Session {
    context: BrowserContext,
    /// The anchor of its row, if there is one.
    stored_at: Option<String>,
    is_changed: bool,
}

/// The anchors of those owned identifiers that are cluids.
pub(super) fn anchors(owners: &[Owner]) -> Anchors {
    let cluids = owners.iter().filter(|owner| owner.kind == IdentifierType::CLUID);
    cluids.map(|owner| ((owner.tenant, owner.value.clone()), owner.profile)).collect()
}

/// Where these cluids' sessions may be stored. One that began before its cluid had an owner stays where it is.
pub(super) fn places<'a>(anchors: &Anchors, cluids: &HashSet<(TenantId, &'a str)>) -> HashSet<Place<'a>> {
    let mut places = HashSet::new();
    for (tenant, cluid) in cluids {
        let anchor = anchors.get(&(*tenant, (*cluid).to_owned()));
        places.extend(anchor.map(|anchor| (*tenant, anchor.to_string(), *cluid)));
        places.insert((*tenant, String::new(), *cluid));
    }
    places
}

impl Contexts {
    /// The sessions as they are stored.
    pub(super) fn of(anchors: Anchors, stored: Vec<Stored>) -> Self {
        let sessions = stored.into_iter().map(|Stored { tenant, anchor, cluid, context }| {
            ((tenant, cluid), Session { context, stored_at: Some(anchor), is_changed: false })
        });
        Self { anchors, sessions: sessions.collect() }
    }

    /// Takes over what the event says of its session, whose cluid is attached to `anchor` now, and returns what is known
    /// of the session.
    pub(super) fn observe(
        &mut self,
        plan: &MessagePlan,
        draft: &EventDraft,
        anchor: Option<ProfileId>,
        seen_at: Timestamp,
    ) -> Map<String, Value> {
        let Some(cluid) = cluid(plan, draft) else { return Map::new() };
        let key = (plan.tenant, cluid.to_owned());
        self.anchors.extend(anchor.map(|profile| (key.clone(), profile)));
        let session = self.sessions.entry(key).or_default();
        session.is_changed |= session.context.observe(&draft.attributes, seen_at, plan.sequence);
        session.context.values()
    }

    /// The rows of what changed.
    pub(super) fn rows(self, now: Timestamp) -> Result<Rows<browser_context::Model>, StoreError> {
        let mut changed = Vec::new();
        for (key, session) in self.sessions.into_iter().filter(|(_, session)| session.is_changed) {
            let is_new = session.stored_at.is_none();
            let anchor = session.stored_at.or_else(|| self.anchors.get(&key).map(ProfileId::to_string));
            let row = browser_context::Model {
                tenant_id: key.0.to_string(),
                anchor: anchor.unwrap_or_default(),
                cluid: key.1,
                data: to_json(&session.context)?,
                updated_at: now.micros(),
            };
            changed.push((row, is_new));
        }
        // In the order of the key each goes behind the one before.
        changed.sort_unstable_by(|(one, _), (other, _)| one.anchor.cmp(&other.anchor));
        let mut rows = Rows::default();
        for (row, is_new) in changed {
            rows.push(row, is_new);
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
