//! Reading what happened.

use std::collections::BTreeMap;

use sea_orm::{DbBackend, FromQueryResult, Statement, Value};
use tributary_domain::{
    id::{DestinationId, SourceId},
    stats::{Counts, Interval, Quarter, zone},
};

use super::span_code;
use crate::{Store, StoreError, TenantScope, access::AgencyScope, column::number};

/// Which pieces of time: hours or days, by their number, from the first to before the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatsRange {
    /// Hours of UTC, or days of a calendar.
    pub interval: Interval,
    /// The first.
    pub from: i64,
    /// The one after the last.
    pub to: i64,
}

/// What happened in each piece of time in which anything did.
pub type StatsSeries = BTreeMap<i64, Counts>;

/// A piece of time as it is kept, or a metric of a quarter that is not folded yet.
#[derive(FromQueryResult)]
struct Row {
    counts: Option<Vec<u8>>,
    place: i64,
    zone: Option<String>,
    metric: Option<i32>,
    n: Option<i64>,
}

/// The quarters that are not folded yet, each found by one step in the key.
const RECENT: &str = "WITH RECURSIVE q(quarter) AS (SELECT min(quarter) FROM stats_recent UNION ALL \
    SELECT (SELECT min(s.quarter) FROM stats_recent s WHERE s.quarter > q.quarter) FROM q WHERE q.quarter IS NOT NULL)";
const FOLDED: &str = "SELECT counts, place, NULL AS zone, NULL AS metric, NULL AS n FROM stats \
    WHERE span = $2 AND place >= $3 AND place < $4";
const OF_TENANT: &str = "AND scope_id = $1 UNION ALL \
    SELECT NULL, s.quarter, NULL, s.metric, CAST(sum(s.n) AS BIGINT) FROM q CROSS JOIN stats_recent s \
    WHERE s.quarter = q.quarter AND s.tenant_id = $1 GROUP BY s.quarter, s.metric";
const OF_SOURCE: &str = "AND scope_id = $5 AND tenant_id = $1 UNION ALL \
    SELECT NULL, s.quarter, NULL, s.metric, s.n FROM q CROSS JOIN stats_recent s \
    WHERE s.quarter = q.quarter AND s.tenant_id = $1 AND s.source_id = $5";

/// As those above, with each tenant's time zone.
fn of_agency(backend: DbBackend) -> String {
    let zone = zone_of("t", backend);
    format!(
        "AND scope_id = $1 UNION ALL SELECT NULL, u.quarter, u.zone, u.metric, CAST(sum(u.n) AS BIGINT) FROM \
         (SELECT s.quarter, {zone} AS zone, s.metric, s.n FROM q CROSS JOIN tenants t CROSS JOIN stats_recent s \
         WHERE t.agency_id = $1 AND s.quarter = q.quarter AND s.tenant_id = t.id) u \
         GROUP BY u.quarter, u.zone, u.metric"
    )
}

/// The time zone in a tenant's settings, as an expression.
pub(super) fn zone_of(table: &str, backend: DbBackend) -> String {
    let cast = if backend == DbBackend::Sqlite { "" } else { "::jsonb" };
    format!("({table}.settings{cast} ->> 'time_zone')")
}

impl TenantScope<'_> {
    /// What happened in the tenant, or in one of its sources, in each piece of time. `time_zone` is the tenant's, by whose
    /// days what is not folded yet is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stats(
        &self,
        source: Option<SourceId>,
        range: StatsRange,
        time_zone: &str,
    ) -> Result<StatsSeries, StoreError> {
        let part = if source.is_some() { OF_SOURCE } else { OF_TENANT };
        let source = source.map(|source| Value::from(source.to_string()));
        read(self.store(), part, self.key(), source, range, time_zone).await
    }
}

impl TenantScope<'_> {
    /// How well platforms could find the people of what was delivered to a destination, in each piece of time. `time_zone` is
    /// the tenant's, by whose days what is not folded yet is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stats_of_destination(
        &self,
        destination: DestinationId,
        range: StatsRange,
        time_zone: &str,
    ) -> Result<StatsSeries, StoreError> {
        let part = Some(Value::from(destination.to_string()));
        read(self.store(), OF_SOURCE, self.key(), part, range, time_zone).await
    }
}

impl AgencyScope<'_> {
    /// What happened in all tenants of the agency in each piece of time. A day is the sum of each tenant's own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stats(&self, range: StatsRange) -> Result<StatsSeries, StoreError> {
        let part = of_agency(self.store().backend());
        read(self.store(), &part, self.key(), None, range, "UTC").await
    }
}

async fn read(
    store: &Store,
    part: &str,
    key: String,
    source: Option<Value>,
    range: StatsRange,
    time_zone: &str,
) -> Result<StatsSeries, StoreError> {
    let sql = format!("{RECENT} {FOLDED} {part}");
    let span = span_code(range.interval);
    let values = [key.into(), span.into(), range.from.into(), range.to.into()].into_iter().chain(source);
    let statement = Statement::from_sql_and_values(store.backend(), sql, values);
    let mut series = StatsSeries::new();
    for row in Row::find_by_statement(statement).all(store.reader()).await? {
        let Some(packed) = row.counts else {
            let quarter = Quarter(row.place);
            let place = match range.interval {
                Interval::Hour => quarter.hour().0,
                Interval::Day => quarter.day(&zone(row.zone.as_deref().unwrap_or(time_zone))).0,
            };
            if (range.from..range.to).contains(&place) {
                let code = number(row.metric.unwrap_or_default(), "stats_recent.metric")?;
                let n = number(row.n.unwrap_or_default(), "stats_recent.n")?;
                series.entry(place).or_default().add(code, n);
            }
            continue;
        };
        series
            .entry(row.place)
            .or_default()
            .merge_packed(&packed)
            .map_err(|_| StoreError::corrupt("stats.counts"))?;
    }
    Ok(series)
}
