//! Counts as the contract has them.

use tributary_domain::{
    stats::{Counts, Day, Hour, Interval, Metric, Timing, zone},
    workflow::status::RunStatus,
};
use tributary_proto::admin::v1::{
    Stats,
    stats::{Latency, RunCount},
};
use tributary_store::stats::{StatsRange, StatsSeries};

use crate::convert::{
    status,
    value::{to_span, to_time},
};

/// Every piece of time of a range, and all of them together.
pub(super) fn series(series: &StatsSeries, range: StatsRange, time_zone: &str) -> (Vec<Stats>, Stats) {
    let nothing = Counts::default();
    let mut total = Counts::default();
    let stats = (range.from..range.to).map(|place| {
        let counts = series.get(&place).unwrap_or(&nothing);
        total.merge(counts);
        let (start_time, date) = piece(place, range, time_zone);
        Stats { start_time: Some(start_time), date, ..to_proto(counts) }
    });
    let stats: Vec<Stats> = stats.collect();
    let start_time = stats.first().and_then(|first| first.start_time);
    let total = Stats { start_time, ..to_proto(&total) };
    (stats, total)
}

/// When a piece of time of a range begins, and the date of a day.
pub(super) fn piece(place: i64, range: StatsRange, time_zone: &str) -> (prost_types::Timestamp, String) {
    match range.interval {
        Interval::Hour => (to_time(Hour(place).start()), String::new()),
        Interval::Day => (to_time(Day(place).start(&zone(time_zone))), Day(place).date().to_string()),
    }
}

fn to_proto(counts: &Counts) -> Stats {
    let of = |metric| i64::try_from(counts.of(metric)).unwrap_or(i64::MAX);
    let runs = RunStatus::ALL.into_iter().map(|ended| (ended, of(Metric::Run(ended))));
    let run_counts = runs
        .filter(|(_, count)| *count > 0)
        .map(|(ended, count)| RunCount { status: Some(status::run(ended, None)), count });
    Stats {
        start_time: None,
        date: String::new(),
        received_message_count: of(Metric::Received),
        duplicate_message_count: of(Metric::Duplicate),
        held_message_count: of(Metric::Held),
        parked_message_count: of(Metric::Parked),
        rejected_request_count: of(Metric::Refused),
        cluid_found_count: of(Metric::CluidFound),
        cluid_foreign_count: of(Metric::CluidForeign),
        cluid_placeholder_count: of(Metric::CluidPlaceholder),
        cluid_share: share(counts.of(Metric::CluidFound), counts.of(Metric::Received)),
        run_counts: run_counts.collect(),
        event_count: of(Metric::Event),
        new_profile_count: of(Metric::Profile),
        merge_count: of(Metric::Merge),
        conflict_count: of(Metric::Conflict),
        delivered_count: of(Metric::Delivered),
        failed_delivery_count: of(Metric::DeliveryFailed),
        delivery_attempt_count: of(Metric::Attempt),
        delivery_retry_count: of(Metric::Retry),
        processing: Some(latency(counts, Timing::Processing)),
        delivery_attempt: Some(latency(counts, Timing::Attempt)),
        delivery: Some(latency(counts, Timing::Delivery)),
        test_message_count: of(Metric::Test),
    }
}

/// A part of a whole, or how much there is of something on average.
pub(super) fn share(part: u64, whole: u64) -> f64 {
    // More than 2^53 of anything are not exact any more, which no chart shows.
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn latency(counts: &Counts, timing: Timing) -> Latency {
    let times = counts.times(timing);
    let percentile = |percent| times.percentile(percent).map(to_span);
    Latency {
        count: i64::try_from(times.count()).unwrap_or(i64::MAX),
        p50: percentile(50),
        p90: percentile(90),
        p99: percentile(99),
    }
}
