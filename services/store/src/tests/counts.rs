//! What is counted is what happened: random batches, compared with an independent model, before, while and after it is
//! folded; and what was not committed is not counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tributary_domain::{
    id::{AgencyId, SourceId, TenantId},
    identity::{Identifier, IdentifierType},
    partition::{Partition, PartitionSet},
    stats::{Counts, Day, Hour, Interval, KEPT_DAYS, Metric, Timing, zone},
    time::Timestamp,
    workflow::{
        event::{EventDraft, RunOutcome, RunPlan},
        spec::Kind,
        status::{Reason, RunStatus},
    },
};

use super::sample;
use crate::{
    Packed, Page, Store,
    delivery::{AttemptRecord, NewAttempt, Verdict},
    entity::{delivery, event, stats},
    ledger::{
        Attempt, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, ParkReason, PlannedRun, Work,
    },
    rejected::{RejectionCount, SCRIPT_FAILED},
    stats::{StatsRange, StatsSeries},
    support::{author, on_each_database, tenant},
    tenant::TenantChange,
};

/// 2026-03-28 in UTC, the day before Berlin's clocks are put forward.
const BEGIN: Timestamp = Timestamp::from_seconds(1_774_656_000);

async fn state(store: &Store) -> LedgerState {
    let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, Timestamp::from_seconds(1)).await;
    store.ledger_state(claim.expect("claims").0, Timestamp::from_micros(0)).await.expect("reads")
}

/// The source of this number of a tenant.
fn source(tenant: TenantId, number: u128) -> SourceId {
    SourceId::new(1, tenant.bits() % 1_000 * 10 + number)
}

/// What a test counts itself: by tenant, source and metric, with the time.
#[derive(Default)]
struct Model {
    counted: Vec<(Timestamp, TenantId, SourceId, Metric)>,
    names: BTreeMap<(TenantId, SourceId, String), (u64, Timestamp, Timestamp)>,
    traits: BTreeSet<(TenantId, String)>,
    /// Whose address it is.
    known: BTreeSet<(TenantId, String)>,
}

impl Model {
    fn series(
        &self,
        interval: Interval,
        zone_of: impl Fn(TenantId) -> &'static str,
        wanted: impl Fn(TenantId, SourceId) -> bool,
    ) -> StatsSeries {
        let mut series = StatsSeries::new();
        for (at, tenant, source, metric) in &self.counted {
            if wanted(*tenant, *source) {
                // By the calendar itself, not by quarters.
                let place = match interval {
                    Interval::Hour => Hour::of(*at).0,
                    Interval::Day => Day::of(*at, &zone(zone_of(*tenant))).0,
                };
                series.entry(place).or_default().add(metric.code(), 1);
            }
        }
        series
    }
}

fn draft(name: &str, email: &str, trait_name: &str) -> Arc<EventDraft> {
    let kind = IdentifierType::parse("email").expect("a type");
    let identifier = Identifier { kind, value: email.to_owned(), raw: None };
    let traits = serde_json::Map::from_iter([(trait_name.to_owned(), serde_json::json!("x"))]);
    Arc::new(EventDraft {
        index: 0,
        kind: Kind::Track,
        name: name.to_owned(),
        time: BEGIN,
        dedupe_id: None,
        identifiers: vec![identifier],
        rejected: Vec::new(),
        traits,
        attributes: serde_json::Map::default(),
        groups: BTreeMap::default(),
        group_traits: serde_json::Map::default(),
        consents: serde_json::Map::default(),
    })
}

/// A message of a random kind, counted in the model as if it were committed at `now`.
async fn message(
    store: &Store,
    rng: &mut StdRng,
    model: &mut Model,
    (tenant, number, now): (TenantId, u64, Timestamp),
) -> MessagePlan {
    let source = source(tenant, u128::from(rng.random_range(1..=2_u64)));
    let received = now.minus(Duration::from_millis(rng.random_range(0..2_000_000)));
    let mut accepted = |metric| model.counted.push((received, tenant, source, metric));
    accepted(Metric::Received);
    let (cluid_status, found) = [
        ("FOUND", Some(Metric::CluidFound)),
        ("MISSING", None),
        ("FOREIGN", Some(Metric::CluidForeign)),
        ("PLACEHOLDER", Some(Metric::CluidPlaceholder)),
    ][rng.random_range(0..4)];
    found.into_iter().for_each(&mut accepted);
    let mut follows = |metric| model.counted.push((now, tenant, source, metric));
    follows(Timing::Processing.took(now.since(received)));
    let run = |outcome| PlannedRun {
        plan: RunPlan { workflow: sample::workflow(), version: 1, outcome },
        destinations: vec![Vec::new()],
        delay: Duration::ZERO,
        follow_up: None,
    };
    let work = match rng.random_range(0..4) {
        0 => {
            follows(Metric::Parked);
            let detail = "it panicked".to_owned();
            Work::Park(ParkReason { code: "WORKFLOW_PANICKED", detail, workflow: None })
        }
        1 => {
            follows(Metric::Run(RunStatus::FilterConditionFailed));
            let why = Reason::default();
            Work::Apply(vec![run(RunOutcome::Stopped(RunStatus::FilterConditionFailed, why))])
        }
        _ => {
            follows(Metric::Run(RunStatus::Succeeded));
            follows(Metric::Event);
            let name = ["Schedule", "Lead", "Own"][rng.random_range(0..3)];
            let email = format!("{}@example.com", rng.random_range(0..20));
            let trait_name = format!("trait_{}", rng.random_range(0..5));
            if model.known.insert((tenant, email.clone())) {
                model.counted.push((now, tenant, source, Metric::Profile));
            }
            model.traits.insert((tenant, trait_name.clone()));
            let counted =
                model.names.entry((tenant, source, name.to_owned())).or_insert((0, received, received));
            *counted = (counted.0 + 1, counted.1.min(received), counted.2.max(received));
            Work::Apply(vec![run(RunOutcome::Events(vec![draft(name, &email, &trait_name)]))])
        }
    };
    let record = store.tenants().get(tenant).await.expect("is there");
    MessagePlan {
        tenant,
        source,
        message: tributary_domain::id::MessageId::new(received.millis(), u128::from(number)),
        sequence: number,
        partition: Partition::of(tenant),
        origin: Origin::Journal,
        received,
        signature: "UNSIGNED",
        trace_parent: None,
        headers: "[]".to_owned(),
        body: Packed::of(b"{}"),
        record: Bytes::from_static(b"record"),
        facts: MessageFacts { cluid_status, ..MessageFacts::default() },
        config_rev: record.config_rev.cast_signed(),
        settings: Arc::new(record.settings),
        destinations: Arc::default(),
        is_test: false,
        work,
    }
}

/// All hours, or all days, of a few days around the beginning.
fn everything(interval: Interval) -> StatsRange {
    let per_day = if interval == Interval::Hour { 24 } else { 1 };
    let day = Day::of(BEGIN, &zone("UTC")).0;
    StatsRange { interval, from: (day - 2) * per_day, to: (day + 8) * per_day }
}

async fn compare(store: &Store, model: &Model, tenants: [(TenantId, &'static str); 2], when: &str) {
    let zone_of = |tenant| tenants.iter().find(|(known, _)| *known == tenant).expect("one of both").1;
    for interval in [Interval::Hour, Interval::Day] {
        let range = everything(interval);
        for (tenant, zone) in tenants {
            let scope = store.tenant(tenant);
            let found = scope.stats(None, range, zone).await.expect("reads");
            let expected = model.series(interval, zone_of, |of, _| of == tenant);
            assert_eq!(found, expected, "{when}: {interval:?} of a tenant");
            for number in 1..=3 {
                let found = scope.stats(Some(source(tenant, number)), range, zone).await.expect("reads");
                let expected = model
                    .series(interval, zone_of, |of, from| of == tenant && from == source(tenant, number));
                assert_eq!(found, expected, "{when}: {interval:?} of a source");
            }
        }
        // Each of both has an agency of its own; nothing of the other's is in it.
        let agency = store.tenants().get(tenants[0].0).await.expect("is there").agency;
        let found = store.agency(agency).stats(range).await.expect("reads");
        let expected = model.series(interval, zone_of, |of, _| of == tenants[0].0);
        assert_eq!(found, expected, "{when}: {interval:?} of an agency");
    }
}

async fn set_zone(store: &Store, tenant: TenantId, zone: &str) {
    let record = store.tenants().get(tenant).await.expect("is there");
    let mut settings = record.settings;
    settings.time_zone = zone.to_owned();
    let change = TenantChange { settings: Some(settings), ..TenantChange::default() };
    store.tenants().update(tenant, record.revision, &change, &author(2)).await.expect("updates");
}

#[tokio::test]
async fn what_is_counted_is_what_happened() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenants =
            [(tenant(store, 1).await.id, "Europe/Berlin"), (tenant(store, 2).await.id, "Asia/Kolkata")];
        for (tenant, zone) in tenants {
            set_zone(store, tenant, zone).await;
        }
        let (mut state, mut rng, mut model) =
            (state(store).await, StdRng::seed_from_u64(7), Model::default());
        let (mut number, mut now) = (0, BEGIN);
        for batch in 0..40 {
            now = now.plus(Duration::from_secs(rng.random_range(0..9_000)));
            let mut plans = Vec::new();
            for _ in 0..rng.random_range(1..30) {
                number += 1;
                let (tenant, _) = tenants[rng.random_range(0..2)];
                plans.push(message(store, &mut rng, &mut model, (tenant, number, now)).await);
            }
            let attempt = store.apply(&mut state, &LedgerBatch::new(plans), now).await.expect("applies");
            assert!(matches!(attempt, Attempt::Committed(_)), "{attempt:?}");
            if batch % 5 == 0 {
                // As it happens, between two batches: some of it, at any time.
                for _ in 0..rng.random_range(0..4) {
                    store.fold_stats(now).await.expect("folds");
                }
                compare(store, &model, tenants, "under way").await;
            }
        }
        while store.fold_stats(now.plus(Duration::from_hours(1))).await.expect("folds") > 0 {}
        compare(store, &model, tenants, "folded").await;

        for (tenant, _) in tenants {
            let scope = store.tenant(tenant);
            for number in [1, 2] {
                let found = scope
                    .event_names(Some(source(tenant, number)), Page::first(10))
                    .await
                    .expect("lists")
                    .items;
                let found: Vec<_> = found
                    .into_iter()
                    .map(|one| (one.key.name, (one.events, one.first_at, one.last_at)))
                    .collect();
                let expected: Vec<_> = model
                    .names
                    .iter()
                    .filter(|((of, from, _), _)| *of == tenant && *from == source(tenant, number))
                    .map(|((_, _, name), counted)| (name.clone(), *counted))
                    .collect();
                assert_eq!(found, expected);
            }
            let whole = scope.event_names(None, Page::first(2)).await.expect("lists");
            let rest = scope.event_names(None, Page::after(whole.next.clone().expect("a third"), 2)).await;
            let found: Vec<_> = whole.items.into_iter().chain(rest.expect("lists").items).collect();
            let counted: Vec<_> = found.iter().map(|one| (one.key.name.as_str(), one.events)).collect();
            let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
            for ((of, _, name), (events, ..)) in &model.names {
                *expected.entry(name).or_default() += if *of == tenant { *events } else { 0 };
            }
            assert_eq!(counted, expected.into_iter().collect::<Vec<_>>());
            let traits = scope.trait_names(Page::first(10)).await.expect("lists").items;
            let expected = model.traits.iter().filter(|(of, _)| *of == tenant).map(|(_, name)| name);
            assert!(traits.iter().eq(expected), "{traits:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_comes_out_of_the_held_lane_was_received_once() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let (mut state, mut rng, mut model) =
            (state(store).await, StdRng::seed_from_u64(1), Model::default());
        let now = BEGIN;
        let run = || {
            let outcome = RunOutcome::Events(vec![draft("Schedule", "a@example.com", "x")]);
            let plan = RunPlan { workflow: sample::workflow(), version: 1, outcome };
            Work::Apply(vec![PlannedRun {
                plan,
                destinations: vec![Vec::new()],
                delay: Duration::ZERO,
                follow_up: None,
            }])
        };
        let plan = message(store, &mut rng, &mut model, (tenant, 1, now)).await;
        let held = MessagePlan { work: Work::Hold("SUSPENDED"), ..plan.clone() };
        store.apply(&mut state, &LedgerBatch::new(vec![held]), now).await.expect("applies");
        let released = MessagePlan { origin: Origin::Held(1), work: run(), ..plan };
        store.apply(&mut state, &LedgerBatch::new(vec![released]), now).await.expect("applies");
        let found = store.tenant(tenant).stats(None, everything(Interval::Day), "UTC").await.expect("reads");
        let mut all = Counts::default();
        found.values().for_each(|counts| all.merge(counts));
        let counted = [Metric::Received, Metric::Held, Metric::Run(RunStatus::Succeeded), Metric::Profile];
        assert_eq!(counted.map(|metric| all.of(metric)), [1, 1, 1, 1]);
        assert_eq!(all.times(Timing::Processing).count(), 0, "it waited for somebody, not for us");
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_is_not_committed_counts_nothing() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let (mut state, mut rng, mut model) =
            (state(store).await, StdRng::seed_from_u64(3), Model::default());
        let mut plans = Vec::new();
        for number in 1..=20 {
            plans.push(message(store, &mut rng, &mut model, (tenant, number, BEGIN)).await);
        }
        // The last one is there already, so that the whole batch fails at its statement.
        let last = plans.last().cloned().expect("one");
        plans.push(MessagePlan { sequence: 21, ..last });
        store.apply(&mut state, &LedgerBatch::new(plans), BEGIN).await.expect_err("twice the same message");
        let scope = store.tenant(tenant);
        assert!(scope.stats(None, everything(Interval::Hour), "UTC").await.expect("reads").is_empty());
        assert_eq!(scope.event_names(None, Page::first(9)).await.expect("lists").items, []);
        assert!(scope.trait_names(Page::first(9)).await.expect("lists").items.is_empty());
    })
    .await;
}

#[tokio::test]
async fn deliveries_and_refusals_are_counted_for_their_source() {
    on_each_database(async |database| {
        let store = &database.store;
        let tenant = tenant(store, 1).await.id;
        let scope = store.tenant(tenant);
        let rows = [1, 2, 3].map(|number| sample::delivery(tenant, number, 1));
        sample::write::<delivery::Entity>(store, rows.to_vec()).await;
        let events = [1, 2].map(|number| sample::event(tenant, number, sample::profile(1)));
        sample::write::<event::Entity>(store, events.to_vec()).await;
        let tried = |number: u64, attempt, verdict| NewAttempt {
            attempt: AttemptRecord {
                answer_removed: false,
                delivery: sample::delivery_id(number),
                number: attempt,
                started_at: BEGIN,
                duration: Duration::from_millis(100),
                outcome: "x".to_owned(),
                http_status: None,
                response_headers: Vec::new(),
                response_body: Vec::new(),
                is_truncated: false,
                error: None,
            },
            verdict,
            cause: None,
            source: sample::source(),
            is_replay: number == 3,
            is_test: false,
            quality: None,
        };
        let due_at = BEGIN;
        let first = [tried(1, 1, Verdict::Retry { due_at }), tried(2, 1, Verdict::Failed)];
        for _ in 0..2 {
            // The second time nothing is new.
            scope.record_attempts(&first).await.expect("records");
        }
        scope.record_attempts(&[tried(1, 2, Verdict::Delivered)]).await.expect("records");
        // What was asked for long after is no slow delivery.
        scope.record_attempts(&[tried(3, 1, Verdict::Delivered)]).await.expect("records");
        let count = RejectionCount {
            tenant,
            source: sample::source(),
            reason: "BODY_TOO_LARGE".to_owned(),
            count: 41,
        };
        // What a script that failed came with was not refused.
        let failed = RejectionCount { reason: SCRIPT_FAILED.to_owned(), count: 7, ..count.clone() };
        store.record_rejections(&[], &[(count, BEGIN), (failed, BEGIN)]).await.expect("records");
        let found =
            scope.stats(Some(sample::source()), everything(Interval::Day), "UTC").await.expect("reads");
        let (day, counts) = found.iter().next().expect("a day");
        assert_eq!((found.len(), *day), (1, Day::of(BEGIN, &zone("UTC")).0));
        let counted =
            [Metric::Attempt, Metric::Retry, Metric::DeliveryFailed, Metric::Delivered, Metric::Refused];
        assert_eq!(counted.map(|metric| counts.of(metric)), [4, 1, 1, 2, 41]);
        assert_eq!(counts.times(Timing::Attempt).count(), 4);
        let took = counts.times(Timing::Attempt).percentile(50).expect("some").as_secs_f64();
        assert!((0.09..0.111).contains(&took), "{took}");
        assert_eq!(counts.times(Timing::Delivery).count(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    on_each_database(async |database| {
        let store = &database.store;
        let today = Day::of(BEGIN, &zone("UTC")).0;
        let row = |span: i32, place: i64| stats::Model {
            scope_id: AgencyId::new(1, 1).to_string(),
            span,
            place,
            tenant_id: None,
            counts: Counts::default().pack(),
        };
        let first = today - KEPT_DAYS;
        let rows = vec![row(2, first - 1), row(2, first), row(1, first * 24 - 1), row(1, first * 24)];
        sample::write::<stats::Entity>(store, rows).await;
        let mut forgotten = 0;
        loop {
            match store.forget_stats(BEGIN).await.expect("forgets") {
                0 => break,
                rows => forgotten += rows,
            }
        }
        assert_eq!(forgotten, 2);
        let range = StatsRange { interval: Interval::Hour, from: first * 24 - 9, to: first * 24 + 9 };
        let left = store.agency(AgencyId::new(1, 1)).stats(range).await.expect("reads");
        assert_eq!(left.keys().copied().collect::<Vec<_>>(), [first * 24]);
    })
    .await;
}
