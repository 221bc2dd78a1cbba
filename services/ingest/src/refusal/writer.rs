//! Writes refused requests in batches.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{select, sync::mpsc, time::interval};
use tokio_util::sync::CancellationToken;
use tributary_domain::{
    id::{SourceId, TenantId},
    stats::Quarter,
    time::Timestamp,
};
use tributary_store::{
    Store, StoreError,
    rejected::{RejectionCount, RejectionRecord},
};

use super::recorder::Counts;

/// How long a refused request waits at most before it is written.
const EVERY: Duration = Duration::from_secs(1);
/// Most requests of one batch; of a flood, the newest.
const BATCH: usize = 256;
/// Most requests to one source of a batch: what stands in a page, everybody can ask for, and others are to be kept too.
const OF_SOURCE: usize = 16;

/// Where refused requests are written to.
#[async_trait]
pub trait RefusalSink: Send + Sync {
    /// Adds `counts`, each with its time, to what was counted before, and keeps `newest`, oldest first. Of a request that is kept already
    /// nothing changes.
    ///
    /// # Errors
    /// When nothing was written; the same comes again with the next batch.
    async fn write(
        &self,
        counts: &[(RejectionCount, Timestamp)],
        newest: &[RejectionRecord],
    ) -> Result<(), StoreError>;
}

#[async_trait]
impl RefusalSink for Store {
    async fn write(
        &self,
        counts: &[(RejectionCount, Timestamp)],
        newest: &[RejectionRecord],
    ) -> Result<(), StoreError> {
        self.record_rejections(newest, counts).await
    }
}

/// The task that writes refused requests.
#[derive(Debug)]
pub struct RefusalWriter {
    counts: Arc<Counts>,
    arrivals: mpsc::Receiver<RejectionRecord>,
    newest: VecDeque<RejectionRecord>,
}

impl RefusalWriter {
    pub(crate) fn new(counts: Arc<Counts>, arrivals: mpsc::Receiver<RejectionRecord>) -> Self {
        Self { counts, arrivals, newest: VecDeque::with_capacity(BATCH) }
    }

    /// Writes to `sink` once a second, until `stop` is cancelled; what is left then is written last.
    pub async fn run(mut self, sink: Arc<dyn RefusalSink>, stop: CancellationToken) {
        let mut tick = interval(EVERY);
        loop {
            select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => self.write(&*sink).await,
                Some(request) = self.arrivals.recv() => self.keep(request),
            }
        }
        while let Ok(request) = self.arrivals.try_recv() {
            self.keep(request);
        }
        self.write(&*sink).await;
    }

    /// Has a request written, instead of the oldest where there are enough already.
    fn keep(&mut self, request: RejectionRecord) {
        let mut same =
            (0_usize..).zip(&self.newest).filter(|(_, kept)| kept.source == request.source).map(|(at, _)| at);
        let oldest = same.next();
        if let Some(oldest) = oldest.filter(|_| same.count() + 1 >= OF_SOURCE) {
            self.newest.remove(oldest);
        } else if self.newest.len() >= BATCH {
            self.newest.pop_front();
        }
        self.newest.push_back(request);
    }

    async fn write(&mut self, sink: &dyn RefusalSink) {
        let tally = self.counts.take();
        if tally.is_empty() && self.newest.is_empty() {
            return;
        }
        let counts: Vec<_> = tally.iter().map(|(what, count)| counted(*what, *count)).collect();
        match sink.write(&counts, self.newest.make_contiguous()).await {
            Ok(()) => self.newest.clear(),
            Err(error) => {
                // The requests stay too, until newer ones push them out.
                tracing::warn!(%error, "refused requests not written");
                self.counts.put_back(tally);
            }
        }
    }
}

fn counted(
    (tenant, source, reason, quarter): (TenantId, SourceId, &'static str, Quarter),
    count: u64,
) -> (RejectionCount, Timestamp) {
    (RejectionCount { tenant, source, reason: reason.to_owned(), count }, quarter.start())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::http::HeaderMap;
    use tributary_connectors::sources::provider;
    use tributary_domain::id::RejectionId;
    use tributary_telemetry::Metrics;

    use super::*;
    use crate::{Refusal, RefusalRecorder, SourceEntry, SourceState, refusal::recorder::Seen};

    /// Fails as often as it is told to, then keeps what it is given.
    struct Failing {
        failures: Mutex<u32>,
        counted: Mutex<u64>,
        kept: Mutex<usize>,
    }

    #[async_trait]
    impl RefusalSink for Failing {
        async fn write(
            &self,
            counts: &[(RejectionCount, Timestamp)],
            newest: &[RejectionRecord],
        ) -> Result<(), StoreError> {
            let mut failures = self.failures.lock().expect("whole");
            if *failures > 0 {
                *failures -= 1;
                return Err(StoreError::Timeout);
            }
            *self.counted.lock().expect("whole") += counts.iter().map(|(count, _)| count.count).sum::<u64>();
            *self.kept.lock().expect("whole") += newest.len();
            Ok(())
        }
    }

    fn source(number: u128) -> SourceEntry {
        let provider = provider("custom").expect("a provider");
        SourceEntry {
            tenant: TenantId::new(1, 1),
            source: SourceId::new(1, number),
            provider,
            settings: Arc::new(
                provider.check_settings(&serde_json::Value::Null).expect("the defaults are right"),
            ),
            keys: Vec::new(),
            body_limit: 100,
            state: SourceState::Live,
        }
    }

    fn record(recorder: &RefusalRecorder, source: u128, requests: u32) {
        let (source, headers) = (self::source(source), HeaderMap::new());
        for number in 0..requests {
            let seen = Seen { headers: &headers, body: &[b'a'; 9_000] };
            let at = Timestamp::from_seconds(1);
            recorder.record(&source, &Refusal::BodyTooSlow, at, u128::from(number), &seen);
        }
    }

    #[tokio::test]
    async fn a_batch_that_was_not_written_comes_again() {
        let (recorder, writer) = RefusalRecorder::new(Metrics::unread());
        record(&recorder, 1, 3);
        let sink =
            Arc::new(Failing { failures: Mutex::new(1), counted: Mutex::default(), kept: Mutex::default() });
        let mut writer = writer;
        let request = writer.arrivals.recv().await.expect("recorded");
        assert_eq!(request.body.len(), 8 * 1024);
        writer.keep(request);
        writer.write(&*sink).await;
        assert_eq!(*sink.counted.lock().expect("whole"), 0);

        let stop = CancellationToken::new();
        stop.cancel();
        writer.run(Arc::clone(&sink) as Arc<dyn RefusalSink>, stop).await;
        assert_eq!(*sink.counted.lock().expect("whole"), 3);
        assert_eq!(*sink.kept.lock().expect("whole"), 3);
    }

    #[tokio::test]
    async fn of_a_flood_all_are_counted_and_the_newest_kept() {
        let (recorder, writer) = RefusalRecorder::new(Metrics::unread());
        for source in 0..50 {
            record(&recorder, source, 20);
        }
        record(&recorder, 50, 4_000);
        let sink =
            Arc::new(Failing { failures: Mutex::new(0), counted: Mutex::default(), kept: Mutex::default() });
        let stop = CancellationToken::new();
        stop.cancel();
        writer.run(Arc::clone(&sink) as Arc<dyn RefusalSink>, stop).await;
        assert_eq!(*sink.counted.lock().expect("whole"), 5_000);
        assert_eq!(*sink.kept.lock().expect("whole"), BATCH);
    }
    #[tokio::test]
    async fn a_flood_of_one_source_leaves_room_for_others() {
        let (recorder, mut writer) = RefusalRecorder::new(Metrics::unread());
        record(&recorder, 1, 1);
        record(&recorder, 2, 500);
        record(&recorder, 3, 2);
        while let Ok(request) = writer.arrivals.try_recv() {
            writer.keep(request);
        }
        let of = |number: u128| {
            let source = SourceId::new(1, number);
            writer.newest.iter().filter(|kept| kept.source == source).map(|kept| kept.id).collect::<Vec<_>>()
        };
        assert_eq!((of(1).len(), of(2).len(), of(3).len()), (1, OF_SOURCE, 2));
        let newest = (484..500).map(|number| RejectionId::new(1_000, number));
        assert_eq!(of(2), newest.collect::<Vec<_>>(), "its newest, oldest first");
    }
}
