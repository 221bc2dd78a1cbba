//! The first half of the pipeline: journal → plans.

use std::sync::Arc;

use tokio::sync::mpsc;
use tributary_domain::partition::Partition;
use tributary_journal::Entry;
use tributary_store::ledger::{Claim, MessagePlan, Origin};

use super::{Feed, caution::Caution, pace, run::FeedError};
use crate::plan::Task;

/// Plans, and how far the journal is read with them.
#[derive(Debug)]
pub(super) struct Evaluated {
    pub(super) plans: Vec<MessagePlan>,
    pub(super) through: u64,
}

/// What was committed before, by partition.
#[derive(Debug, Clone)]
pub(super) struct Progress(Vec<u64>);

impl Progress {
    pub(super) fn of(claim: &Claim) -> Self {
        Self(
            (0..Partition::COUNT)
                .filter_map(Partition::new)
                .map(|partition| claim.progress(partition))
                .collect(),
        )
    }

    pub(super) fn highest(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or(0)
    }

    fn covers(&self, entry: &Entry) -> bool {
        self.0.get(usize::from(entry.partition.number())).is_some_and(|done| entry.sequence <= *done)
    }
}

/// Reads, evaluates and hands on, until the house stops.
pub(super) async fn read(
    feed: &Arc<Feed>,
    progress: Progress,
    mut after: u64,
    mut caution: Caution,
    batches: mpsc::Sender<Evaluated>,
) -> Result<(), FeedError> {
    let (mut tail, mut read) = (feed.journal.tail(), 0);
    loop {
        let accepted = feed.journal.tail().saturating_sub(tail);
        let (is_careful, limit) = (caution.is_careful(), caution.limit(after, pace::batch(accepted, read)));
        let batch = tokio::select! {
            biased;
            () = feed.stopping.cancelled() => break,
            batch = feed.journal.read(feed.partitions, after, limit) => batch?,
        };
        read = batch.through.saturating_sub(after);
        after = batch.through;
        tail = feed.journal.tail();
        feed.metrics.journal(tail, tail.saturating_sub(feed.committed()));
        let tasks: Vec<Task> =
            batch.entries.into_iter().filter(|entry| !progress.covers(entry)).map(task).collect();
        let plans = match caution.before(&feed.store, &tasks).await? {
            Some(reason) => feed.registry.park_all(tasks, &reason).await?,
            None => feed.registry.evaluate(tasks).await?,
        };
        if batches.send(Evaluated { plans, through: after }).await.is_err() {
            break;
        }
        // With care, because only then it is known what the process ends on, if it ends. Where the feed keeps up, because
        // what comes meanwhile then goes with the next batch, and does not wait behind one that waits.
        if is_careful || after >= tail {
            let _ = feed.committed.subscribe().wait_for(|committed| *committed >= after).await;
        }
    }
    drop(batches);
    // The applier ends the run when the last batch is through.
    std::future::pending().await
}

fn task(entry: Entry) -> Task {
    Task {
        origin: Origin::Journal,
        sequence: entry.sequence,
        partition: entry.partition,
        accepted: Arc::new(entry.message),
        record: entry.record,
    }
}
