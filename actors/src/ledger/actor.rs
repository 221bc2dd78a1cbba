//! The actor that owns the right to commit.

use std::{collections::HashSet, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AtomicResponse, Context, Handler, Message, WrapFuture};
use tokio_util::sync::CancellationToken;
use tributary_domain::{id::TenantId, time::Clock};
use tributary_store::{
    Store, StoreError,
    ledger::{Applied, CommandOutcome, HoldAgain, LedgerState, MessagePlan},
};
use tributary_telemetry::Metrics;

use super::bisect::Bisect;

/// The first wait after a transient failure; doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Applies plans and commands for the partitions of its claim.
pub(crate) struct LedgerActor {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// Gives up on a database that does not come back.
    pub(crate) stopping: CancellationToken,
    /// Taken out while a batch is applied.
    pub(crate) state: Option<LedgerState>,
}

/// Apply these plans, in this order.
#[derive(Debug)]
pub(crate) struct Apply(pub(crate) Vec<MessagePlan>);

/// Apply the commands that wait.
#[derive(Debug)]
pub(crate) struct Commands;

/// Put these messages at the end of their tenant's held lane.
#[derive(Debug)]
pub(crate) struct Hold(pub(crate) HoldAgain);

/// This tenant has no held messages: they were removed otherwise than by applying them.
#[derive(Debug)]
pub(crate) struct Forget(pub(crate) TenantId);

/// How a batch ended.
#[derive(Debug)]
pub(crate) enum ApplyOutcome {
    /// All of it is committed, some of it perhaps as parked.
    Done(Applied),
    /// What was committed before; and what has to be planned again, because these tenants' configuration changed.
    Stale(Applied, Vec<TenantId>, Vec<MessagePlan>),
    /// Whether the batch was committed is not known: claim again and read the progress.
    Lost(&'static str),
    /// Another process owns a partition now; this one has to stop.
    Fenced,
    /// The house stops.
    Stopped,
}

/// The answer, and the tenants that hold messages after it.
pub(crate) type Answer = (ApplyOutcome, Arc<HashSet<TenantId>>);

impl Message for Apply {
    type Result = Answer;
}

impl Message for Commands {
    type Result = (Result<Vec<CommandOutcome>, StoreError>, Arc<HashSet<TenantId>>);
}

impl Message for Hold {
    type Result = (Result<(), StoreError>, Arc<HashSet<TenantId>>);
}

impl Message for Forget {
    type Result = Arc<HashSet<TenantId>>;
}

impl Actor for LedgerActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.set_mailbox_capacity(2);
    }
}

impl Handler<Apply> for LedgerActor {
    type Result = AtomicResponse<Self, Answer>;

    fn handle(&mut self, Apply(plans): Apply, _: &mut Context<Self>) -> Self::Result {
        let mut work = match self.state.take() {
            Some(state) => self.work(state),
            None => return lost(self),
        };
        let applied = async move {
            let outcome = work.apply(plans).await;
            (outcome, work.state)
        };
        AtomicResponse::new(Box::pin(applied.into_actor(self).map(|(outcome, state), ledger, _| {
            let holding = Arc::new(state.holding.clone());
            ledger.state = Some(state);
            (outcome, holding)
        })))
    }
}

impl Handler<Commands> for LedgerActor {
    type Result = AtomicResponse<Self, <Commands as Message>::Result>;

    fn handle(&mut self, _: Commands, _: &mut Context<Self>) -> Self::Result {
        let state = self.state.take();
        let (store, now) = (self.store.clone(), self.clock.now());
        let applied = async move {
            let Some(mut state) = state else { return (Ok(Vec::new()), None) };
            let outcomes = store.apply_commands(&mut state, now).await;
            (outcomes, Some(state))
        };
        AtomicResponse::new(Box::pin(applied.into_actor(self).map(|(outcomes, state), ledger, _| {
            let holding = Arc::new(state.as_ref().map(|state| state.holding.clone()).unwrap_or_default());
            ledger.state = state;
            (outcomes, holding)
        })))
    }
}

impl Handler<Hold> for LedgerActor {
    type Result = AtomicResponse<Self, <Hold as Message>::Result>;

    fn handle(&mut self, Hold(again): Hold, _: &mut Context<Self>) -> Self::Result {
        let state = self.state.take();
        let (store, now) = (self.store.clone(), self.clock.now());
        let held = async move {
            // An earlier batch panicked: the feed begins again, and whoever asked does too.
            let Some(mut state) = state else { return (Err(StoreError::Contention), None) };
            (store.hold_again(&mut state, &again, now).await, Some(state))
        };
        AtomicResponse::new(Box::pin(held.into_actor(self).map(|(held, state), ledger, _| {
            let holding = Arc::new(state.as_ref().map(|state| state.holding.clone()).unwrap_or_default());
            ledger.state = state;
            (held, holding)
        })))
    }
}

impl Handler<Forget> for LedgerActor {
    type Result = Arc<HashSet<TenantId>>;

    fn handle(&mut self, Forget(tenant): Forget, _: &mut Context<Self>) -> Self::Result {
        let Some(state) = &mut self.state else { return Arc::default() };
        state.holding.remove(&tenant);
        Arc::new(state.holding.clone())
    }
}

fn lost(ledger: &LedgerActor) -> AtomicResponse<LedgerActor, Answer> {
    let answer = async { (ApplyOutcome::Lost("an earlier batch panicked"), Arc::default()) };
    AtomicResponse::new(Box::pin(answer.into_actor(ledger)))
}

impl LedgerActor {
    fn work(&self, state: LedgerState) -> Work {
        Work {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            metrics: self.metrics.clone(),
            stopping: self.stopping.clone(),
            state,
        }
    }
}

/// What a batch needs while it is applied.
pub(super) struct Work {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    stopping: CancellationToken,
    pub(super) state: LedgerState,
}

impl Work {
    async fn apply(&mut self, plans: Vec<MessagePlan>) -> ApplyOutcome {
        let mut bisect = Bisect::new(plans);
        let (mut wait, mut committed) = (FIRST_WAIT, 0);
        loop {
            match bisect.step(self).await {
                Ok(None) if bisect.committed() > committed => {
                    (wait, committed) = (FIRST_WAIT, bisect.committed());
                }
                Ok(None) => {}
                Ok(Some(outcome)) => return outcome,
                Err(error) => {
                    tracing::warn!(%error, "the ledger waits for the database");
                    // Reading may go on where writing does not: only another try tells.
                    tokio::select! {
                        () = self.stopping.cancelled() => return ApplyOutcome::Stopped,
                        () = tokio::time::sleep(wait) => {}
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }
}
