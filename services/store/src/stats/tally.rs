//! What a transaction counts.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use serde::Serialize;
use serde_json::json;
use tributary_domain::{
    id::{DestinationId, SourceId, TenantId},
    stats::{Metric, Quarter},
    time::Timestamp,
};

use crate::{StoreError, column::to_json, delivery::Matched};

/// What something is counted for, besides its tenant. In the order of their ids as texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
enum Part {
    /// A destination, which stands where else a source does.
    Destination(DestinationId),
    /// A source.
    Source(SourceId),
}

/// Counts by quarter, tenant, source or destination, and metric: in the order of the table's key, so that whoever adds to the same rows
/// does so in the same order, and nobody waits for somebody who waits for them.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<(Quarter, TenantId, Part, u16), u64>);

impl Tally {
    /// Counts something that happened at `at`.
    pub(crate) fn count(&mut self, at: Timestamp, tenant: TenantId, source: SourceId, metric: Metric) {
        self.add(at, tenant, source, metric, 1);
    }

    /// Counts something that happened `n` times.
    pub(crate) fn add(&mut self, at: Timestamp, tenant: TenantId, source: SourceId, metric: Metric, n: u64) {
        self.add_to(at, tenant, Part::Source(source), metric, n);
    }

    fn add_to(&mut self, at: Timestamp, tenant: TenantId, part: Part, metric: Metric, n: u64) {
        *self.0.entry((Quarter::of(at), tenant, part, metric.code())).or_default() += n;
    }

    /// Counts, for its destination, a delivery whose person the platform had to find.
    pub(crate) fn matched(&mut self, at: Timestamp, tenant: TenantId, matched: &Matched) {
        let signals = matched.present.iter().filter_map(|name| Metric::signal(name));
        let counts = signals
            .map(|signal| (signal, 1))
            .chain([(Metric::Matched, 1), (Metric::MatchPoints, u64::from(matched.score))]);
        for (metric, n) in counts {
            self.add_to(at, tenant, Part::Destination(matched.destination), metric, n);
        }
    }

    /// What adds it to what was counted before; nothing when nothing was.
    pub(crate) fn statement(&self, backend: DbBackend) -> Result<Option<Statement>, StoreError> {
        // The condition tells SQLite that ON begins no join (sqlite.org/lang_upsert.html#parsing_ambiguity).
        const SQLITE: &str = "INSERT INTO stats_recent (quarter, tenant_id, source_id, metric, n) \
            SELECT k.value ->> 0, k.value ->> 1, k.value ->> 2, k.value ->> 3, k.value ->> 4 \
            FROM jsonb_each(?1) k WHERE true \
            ON CONFLICT (quarter, tenant_id, source_id, metric) DO UPDATE SET n = stats_recent.n + excluded.n";
        const POSTGRES: &str = "INSERT INTO stats_recent (quarter, tenant_id, source_id, metric, n) \
            SELECT (k.value ->> 0)::bigint, k.value ->> 1, k.value ->> 2, (k.value ->> 3)::int, (k.value ->> 4)::bigint \
            FROM jsonb_array_elements($1::jsonb) k(value) \
            ON CONFLICT (quarter, tenant_id, source_id, metric) DO UPDATE SET n = stats_recent.n + excluded.n";
        if self.0.is_empty() {
            return Ok(None);
        }
        let row = |((quarter, tenant, part, code), n): (&(Quarter, TenantId, Part, u16), &u64)| {
            json!([quarter.0, tenant, part, code, n])
        };
        let rows = to_json(&self.0.iter().map(row).collect::<Vec<_>>())?;
        let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
        Ok(Some(Statement::from_sql_and_values(backend, sql, [rows.into()])))
    }

    /// Adds it to what was counted before.
    pub(crate) async fn write(&self, txn: &DatabaseTransaction) -> Result<(), StoreError> {
        if let Some(statement) = self.statement(txn.get_database_backend())? {
            txn.execute_raw(statement).await?;
        }
        Ok(())
    }
}
