//! Keeps refused requests for the source's owner to look at, without ever holding up the door.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::HeaderMap;
use tokio::sync::mpsc;
use tributary_connectors::sources::tag::ScriptFailure;
use tributary_domain::{
    id::{RejectionId, SourceId, TenantId},
    stats::Quarter,
    time::Timestamp,
};
use tributary_store::rejected::{RejectionRecord, SCRIPT_FAILED};
use tributary_telemetry::Metrics;

use super::{
    Refusal,
    failures::{self, Lately},
    headers::masked,
    writer::RefusalWriter,
};
use crate::directory::SourceEntry;

/// Most bytes that are kept of a refused body.
const BODY_HEAD: usize = 8 * 1024;
/// Most refused requests that wait to be written; of what comes beyond, only the count is kept.
const WAITING: usize = 1024;

/// The counts that are not written yet. There are at most as many as known sources times reasons, for each quarter of an
/// hour that nothing could be written in.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Tally>);

/// How often, by tenant, source, reason and the quarter of an hour.
pub(crate) type Tally = HashMap<(TenantId, SourceId, &'static str, Quarter), u64>;

impl Counts {
    fn add_one(&self, tenant: TenantId, source: SourceId, reason: &'static str, at: Timestamp) {
        *self.tally().entry((tenant, source, reason, Quarter::of(at))).or_default() += 1;
    }

    /// Takes what was counted, to be written.
    pub(crate) fn take(&self) -> Tally {
        mem::take(&mut *self.tally())
    }

    /// Puts back what could not be written.
    pub(crate) fn put_back(&self, unwritten: Tally) {
        let mut tally = self.tally();
        for (what, count) in unwritten {
            *tally.entry(what).or_default() += count;
        }
    }

    /// A count is added in one step, so it is whole even if whoever held the lock panicked.
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the door leaves refused requests. Cloned freely; never waits.
#[derive(Debug, Clone)]
pub struct RefusalRecorder {
    counts: Arc<Counts>,
    waiting: mpsc::Sender<RejectionRecord>,
    lately: Arc<Lately>,
    metrics: Metrics,
}

impl RefusalRecorder {
    /// A recorder and the writer that has to run for anything to be written.
    pub fn new(metrics: Metrics) -> (Self, RefusalWriter) {
        let (waiting, arrivals) = mpsc::channel(WAITING);
        let counts = Arc::new(Counts::default());
        let recorder = Self { counts: Arc::clone(&counts), waiting, lately: Arc::default(), metrics };
        (recorder, RefusalWriter::new(counts, arrivals))
    }

    /// Counts a request to `source` that nothing is kept of, with the stable code of the reason.
    pub(crate) fn count(&self, source: &SourceEntry, reason: &'static str, at: Timestamp) {
        self.counts.add_one(source.tenant, source.source, reason, at);
    }

    /// Counts a request to `source` that was refused at `at`, and keeps it under an id made of `random` if there is
    /// room.
    pub(crate) fn record(
        &self,
        source: &SourceEntry,
        refusal: &Refusal,
        at: Timestamp,
        random: u128,
        seen: &Seen<'_>,
    ) {
        let reason = refusal.reason();
        self.count(source, reason, at);
        if refusal.is_only_counted() {
            return;
        }
        self.put(|| RejectionRecord {
            id: RejectionId::new(at.millis(), random),
            tenant: source.tenant,
            source: source.source,
            at,
            reason: reason.to_owned(),
            detail: refusal.detail().into_owned(),
            http_status: refusal.status(),
            headers: masked(seen.headers),
            body: seen.body[..seen.body.len().min(BODY_HEAD)].to_vec(),
        });
    }

    /// Counts a script of the owner's that failed on a page of `source`, and keeps it as [`Self::record`] keeps requests,
    /// once in a while.
    pub(crate) fn failed(
        &self,
        source: &SourceEntry,
        failure: &ScriptFailure,
        headers: &HeaderMap,
        at: Timestamp,
        random: u128,
    ) {
        self.count(source, SCRIPT_FAILED, at);
        if self.lately.is_news(source, failure, at) {
            self.put(|| failures::record(source, failure, headers, at, random));
        }
    }

    /// Has a record kept, if there is room: what will not be kept is not made.
    fn put(&self, record: impl FnOnce() -> RejectionRecord) {
        match self.waiting.try_reserve() {
            Ok(place) => place.send(record()),
            Err(_) => self.metrics.refusals_unrecorded(1),
        }
    }
}

/// What was seen of a request before it was refused.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// Empty when it was refused before its body was read.
    pub(crate) body: &'a [u8],
}
