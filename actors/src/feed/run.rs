//! The feed's life: claim, run, and again after a failure; each time from what is stored.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use actix::{Actor, Addr};
use futures::FutureExt;
use tokio::sync::mpsc;
use tributary_journal::ReadError;
use tributary_store::{StoreError, ledger::JournalGap};

use super::{
    Feed,
    applier::{self, Applier},
    caution::Caution,
    reader,
};
use crate::ledger::LedgerActor;

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why the feed has to begin again.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] ReadError),
    #[error("{0}")]
    Lost(&'static str),
    #[error("another process has taken over the partitions of this one")]
    Fenced,
}

impl FeedError {
    /// Whether beginning again could help.
    fn is_fatal(&self) -> bool {
        match self {
            Self::Fenced => true,
            Self::Journal(error) => !matches!(error, ReadError::Released { .. }),
            Self::Store(error) => error.is_fenced(),
            Self::Lost(_) => false,
        }
    }
}

/// Feeds the ledger until the house stops.
pub(crate) async fn run(feed: Arc<Feed>) {
    let mut wait = FIRST_WAIT;
    while !feed.stopping.is_cancelled() {
        let before = feed.committed();
        match AssertUnwindSafe(once(&feed)).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(error)) if error.is_fatal() => {
                tracing::error!(%error, "the feed cannot go on: the process stops");
                feed.fatal.cancel();
                return;
            }
            Ok(Err(error)) => tracing::warn!(%error, "the feed begins again from what is committed"),
            Err(_) => {
                feed.metrics.actor_restarted("feed");
                tracing::error!("the feed panicked and begins again from what is committed");
            }
        }
        // The process lives: whatever this was, no message ended it.
        if let Err(error) = Caution::end(&feed.store).await {
            tracing::debug!(%error, "this start still counts as an unclean end");
        }
        wait = if feed.committed() > before { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
        tokio::select! {
            () = feed.stopping.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn once(feed: &Arc<Feed>) -> Result<(), FeedError> {
    let journal = feed.journal.id().to_string();
    let (claim, gap) = feed
        .store
        .claim(feed.partitions, &feed.owner, &journal, feed.journal.tail(), feed.clock.now())
        .await?;
    if let Some(gap) = gap {
        warn_of(&gap);
    }
    let after = claim.lowest().max(feed.journal.first().saturating_sub(1));
    feed.committed.send_replace(after);
    let progress = reader::Progress::of(&claim);
    let caution = Caution::begin(&feed.store, progress.highest()).await?;
    let state = feed.store.ledger_state(claim, feed.clock.now()).await?;
    let holding = Arc::new(state.holding.clone());
    let ledger = start_ledger(feed, state);
    feed.registry.refresh_all();
    feed.dispatcher.resume(feed.partitions).await?;

    let (batches, evaluated) = mpsc::channel(1);
    let (announcer, commits) = mpsc::channel(1);
    let announced = tokio::spawn(applier::announce(Arc::clone(feed), commits));
    let mut applier = Applier { feed: Arc::clone(feed), ledger, announcer, holding };
    let outcome = tokio::select! {
        read = reader::read(feed, progress, after, caution, batches) => read,
        applied = applier.run(evaluated) => applied,
    };
    drop(applier);
    // What was committed is announced before a new run looks for it in the database.
    let announced = announced.await;
    if outcome.is_ok() {
        Caution::end(&feed.store).await?;
    }
    outcome.and(announced.map_err(|_| FeedError::Lost("what announces commits panicked")))
}

fn start_ledger(feed: &Arc<Feed>, state: tributary_store::ledger::LedgerState) -> Addr<LedgerActor> {
    let actor = LedgerActor {
        store: feed.store.clone(),
        clock: Arc::clone(&feed.clock),
        metrics: feed.metrics.clone(),
        stopping: feed.stopping.clone(),
        state: Some(state),
    };
    LedgerActor::start_in_arbiter(&feed.arbiters.ledger(), move |_| actor)
}

fn warn_of(gap: &JournalGap) {
    match gap {
        JournalGap::OtherJournal { before, committed } => tracing::warn!(
            before,
            committed,
            "this is another journal than before: what the other one had accepted beyond its committed messages is not here"
        ),
        JournalGap::OlderCopy { tail, committed } => tracing::warn!(
            tail,
            committed,
            "the journal is an older copy: it ends before what was committed from it"
        ),
    }
}
