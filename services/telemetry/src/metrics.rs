//! Every metric of the house: its name, its unit, and the one way to report it.
//!
//! Names follow OpenTelemetry; Prometheus shows dots as underscores, the unit and, for counters, `_total`, such as
//! `tributary_ingest_accepted_total`. Labels take few, known values: never an id, a name or anything that was sent.
//! Their keys and values are `&'static str`, so reporting does not allocate.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, MeterProvider, UpDownCounter},
};
use opentelemetry_sdk::metrics::SdkMeterProvider;

/// Bounds of histograms of time, in seconds: from what memory takes to what a patient HTTP client waits.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Bounds of histograms of how many went together.
const COUNTS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The handles to count and measure with; clones report to the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    accepted: Counter<u64>,
    accepted_bytes: Counter<u64>,
    refused: Counter<u64>,
    refusals_unrecorded: Counter<u64>,
    connections: UpDownCounter<i64>,
    journal_tail: Gauge<u64>,
    journal_backlog: Gauge<u64>,
    commit_batch: Histogram<u64>,
    commit_duration: Histogram<f64>,
    commit_lag: Histogram<f64>,
    runs: Counter<u64>,
    parked: Counter<u64>,
    held: Counter<u64>,
    quarantined: Counter<u64>,
    deliveries: Counter<u64>,
    delivery_duration: Histogram<f64>,
    breakers_opened: Counter<u64>,
    holding: UpDownCounter<i64>,
    renewals: Counter<u64>,
    actor_restarts: Counter<u64>,
    removed: Counter<u64>,
}

/// A destination that holds its deliveries is counted as long as this is kept.
#[derive(Debug)]
pub struct Holding {
    counter: UpDownCounter<i64>,
    labels: [KeyValue; 2],
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.counter.add(-1, &self.labels);
    }
}

impl Metrics {
    /// The handles that report to `meter`.
    pub fn new(meter: &Meter) -> Self {
        let counter = |name: &'static str, unit: &'static str, about: &'static str| {
            meter.u64_counter(name).with_unit(unit).with_description(about).build()
        };
        let gauge = |name: &'static str, about: &'static str| {
            meter.u64_gauge(name).with_unit("{message}").with_description(about).build()
        };
        let counts = |name: &'static str, about: &'static str| {
            let histogram = meter.u64_histogram(name).with_unit("{message}").with_description(about);
            histogram.with_boundaries(COUNTS.to_vec()).build()
        };
        let seconds = |name: &'static str, about: &'static str| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(about);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        Self {
            accepted: counter("tributary.ingest.accepted", "{message}", "Messages that were acknowledged"),
            accepted_bytes: counter("tributary.ingest.accepted.size", "By", "Bodies that were acknowledged"),
            refused: counter(
                "tributary.ingest.refused",
                "{request}",
                "Requests that were refused, by reason",
            ),
            refusals_unrecorded: counter(
                "tributary.ingest.refusals.unrecorded",
                "{request}",
                "Refused requests of which only the count was kept",
            ),
            connections: meter
                .i64_up_down_counter("tributary.ingest.connections")
                .with_unit("{connection}")
                .with_description("Open connections at the public door")
                .build(),
            journal_tail: gauge("tributary.journal.tail", "Sequence of the newest durable record"),
            journal_backlog: gauge("tributary.journal.backlog", "Durable records that are not committed yet"),
            commit_batch: counts("tributary.ledger.commit.batch", "Messages of one transaction"),
            commit_duration: seconds("tributary.ledger.commit.duration", "Time of one transaction"),
            commit_lag: seconds("tributary.ledger.commit.lag", "Time from acceptance to commit"),
            runs: counter("tributary.workflow.runs", "{run}", "Runs of workflows, by status"),
            quarantined: counter(
                "tributary.identifiers.quarantined",
                "{identifier}",
                "Values that met too many people",
            ),
            parked: counter("tributary.messages.parked", "{message}", "Messages that wait for a person"),
            held: counter("tributary.messages.held", "{message}", "Messages that were detoured"),
            deliveries: counter(
                "tributary.delivery.attempts",
                "{attempt}",
                "Attempts to deliver, by outcome",
            ),
            delivery_duration: seconds("tributary.delivery.duration", "Time of one attempt to deliver"),
            breakers_opened: counter(
                "tributary.delivery.breaker.opened",
                "{time}",
                "Times that a destination was found not to work",
            ),
            holding: meter
                .i64_up_down_counter("tributary.destination.holding")
                .with_unit("{destination}")
                .with_description(
                    "Destinations that hold deliveries because their credential is not taken, by its state",
                )
                .build(),
            renewals: counter(
                "tributary.credential.renewals",
                "{renewal}",
                "Access tokens that were asked for, by outcome",
            ),
            actor_restarts: counter(
                "tributary.actor.restarts",
                "{restart}",
                "Actors that were started again, by kind",
            ),
            removed: counter(
                "tributary.retention.removed",
                "{row}",
                "Rows whose time was over and that were removed, or lost their bodies, by kind",
            ),
        }
    }

    /// Handles that nobody reads: for tests and for commands that do not serve.
    pub fn unread() -> Self {
        Self::new(&SdkMeterProvider::builder().build().meter("tributary"))
    }

    /// A message of `bytes` was acknowledged.
    pub fn accepted(&self, bytes: u64) {
        self.accepted.add(1, &[]);
        self.accepted_bytes.add(bytes, &[]);
    }

    /// A request was refused for `reason`.
    pub fn refused(&self, reason: &'static str) {
        self.refused.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Of `requests` refused requests only the count was kept.
    pub fn refusals_unrecorded(&self, requests: u64) {
        self.refusals_unrecorded.add(requests, &[]);
    }

    /// A connection was opened (`1`) or closed (`-1`) at the public door.
    pub fn connections(&self, change: i64) {
        self.connections.add(change, &[]);
    }

    /// The journal ends at sequence `tail`, and `backlog` of its records are not committed yet.
    pub fn journal(&self, tail: u64, backlog: u64) {
        self.journal_tail.record(tail, &[]);
        self.journal_backlog.record(backlog, &[]);
    }

    /// A transaction of `messages` was committed and took `took`; the oldest of them was accepted `lag` ago.
    pub fn committed(&self, messages: u64, took: Duration, lag: Duration) {
        self.commit_batch.record(messages, &[]);
        self.commit_duration.record(took.as_secs_f64(), &[]);
        self.commit_lag.record(lag.as_secs_f64(), &[]);
    }

    /// `count` runs ended with `status`, a code of `tributary_domain::workflow::status::RunStatus`.
    pub fn runs(&self, status: &'static str, count: u64) {
        self.runs.add(count, &[KeyValue::new("status", status)]);
    }

    /// `count` messages were parked.
    pub fn parked(&self, count: u64) {
        self.parked.add(count, &[]);
    }

    /// `count` messages were detoured because their tenant is slow, suspended, over its quota or failing.
    pub fn held(&self, count: u64) {
        self.held.add(count, &[]);
    }

    /// `count` values were quarantined.
    pub fn quarantined(&self, count: u64) {
        self.quarantined.add(count, &[]);
    }

    /// One attempt to deliver to `platform` ended with `outcome` and took `took`.
    pub fn delivery(&self, platform: &'static str, outcome: &'static str, took: Duration) {
        let labels = [KeyValue::new("platform", platform), KeyValue::new("outcome", outcome)];
        self.deliveries.add(1, &labels);
        self.delivery_duration.record(took.as_secs_f64(), &labels[..1]);
    }

    /// A destination on `platform` was found not to work, and is left alone for a while.
    pub fn breaker_opened(&self, platform: &'static str) {
        self.breakers_opened.add(1, &[KeyValue::new("platform", platform)]);
    }

    /// A destination on `platform` holds its deliveries, because its credential is in `state`, until what is returned is let go.
    pub fn holding(&self, platform: &'static str, state: &'static str) -> Holding {
        let labels = [KeyValue::new("platform", platform), KeyValue::new("state", state)];
        self.holding.add(1, &labels);
        Holding { counter: self.holding.clone(), labels }
    }

    /// An access token for `platform` was asked for, and that ended with `outcome`: `GRANTED`, `REFUSED` or `UNREACHABLE`.
    pub fn credential_renewed(&self, platform: &'static str, outcome: &'static str) {
        self.renewals.add(1, &[KeyValue::new("platform", platform), KeyValue::new("outcome", outcome)]);
    }

    /// `rows` of `kind`, a name of `tributary_store::retention::Kind`, were removed because their time was over.
    pub fn removed(&self, kind: &'static str, rows: u64) {
        self.removed.add(rows, &[KeyValue::new("kind", kind)]);
    }

    /// An actor of `kind` was started again after a panic.
    pub fn actor_restarted(&self, kind: &'static str) {
        self.actor_restarts.add(1, &[KeyValue::new("kind", kind)]);
    }
}
