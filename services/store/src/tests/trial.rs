//! Test messages: their events go where tests may go and nowhere else, and nothing is counted of them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tributary_domain::{
    booking::{BookingFacts, FollowUp, KeyScope, Stage},
    event::WithheldFor,
    id::DestinationId,
    partition::{Partition, PartitionSet},
    stats::{Counts, Day, Interval, Metric, Timing, zone},
    test_rule::{TestRule, TestRuleKind},
    time::Timestamp,
    workflow::{
        event::{RunOutcome, RunPlan},
        status::RunStatus,
    },
};

use super::sample;
use crate::{
    Packed, Page, Store, TenantScope,
    delivery::{AttemptRecord, Matched, NewAttempt, Verdict},
    ledger::{
        Attempt, Destinations, LedgerBatch, LedgerState, MessageFacts, MessagePlan, Origin, PlannedRun, Work,
    },
    message::MessageFilter,
    stats::StatsRange,
    support::{on_each_database, tenant},
    tenant::TenantRecord,
};

const NOW: Timestamp = Timestamp::from_seconds(1_774_656_000);
const MESSAGES: u64 = 60;

/// The first takes tests, the second does not.
fn destination(number: u128) -> DestinationId {
    DestinationId::new(7, number)
}

fn both() -> Vec<DestinationId> {
    vec![destination(1), destination(2)]
}

async fn ledger(store: &Store) -> LedgerState {
    let claim = store.claim(PartitionSet::all(), "a", "one", u64::MAX >> 1, NOW).await.expect("claims").0;
    store.ledger_state(claim, NOW).await.expect("reads")
}

async fn apply(store: &Store, state: &mut LedgerState, plans: Vec<MessagePlan>) {
    let attempt = store.apply(state, &LedgerBatch::new(plans), NOW).await;
    assert!(matches!(attempt, Ok(Attempt::Committed(_))), "{attempt:?}");
}

/// Message number `number`, of this person.
fn plan(record: &TenantRecord, number: u64, person: u64, is_test: bool) -> MessagePlan {
    let draft = serde_json::from_value(json!({
        "index": 0, "kind": "track", "name": "Schedule", "time": NOW.micros() + number.cast_signed(),
        "dedupe_id": null, "identifiers": [{"kind": "email", "value": format!("{person}@example.com")}],
        "rejected": [], "traits": {}, "attributes": {}, "groups": {}, "group_traits": {}, "consents": {},
    }))
    .expect("a draft");
    let run = PlannedRun {
        plan: RunPlan {
            workflow: sample::workflow(),
            version: 1,
            outcome: RunOutcome::Events(vec![Arc::new(draft)]),
        },
        destinations: vec![both()],
        delay: Duration::ZERO,
        follow_up: None,
    };
    let mut settings = record.settings.clone();
    let rule = TestRule { kind: TestRuleKind::Email, name: String::new(), value: "qa@*".to_owned() };
    settings.test_rules = vec![rule];
    MessagePlan {
        tenant: record.id,
        source: sample::source(),
        message: sample::message_id(number),
        sequence: number,
        partition: Partition::of(record.id),
        origin: Origin::Journal,
        received: NOW,
        signature: "UNSIGNED",
        trace_parent: None,
        headers: "[]".to_owned(),
        body: Packed::of(b"{}"),
        record: Bytes::from_static(b"record"),
        facts: MessageFacts { cluid_status: "FOUND", ..MessageFacts::default() },
        config_rev: record.config_rev.cast_signed(),
        settings: Arc::new(settings),
        destinations: Arc::new(Destinations {
            all: both().into_iter().collect(),
            untested: [destination(2)].into(),
            ..Destinations::default()
        }),
        is_test,
        work: Work::Apply(vec![run]),
    }
}

/// All that was counted, for the tenant or for one destination.
async fn counted(scope: &TenantScope<'_>, of: Option<DestinationId>) -> Counts {
    let day = Day::of(NOW, &zone("UTC")).0;
    let range = StatsRange { interval: Interval::Day, from: day - 1, to: day + 2 };
    let series = match of {
        Some(destination) => scope.stats_of_destination(destination, range, "UTC").await,
        None => scope.stats(None, range, "UTC").await,
    };
    let mut all = Counts::default();
    series.expect("reads").values().for_each(|counts| all.merge(counts));
    all
}

/// Where message number `number` goes, and where it does not because it is a test.
async fn told(scope: &TenantScope<'_>, number: u64) -> (BTreeSet<DestinationId>, Vec<DestinationId>) {
    let message = sample::message_id(number);
    let deliveries = scope.message_deliveries(message).await.expect("reads");
    let events = scope.message_events(message).await.expect("reads");
    let kept = events[0].data.withheld.iter();
    let kept = kept.filter(|kept| kept.why == WithheldFor::NoTestFacility).map(|kept| kept.destination);
    (deliveries.iter().map(|delivery| delivery.destination).collect(), kept.collect())
}

#[tokio::test]
async fn of_tests_nothing_is_counted_and_nothing_goes_where_it_would_count() {
    on_each_database(async |database| {
        let store = &database.store;
        let record = tenant(store, 1).await;
        let scope = store.tenant(record.id);
        let mut rng = StdRng::seed_from_u64(5);
        let messages: Vec<(u64, u64, bool)> = (1..=MESSAGES)
            .map(|number| (number, rng.random_range(0..8), rng.random_range(0..3) == 0))
            .collect();
        let mut state = ledger(store).await;
        let mut plans: Vec<_> = messages
            .iter()
            .map(|(number, person, is_test)| plan(&record, *number, *person, *is_test))
            .collect();
        while !plans.is_empty() {
            let rest = plans.split_off(rng.random_range(1..=plans.len().min(9)));
            apply(store, &mut state, plans).await;
            plans = rest;
        }
        let (mut known, mut made) = (BTreeSet::new(), 0);
        for (number, person, is_test) in &messages {
            let message = scope.message(sample::message_id(*number)).await.expect("reads");
            let event = &scope.message_events(message.summary.id).await.expect("reads")[0];
            assert_eq!((message.summary.is_test, event.data.is_test), (*is_test, *is_test));
            let (to, kept) = told(&scope, *number).await;
            let expected = if *is_test {
                ([destination(1)].into(), vec![destination(2)])
            } else {
                (both().into_iter().collect(), Vec::new())
            };
            assert_eq!((to, kept), expected, "message {number}");
            made += u64::from(known.insert(*person) && !is_test);
        }
        let is_last_a_test =
            |person: u64| messages.iter().rev().find(|(_, of, _)| *of == person).map(|last| last.2);
        for profile in scope.profiles(Page::first(20)).await.expect("reads").items {
            let address = &profile.identifiers.listed[0].value;
            let person = address.split('@').next().and_then(|number| number.parse().ok()).expect("a number");
            assert_eq!(Some(profile.traits.is_test()), is_last_a_test(person), "{address}");
            assert!(profile.traits.values().is_empty(), "it is no trait");
        }
        let tests = messages.iter().filter(|(.., is_test)| *is_test).count() as u64;
        assert!(tests > 5 && tests < MESSAGES - 5, "{tests}");
        let live = MESSAGES - tests;
        let counts = counted(&scope, None).await;
        let metrics = [
            Metric::Test,
            Metric::Received,
            Metric::CluidFound,
            Metric::Run(RunStatus::Succeeded),
            Metric::Event,
            Metric::Profile,
        ];
        assert_eq!(metrics.map(|metric| counts.of(metric)), [tests, live, live, live, live, made]);
        assert_eq!(counts.times(Timing::Processing).count(), live);
        let names = scope.event_names(None, Page::first(9)).await.expect("lists").items;
        assert_eq!(names.iter().map(|name| name.events).collect::<Vec<_>>(), [live]);
        for is_test in [true, false] {
            let filter = MessageFilter { is_test: Some(is_test), ..MessageFilter::of(sample::source()) };
            let found = scope.messages(&filter, Page::first(100)).await.expect("lists").items;
            assert!(found.iter().all(|message| message.is_test == is_test));
            assert_eq!(found.len() as u64, if is_test { tests } else { live });
        }
    })
    .await;
}

fn attempt(number: u64, is_test: bool, matched: (u8, &[&'static str])) -> NewAttempt {
    let (score, present) = matched;
    let destination = destination(1);
    let event = tributary_domain::id::EventId::derive(sample::message_id(number), sample::workflow(), 0);
    NewAttempt {
        attempt: AttemptRecord {
            delivery: tributary_domain::id::DeliveryId::derive(event, destination, 0),
            number: 1,
            started_at: NOW,
            duration: Duration::from_millis(5),
            outcome: "DELIVERED".to_owned(),
            http_status: Some(200),
            response_headers: Vec::new(),
            response_body: Vec::new(),
            is_truncated: false,
            error: None,
            answer_removed: false,
        },
        cause: None,
        verdict: Verdict::Delivered,
        source: sample::source(),
        is_replay: false,
        is_test,
        quality: Some(Matched { destination, score, present: present.to_vec() }),
    }
}

#[tokio::test]
async fn match_quality_is_counted_once_for_what_is_delivered_and_no_test() {
    on_each_database(async |database| {
        let store = &database.store;
        let record = tenant(store, 1).await;
        let scope = store.tenant(record.id);
        let mut state = ledger(store).await;
        let plans = (1..=3).map(|number| plan(&record, number, number, number == 3)).collect();
        apply(store, &mut state, plans).await;
        let attempts = [
            attempt(1, false, (26, &["email"])),
            attempt(2, false, (40, &["email", "fbc"])),
            attempt(3, true, (90, &["email"])),
        ];
        for _ in 0..2 {
            // The second time nothing is new.
            scope.record_attempts(&attempts).await.expect("records");
        }
        let signal = |name| Metric::signal(name).expect("a signal");
        let metrics = [
            Metric::Matched,
            Metric::MatchPoints,
            signal("email"),
            signal("fbc"),
            signal("phone"),
            Metric::Delivered,
        ];
        let of_all = [2, 66, 2, 1, 0, 2];
        for when in ["as it happens", "folded"] {
            let counts = counted(&scope, None).await;
            assert_eq!(metrics.map(|metric| counts.of(metric)), of_all, "{when}");
            let counts = counted(&scope, Some(destination(1))).await;
            assert_eq!(metrics.map(|metric| counts.of(metric)), [2, 66, 2, 1, 0, 0], "{when}");
            assert_eq!(counted(&scope, Some(destination(2))).await, Counts::default(), "{when}");
            while store.fold_stats(NOW.plus(Duration::from_hours(2))).await.expect("folds") > 0 {}
        }
    })
    .await;
}

/// A booking, and that it is cancelled, of which no workflow makes anything.
fn booked(record: &TenantRecord, first: u64, is_test: [bool; 2]) -> Vec<MessagePlan> {
    let about = |number: u64, is_test, stage| {
        let booking = BookingFacts {
            scope: KeyScope::Tenant,
            key: "booking".to_owned(),
            previous: None,
            next: None,
            stages: vec![stage],
            at: None,
            paid: None,
        };
        let plan = plan(record, number, 1, is_test);
        MessagePlan { facts: MessageFacts { booking: Some(booking), ..plan.facts.clone() }, ..plan }
    };
    let mut made = about(first, is_test[0], Stage::Created);
    if let Work::Apply(runs) = &mut made.work {
        runs[0].follow_up = Some(FollowUp { retract_cancelled: true, ..FollowUp::default() });
    }
    let cancelled =
        MessagePlan { work: Work::Apply(Vec::new()), ..about(first + 1, is_test[1], Stage::Cancelled) };
    vec![made, cancelled]
}

#[tokio::test]
async fn what_follows_a_test_or_is_brought_about_by_one_is_a_test() {
    on_each_database(async |database| {
        let store = &database.store;
        let mut state = ledger(store).await;
        for (number, is_test) in (1..).zip([[true, false], [false, true], [false, false]]) {
            let record = tenant(store, number).await;
            let scope = store.tenant(record.id);
            let first = 10 * u64::try_from(number).expect("small");
            for plan in booked(&record, first, is_test) {
                apply(store, &mut state, vec![plan]).await;
            }
            let follows = &scope.message_events(sample::message_id(first + 1)).await.expect("reads")[0];
            let is_any = is_test.contains(&true);
            assert_eq!(follows.data.is_test, is_any, "{is_test:?}");
            let (to, _) = told(&scope, first + 1).await;
            let expected = if is_any { vec![destination(1)] } else { both() };
            assert_eq!(to, expected.into_iter().collect(), "{is_test:?}");
        }
    })
    .await;
}
