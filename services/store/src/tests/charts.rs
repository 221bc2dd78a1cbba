//! A chart of 90 days costs the same however much there is of others.

use std::time::{Duration, Instant};

use tributary_domain::{
    id::{SourceId, TenantId},
    stats::{Counts, Day, Hour, Interval, Quarter, zone},
    time::Timestamp,
};

use super::sample;
use crate::{
    Store,
    entity::{stats, stats_recent},
    stats::StatsRange,
    support::{on_each_database, tenant},
};

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const DAYS: i64 = 90;
/// What a chart may take. Without optimisation everything takes several times as long.
const MOST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 50 });
/// Other tenants with something that is not folded yet.
const OTHERS: u128 = 2_000;

/// As much as a busy hour has.
fn packed() -> Vec<u8> {
    let mut counts = Counts::default();
    for code in (1..=16).chain([100, 102, 103]).chain(1_020..1_040).chain(2_020..2_040).chain(3_030..3_050) {
        counts.add(code, u64::from(code) * 17);
    }
    counts.pack()
}

async fn fill(store: &Store, tenant: TenantId, agency: String) {
    let (today, hour) = (Day::of(NOW, &zone("UTC")).0, Hour::of(NOW).0);
    let counts = packed();
    let mut scopes = vec![(agency, None), (tenant.to_string(), Some(tenant.to_string()))];
    scopes.extend((1..=20).map(|number| (SourceId::new(1, number).to_string(), Some(tenant.to_string()))));
    for (scope_id, tenant_id) in scopes {
        let row = |span, place| stats::Model {
            scope_id: scope_id.clone(),
            span,
            place,
            tenant_id: tenant_id.clone(),
            counts: counts.clone(),
        };
        let hours = (hour - DAYS * 24..hour).map(|place| row(1, place));
        let days = (today - DAYS..today).map(|place| row(2, place));
        sample::write::<stats::Entity>(store, hours.chain(days).collect()).await;
    }
    let quarter = Quarter::of(NOW).0;
    let mut recent = Vec::new();
    for number in 0..OTHERS {
        let of = if number == 0 { tenant } else { TenantId::new(7, number) };
        recent.extend([1, 6, 9, 10, 100, 1_030].map(|metric| stats_recent::Model {
            quarter,
            tenant_id: of.to_string(),
            source_id: SourceId::new(1, 1).to_string(),
            metric,
            n: 3,
        }));
    }
    sample::write::<stats_recent::Entity>(store, recent).await;
}

/// The shortest of several times: what it costs where nobody is in the way.
async fn shortest(ask: impl AsyncFn() -> usize) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..20 {
        let began = Instant::now();
        assert!(ask().await >= usize::try_from(DAYS).expect("few"));
        shortest = shortest.min(began.elapsed());
    }
    shortest
}

#[tokio::test]
async fn ninety_days_of_hours_are_read_at_once() {
    on_each_database(async |database| {
        let store = &database.store;
        let record = tenant(store, 1).await;
        fill(store, record.id, record.agency.to_string()).await;
        for (interval, from, to) in [
            (Interval::Hour, Hour::of(NOW).0 - DAYS * 24, Hour::of(NOW).0 + 1),
            (Interval::Day, Day::of(NOW, &zone("UTC")).0 - DAYS, Day::of(NOW, &zone("UTC")).0 + 1),
        ] {
            let (range, scope) = (StatsRange { interval, from, to }, store.tenant(record.id));
            let of_source = shortest(async || {
                scope.stats(Some(SourceId::new(1, 1)), range, "UTC").await.expect("reads").len()
            });
            let of_tenant = shortest(async || scope.stats(None, range, "UTC").await.expect("reads").len());
            let of_agency =
                shortest(async || store.agency(record.agency).stats(range).await.expect("reads").len());
            for (what, took) in
                [("source", of_source.await), ("tenant", of_tenant.await), ("agency", of_agency.await)]
            {
                println!("{interval:?}, {what}: {took:?}");
                assert!(took < MOST, "{interval:?}, {what}: {took:?}");
            }
        }
    })
    .await;
}
