//! Folding what is over, and forgetting what is old: a few rows at a time.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
    Statement,
};
use serde_json::json;
use tributary_domain::{
    stats::{Counts, Day, Hour, Interval, KEPT_DAYS, Quarter, zone},
    time::Timestamp,
};

use super::{read::zone_of, span_code};
use crate::{
    Lane, Store, StoreError,
    bulk::{OnConflict, bulk_insert},
    column::{number, to_json},
    entity::{stats, stats_recent},
    txn::Txn,
};

/// So long after its end nothing is likely to be added to a quarter; what still is, is folded later.
const SETTLED: Duration = Duration::from_secs(60);
/// Held on Postgres while folding: two nodes would overwrite each other's sums ("tributst" in ASCII).
const ADVISORY_LOCK: i64 = 0x7472_6962_7574_7374;

/// Where counts are kept: the scope, the interval and the place, and whose they are.
type Place = (String, i32, i64, Option<String>);

#[derive(FromQueryResult)]
struct TenantRow {
    id: String,
    agency_id: String,
    zone: Option<String>,
}

impl Store {
    /// Folds some of what was counted in quarters that are over; says how many rows. Nothing is counted twice or lost,
    /// wherever it is cut off.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn fold_stats(&self, now: Timestamp) -> Result<u64, StoreError> {
        let open = Quarter::of(now.minus(SETTLED)).0;
        let is_over = stats_recent::Column::Quarter.lt(open);
        if stats_recent::Entity::find().filter(is_over).one(self.reader()).await?.is_none() {
            return Ok(0);
        }
        let write = |txn: Txn| async move { fold(txn.as_ref(), open).await };
        self.write_txn(Lane::Other, "stats.fold", write).await
    }

    /// Forgets some of what was counted longer ago than it is kept; says how many rows.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn forget_stats(&self, now: Timestamp) -> Result<u64, StoreError> {
        const OLD: &str = "DELETE FROM stats WHERE (scope_id, span, place) IN \
            (SELECT scope_id, span, place FROM stats WHERE span = $1 AND place < $2 LIMIT 200)";
        let first_day = Day::of(now, &zone("UTC")).minus(KEPT_DAYS);
        let first_hour = Hour::of(first_day.start(&zone("UTC")));
        for (interval, first) in [(Interval::Hour, first_hour.0), (Interval::Day, first_day.0)] {
            let old = stats::Entity::find()
                .filter(stats::Column::Span.eq(span_code(interval)))
                .filter(stats::Column::Place.lt(first));
            if old.one(self.reader()).await?.is_some() {
                let values = [span_code(interval).into(), first.into()];
                let statement = &Statement::from_sql_and_values(self.backend(), OLD, values);
                let write =
                    |txn: Txn| async move { Ok(txn.execute_raw(statement.clone()).await?.rows_affected()) };
                return self.write_txn(Lane::Other, "stats.forget", write).await;
            }
        }
        Ok(0)
    }
}

async fn fold(txn: &DatabaseTransaction, open: i64) -> Result<u64, StoreError> {
    // What is added while this waits for a row is returned with it, or comes to a row of its own.
    const OVER: &str = "DELETE FROM stats_recent WHERE (quarter, tenant_id, source_id, metric) IN \
        (SELECT quarter, tenant_id, source_id, metric FROM stats_recent WHERE quarter < $1 \
        ORDER BY quarter, tenant_id, source_id, metric LIMIT 200) \
        RETURNING quarter, tenant_id, source_id, metric, n";
    let backend = txn.get_database_backend();
    if backend == DbBackend::Postgres {
        txn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")).await?;
    }
    let over = Statement::from_sql_and_values(backend, OVER, [open.into()]);
    let rows = stats_recent::Model::find_by_statement(over).all(txn).await?;
    let tenants = tenants(txn, rows.iter().map(|row| row.tenant_id.as_str()).collect()).await?;
    let mut sums: BTreeMap<Place, Counts> = BTreeMap::new();
    for row in &rows {
        // A tenant that was removed meanwhile has nothing to be counted for.
        let Some(tenant) = tenants.get(&row.tenant_id) else { continue };
        let quarter = Quarter(row.quarter);
        let places = [
            (Interval::Hour, quarter.hour().0),
            (Interval::Day, quarter.day(&zone(tenant.zone.as_deref().unwrap_or("UTC"))).0),
        ];
        let scopes = [
            (&row.source_id, Some(row.tenant_id.clone())),
            (&row.tenant_id, Some(row.tenant_id.clone())),
            (&tenant.agency_id, None),
        ];
        let (code, n) = (number(row.metric, "stats_recent.metric")?, number(row.n, "stats_recent.n")?);
        for (scope, owner) in scopes {
            for (interval, place) in places {
                let place = (scope.clone(), span_code(interval), place, owner.clone());
                sums.entry(place).or_default().add(code, n);
            }
        }
    }
    add(txn, sums).await?;
    Ok(rows.len() as u64)
}

async fn tenants(
    txn: &DatabaseTransaction,
    ids: BTreeSet<&str>,
) -> Result<HashMap<String, TenantRow>, StoreError> {
    let backend = txn.get_database_backend();
    let ids_in = match backend {
        DbBackend::Sqlite => "SELECT value FROM json_each(?1)",
        _ => "SELECT value FROM jsonb_array_elements_text($1::jsonb) k(value)",
    };
    let zone = zone_of("t", backend);
    let sql = format!("SELECT t.id, t.agency_id, {zone} AS zone FROM tenants t WHERE t.id IN ({ids_in})");
    let statement = Statement::from_sql_and_values(backend, sql, [to_json(&ids)?.into()]);
    let rows = TenantRow::find_by_statement(statement).all(txn).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row)).collect())
}

/// Adds sums to those that are kept.
async fn add(txn: &DatabaseTransaction, mut sums: BTreeMap<Place, Counts>) -> Result<(), StoreError> {
    const SQLITE: &str = "SELECT s.* FROM jsonb_each(?1) k CROSS JOIN stats s \
        ON s.scope_id = k.value ->> 0 AND s.span = k.value ->> 1 AND s.place = k.value ->> 2";
    const POSTGRES: &str = "SELECT s.* FROM jsonb_array_elements($1::jsonb) k(value) JOIN stats s \
        ON s.scope_id = k.value ->> 0 AND s.span = (k.value ->> 1)::int AND s.place = (k.value ->> 2)::bigint";
    let backend = txn.get_database_backend();
    let keys: Vec<_> = sums.keys().map(|(scope, span, place, _)| json!([scope, span, place])).collect();
    let sql = if backend == DbBackend::Sqlite { SQLITE } else { POSTGRES };
    let statement = Statement::from_sql_and_values(backend, sql, [to_json(&keys)?.into()]);
    for kept in stats::Model::find_by_statement(statement).all(txn).await? {
        let counts = sums.entry((kept.scope_id, kept.span, kept.place, kept.tenant_id)).or_default();
        counts.merge_packed(&kept.counts).map_err(|_| StoreError::corrupt("stats.counts"))?;
    }
    let row = |((scope_id, span, place, tenant_id), counts): (Place, Counts)| stats::Model {
        scope_id,
        span,
        place,
        tenant_id,
        counts: counts.pack(),
    };
    bulk_insert::<stats::Entity>(txn, sums.into_iter().map(row).collect(), OnConflict::Replace).await?;
    Ok(())
}
