//! Counts the events of a batch by their names, and notes the traits that nobody set before.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sea_orm::{DbBackend, Statement};
use serde_json::json;
use tributary_domain::{
    id::{SourceId, TenantId},
    time::Timestamp,
    workflow::event::EventDraft,
};

use super::plan::MessagePlan;
use crate::{StoreError, column::to_json, entity::trait_name, event::kind_code};

/// So many traits are remembered between batches; then it is begun anew.
const REMEMBERED: usize = 1 << 16;

/// The traits that are known to be noted: what is noted already costs no statement.
#[derive(Debug, Default)]
pub(crate) struct NotedTraits(HashSet<(TenantId, String)>);

impl NotedTraits {
    /// Remembers what was committed.
    pub(super) fn remember(&mut self, traits: &[(TenantId, String)]) {
        if self.0.len().saturating_add(traits.len()) > REMEMBERED {
            self.0.clear();
        }
        self.0.extend(traits.iter().take(REMEMBERED).cloned());
    }
}

#[derive(Debug)]
struct Counted {
    events: u64,
    first: Timestamp,
    last: Timestamp,
}

/// What a batch has of each name.
#[derive(Debug)]
pub(super) struct Names<'a> {
    noted: &'a NotedTraits,
    events: BTreeMap<(TenantId, String, &'static str, SourceId), Counted>,
    traits: BTreeSet<(TenantId, String)>,
}

impl<'a> Names<'a> {
    pub(super) fn new(noted: &'a NotedTraits) -> Self {
        Self { noted, events: BTreeMap::new(), traits: BTreeSet::new() }
    }

    /// Counts an event.
    pub(super) fn observe(&mut self, plan: &MessagePlan, draft: &EventDraft) {
        let key = (plan.tenant, draft.name.clone(), kind_code(draft.kind), plan.source);
        let at = plan.received;
        let counted = self.events.entry(key).or_insert(Counted { events: 0, first: at, last: at });
        counted.events += 1;
        counted.first = counted.first.min(at);
        counted.last = counted.last.max(at);
        for name in draft.traits.keys() {
            let named = (plan.tenant, name.clone());
            if !self.noted.0.contains(&named) {
                self.traits.insert(named);
            }
        }
    }

    /// The traits that were not known to be noted.
    pub(super) fn traits(&self) -> Vec<(TenantId, String)> {
        self.traits.iter().cloned().collect()
    }

    /// The rows of these traits.
    pub(super) fn trait_rows(&self, now: Timestamp) -> Vec<trait_name::Model> {
        let row = |(tenant, name): &(TenantId, String)| trait_name::Model {
            tenant_id: tenant.to_string(),
            name: name.clone(),
            first_at: now.micros(),
        };
        self.traits.iter().map(row).collect()
    }

    /// What adds the batch's events to those before; nothing when there are none. In the order of the key, each goes
    /// behind the one before.
    pub(super) fn statement(&self, backend: DbBackend) -> Result<Option<Statement>, StoreError> {
        macro_rules! upsert {
            ($rows:literal) => {
                concat!(
                    "INSERT INTO event_counts (tenant_id, name, kind, source_id, events, first_at, last_at) ",
                    $rows,
                    " ON CONFLICT (tenant_id, name, kind, source_id) DO UPDATE SET ",
                    "events = event_counts.events + excluded.events, ",
                    "first_at = CASE WHEN excluded.first_at < event_counts.first_at ",
                    "THEN excluded.first_at ELSE event_counts.first_at END, ",
                    "last_at = CASE WHEN excluded.last_at > event_counts.last_at ",
                    "THEN excluded.last_at ELSE event_counts.last_at END"
                )
            };
        }
        // The condition tells SQLite that ON begins no join (sqlite.org/lang_upsert.html#parsing_ambiguity).
        const SQLITE: &str = upsert!(
            "SELECT k.value ->> 0, k.value ->> 1, k.value ->> 2, k.value ->> 3, k.value ->> 4, k.value ->> 5, \
             k.value ->> 6 FROM jsonb_each(?1) k WHERE true"
        );
        const POSTGRES: &str = upsert!(
            "SELECT k.value ->> 0, k.value ->> 1, k.value ->> 2, k.value ->> 3, (k.value ->> 4)::bigint, \
             (k.value ->> 5)::bigint, (k.value ->> 6)::bigint FROM jsonb_array_elements($1::jsonb) k(value)"
        );
        if self.events.is_empty() {
            return Ok(None);
        }
        let row = |((tenant, name, kind, source), counted): (&(_, String, &str, _), &Counted)| {
            let (first, last) = (counted.first.micros(), counted.last.micros());
            let (tenant, source): (&TenantId, &SourceId) = (tenant, source);
            json!([tenant, name, kind, source, counted.events, first, last])
        };
        let rows = to_json(&self.events.iter().map(row).collect::<Vec<_>>())?;
        let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
        Ok(Some(Statement::from_sql_and_values(backend, sql, [rows.into()])))
    }
}
