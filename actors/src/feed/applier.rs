//! The second half of the pipeline: plans → ledger → what follows from the commit. Between two batches come the
//! ledger's commands and one round of the held lane.

use std::{collections::HashSet, sync::Arc, time::Instant};

use actix::Addr;
use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::mpsc;
use tributary_domain::{committed::Committed, id::TenantId, partition::Partition};
use tributary_journal::{Accepted, DecodeError};
use tributary_store::{
    Page,
    ledger::{Applied, MessagePlan, Origin},
};

use super::{
    Feed,
    pace::{self, Stretch},
    reader::Evaluated,
    run::FeedError,
};
use crate::{
    ledger::{Apply, ApplyOutcome, Commands, Forget, Hold, LedgerActor},
    plan::Task,
};

/// Most rows of a transaction.
const MOST_ROWS: usize = 25_000;
/// Held messages of one tenant that are taken in one round: few, for each can be as large as a body may be.
const HELD_ROUND: u32 = 16;
const PANICKED: FeedError = FeedError::Lost("the ledger actor panicked");

/// Hands plans to the ledger and tells the rest of the house what was committed.
pub(super) struct Applier {
    pub(super) feed: Arc<Feed>,
    pub(super) ledger: Addr<LedgerActor>,
    pub(super) announcer: mpsc::Sender<Applied>,
    pub(super) holding: Arc<HashSet<TenantId>>,
}

impl Applier {
    /// Until the reader ends.
    pub(super) async fn run(&mut self, mut batches: mpsc::Receiver<Evaluated>) -> Result<(), FeedError> {
        self.feed.nudge.notify_one();
        loop {
            let batch = tokio::select! {
                biased;
                batch = batches.recv() => batch,
                () = self.feed.nudge.notified() => {
                    self.commands().await?;
                    if self.held_round().await? {
                        self.feed.nudge.notify_one();
                    }
                    continue;
                }
            };
            let Some(batch) = batch else { return Ok(()) };
            let (began, before, committed) =
                (Instant::now(), self.feed.journal.tail(), batch.plans.len() as u64);
            self.apply(batch.plans).await?;
            self.feed.committed.send_replace(batch.through);
            if self.feed.nudge.notified().now_or_never().is_some() {
                self.commands().await?;
            }
            if let Err(error) = self.feed.journal.release(batch.through).await {
                tracing::warn!(%error, "the journal's space is not given back");
            }
            if !self.holding.is_empty() && self.held_round().await? {
                self.feed.nudge.notify_one();
            }
            let tail = self.feed.journal.tail();
            let rest = pace::rest(Stretch {
                committed,
                accepted: tail.saturating_sub(before),
                waiting: tail.saturating_sub(batch.through),
                took: began.elapsed(),
            });
            if !rest.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(rest) => {}
                    () = self.feed.stopping.cancelled() => {}
                }
            }
        }
    }

    async fn apply(&mut self, mut plans: Vec<MessagePlan>) -> Result<(), FeedError> {
        while !plans.is_empty() {
            let rest = plans.split_off(fitting(&plans));
            self.apply_fitting(plans).await?;
            plans = rest;
        }
        Ok(())
    }

    async fn apply_fitting(&mut self, mut plans: Vec<MessagePlan>) -> Result<(), FeedError> {
        loop {
            let answer = self.ledger.send(Apply(plans)).await;
            let Ok((outcome, holding)) = answer else {
                return Err(PANICKED);
            };
            self.holding = holding;
            match outcome {
                ApplyOutcome::Done(applied) => {
                    return self.announce(applied).await;
                }
                ApplyOutcome::Stale(applied, tenants, rest) => {
                    self.announce(applied).await?;
                    plans = self.replan(&tenants, rest).await?;
                }
                ApplyOutcome::Lost(why) => return Err(FeedError::Lost(why)),
                ApplyOutcome::Fenced => return Err(FeedError::Fenced),
                ApplyOutcome::Stopped => {
                    return Err(FeedError::Lost("the house stops before the database is back"));
                }
            }
        }
    }

    /// Plans again what was planned with another configuration than the one in force.
    async fn replan(
        &self,
        tenants: &[TenantId],
        plans: Vec<MessagePlan>,
    ) -> Result<Vec<MessagePlan>, FeedError> {
        for tenant in tenants {
            self.feed.registry.refresh(*tenant);
        }
        let tasks: Result<Vec<Task>, DecodeError> = plans.into_iter().map(task).collect();
        let tasks = tasks.map_err(|_| FeedError::Lost("a record that was read cannot be read again"))?;
        Ok(self.feed.registry.evaluate(tasks).await?)
    }

    async fn announce(&self, applied: Applied) -> Result<(), FeedError> {
        self.announcer.send(applied).await.map_err(|_| FeedError::Lost("what announces commits ended"))
    }

    async fn commands(&mut self) -> Result<(), FeedError> {
        let answer = self.ledger.send(Commands).await;
        let Ok((outcomes, holding)) = answer else {
            return Err(PANICKED);
        };
        self.holding = holding;
        for outcome in outcomes? {
            // Who waits no longer reads the outcome from the store.
            let _ = self.feed.outcomes.send(outcome);
        }
        while let Some(waiting) = self.feed.replays.next() {
            let answer = self.ledger.send(Hold(waiting.again)).await;
            let Ok((held, holding)) = answer else { return Err(PANICKED) };
            self.holding = holding;
            held?;
            // Who asked may be gone: its operation tells how far it is.
            let _ = waiting.done.send(());
        }
        Ok(())
    }

    /// Takes some held messages of each tenant that goes on; says whether there may be more.
    async fn held_round(&mut self) -> Result<bool, FeedError> {
        let mut more = false;
        let still = self.feed.store.still_held(&self.holding, self.feed.clock.now()).await?;
        for tenant in self.holding.difference(&still).copied().collect::<Vec<_>>() {
            let held = self.feed.store.tenant(tenant).held_messages(Page::first(HELD_ROUND)).await?.items;
            if held.is_empty() {
                // They were removed with their tenant.
                self.holding = self.ledger.send(Forget(tenant)).await.map_err(|_| PANICKED)?;
                continue;
            }
            let mut tasks = Vec::with_capacity(held.len());
            for record in held {
                let bytes = Bytes::from(record.record);
                let accepted = Accepted::from_bytes(bytes.clone())
                    .map_err(|_| FeedError::Lost("a held message cannot be read"))?;
                tasks.push(Task {
                    origin: Origin::Held(record.position.cast_signed()),
                    sequence: record.seq,
                    partition: Partition::of(tenant),
                    accepted: Arc::new(accepted),
                    record: bytes,
                });
            }
            let plans = self.feed.registry.evaluate(tasks).await?;
            self.apply(plans).await?;
            more |= self.holding.contains(&tenant);
        }
        Ok(more)
    }
}

/// Tells who watches and who delivers what was committed, while the next batch is applied. Ends when the applier has
/// gone and all is told.
pub(super) async fn announce(feed: Arc<Feed>, mut commits: mpsc::Receiver<Applied>) {
    while let Some(applied) = commits.recv().await {
        for message in applied.messages {
            // Nobody watches: fine.
            let _ = feed.tail.send(Arc::new(Committed::Message(message)));
        }
        feed.dispatcher.offer(applied.deliveries).await;
    }
}

fn task(plan: MessagePlan) -> Result<Task, DecodeError> {
    let accepted = Arc::new(Accepted::from_bytes(plan.record.clone())?);
    let MessagePlan { origin, sequence, partition, record, .. } = plan;
    Ok(Task { origin, sequence, partition, accepted, record })
}

/// How many of the plans fit into one transaction; at least one.
fn fitting(plans: &[MessagePlan]) -> usize {
    let mut rows = 0;
    let fit = plans.iter().take_while(|plan| {
        rows += plan.rows();
        rows <= MOST_ROWS
    });
    fit.count().max(1)
}
