//! Counts the messages of a month, and knows when a tenant has had all that it may have.

use std::collections::HashMap;

use sea_orm::{DbBackend, Statement};
use serde_json::json;
use tributary_domain::{id::TenantId, quota::Month};

use crate::{StoreError, column::to_json};

/// Why messages of a tenant are held that has had all of the month: it goes on when the month turns, or the quota is
/// raised.
pub(super) const MONTHLY_QUOTA: &str = "MONTHLY_QUOTA";

/// What a batch uses.
#[derive(Debug)]
pub(super) struct Meter {
    month: Month,
    /// How many more messages a tenant may have; one that is not here may have any number.
    left: HashMap<TenantId, u64>,
    used: HashMap<TenantId, u64>,
}

impl Meter {
    pub(super) fn new(month: Month, left: HashMap<TenantId, u64>) -> Self {
        Self { month, left, used: HashMap::new() }
    }

    /// Whether a tenant has had all of the month.
    pub(super) fn is_used_up(&self, tenant: TenantId) -> bool {
        self.left.get(&tenant) == Some(&0)
    }

    /// Counts a message that is processed.
    pub(super) fn count(&mut self, tenant: TenantId) {
        *self.used.entry(tenant).or_default() += 1;
        if let Some(left) = self.left.get_mut(&tenant) {
            *left = left.saturating_sub(1);
        }
    }

    /// What adds the batch to what was used before; nothing when nothing was.
    pub(super) fn statement(&self, backend: DbBackend) -> Result<Option<Statement>, StoreError> {
        // The condition tells SQLite that ON begins no join (sqlite.org/lang_upsert.html#parsing_ambiguity).
        const SQLITE: &str = "INSERT INTO tenant_usage (month, tenant_id, messages) \
            SELECT ?1, k.value ->> 0, k.value ->> 1 FROM jsonb_each(?2) k WHERE true \
            ON CONFLICT (month, tenant_id) DO UPDATE SET messages = tenant_usage.messages + excluded.messages";
        const POSTGRES: &str = "INSERT INTO tenant_usage (month, tenant_id, messages) \
            SELECT $1, k.value ->> 0, (k.value ->> 1)::bigint FROM jsonb_array_elements($2::jsonb) k(value) \
            ON CONFLICT (month, tenant_id) DO UPDATE SET messages = tenant_usage.messages + excluded.messages";
        if self.used.is_empty() {
            return Ok(None);
        }
        let mut rows: Vec<_> = self.used.iter().collect();
        // In the order of the key, each goes behind the one before.
        rows.sort_unstable();
        let rows = to_json(&rows.iter().map(|(tenant, used)| json!([tenant, used])).collect::<Vec<_>>())?;
        let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
        Ok(Some(Statement::from_sql_and_values(backend, sql, [self.month.number().into(), rows.into()])))
    }
}
