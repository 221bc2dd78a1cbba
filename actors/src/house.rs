//! The running house: starts the actors, tells them what changed, and has them finish.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Runtime,
    sync::{Notify, broadcast, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    committed::Committed,
    health::Health,
    id::{CommandId, DestinationId, MessageId, ProfileId, TenantId},
    partition::PartitionSet,
    quota::Month,
    time::Clock,
};
use tributary_egress::Egress;
use tributary_journal::{Entry, Journal, ReadLimit};
use tributary_store::{
    Store,
    ledger::{CommandOutcome, HoldAgain},
};
use tributary_telemetry::Metrics;

use crate::{
    Faults,
    destination::{Dispatcher, Tail},
    feed::{self, Feed, Replays},
    registry::Registry,
    supervision::Arbiters,
};

/// How many committed things a slow watcher may lag behind before it misses some.
const TAIL: usize = 4_096;
/// How often idle sources are let go, and the calendar is looked at.
const SWEEP: Duration = Duration::from_secs(60);

/// What the house is made of.
pub struct HouseParts {
    /// The runtime that everything shares.
    pub runtime: &'static Runtime,
    /// The database.
    pub store: Store,
    /// The accepted messages.
    pub journal: Arc<dyn Journal>,
    /// The client for deliveries.
    pub egress: Egress,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// A random number from 0 up to 1, to spread retries.
    pub jitter: fn() -> f64,
    /// Where to count.
    pub metrics: Metrics,
    /// The name of this process as an owner of partitions.
    pub owner: String,
    /// Threads for evaluation, and as many for delivery.
    pub threads: usize,
    /// Called first on the threads for evaluation: to give them a priority of their own.
    pub on_evaluation_thread: fn(),
    /// The same for the ledger's thread.
    pub on_ledger_thread: fn(),
    /// Planted faults; none outside tests.
    pub faults: Faults,
}

impl fmt::Debug for HouseParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HouseParts").field("owner", &self.owner).finish_non_exhaustive()
    }
}

/// The actors at work. A clone is the same house.
#[derive(Clone)]
pub struct House {
    feed: Arc<Feed>,
    tasks: TaskTracker,
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("owner", &self.feed.owner).finish_non_exhaustive()
    }
}

impl House {
    /// Starts the actors. Has to be called on the System's own thread.
    pub fn start(parts: HouseParts) -> Self {
        let HouseParts {
            runtime,
            store,
            journal,
            egress,
            clock,
            jitter,
            metrics,
            owner,
            threads,
            on_evaluation_thread,
            on_ledger_thread,
            faults,
        } = parts;
        let arbiters = Arc::new(Arbiters::start(runtime, threads, on_evaluation_thread, on_ledger_thread));
        let (tail, _) = broadcast::channel(TAIL);
        let dispatcher = Dispatcher::new(
            store.clone(),
            Arc::clone(&arbiters),
            egress,
            Arc::clone(&clock),
            metrics.clone(),
            jitter,
            Tail(tail.clone()),
        )
        .hurried(faults.hurry());
        let registry = Arc::new(Registry::new(store.clone(), Arc::clone(&arbiters), metrics.clone(), faults));
        let feed = Arc::new(Feed {
            journal,
            store,
            registry,
            dispatcher: Arc::new(dispatcher),
            arbiters,
            clock,
            metrics,
            partitions: PartitionSet::all(),
            owner,
            tail,
            outcomes: broadcast::channel(TAIL).0,
            replays: Replays::default(),
            nudge: Notify::new(),
            committed: watch::Sender::new(0),
            stopping: CancellationToken::new(),
            fatal: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn_on(feed::run(Arc::clone(&feed)), runtime.handle());
        tasks.spawn_on(sweep(Arc::clone(&feed)), runtime.handle());
        Self { feed, tasks }
    }

    /// A tenant's configuration was committed: what is evaluated and delivered from now on goes by it, at the latest
    /// when it is committed.
    pub fn configuration_changed(&self, tenant: TenantId) {
        self.feed.registry.refresh(tenant);
        self.feed.nudge.notify_one();
        let feed = Arc::clone(&self.feed);
        self.tasks.spawn(async move { feed.dispatcher.refresh(tenant).await });
    }

    /// Has the ledger look for commands, and waits for the outcome of this one; nothing when it does not come to it
    /// within `patience`.
    pub async fn apply_command(&self, command: CommandId, patience: Duration) -> Option<CommandOutcome> {
        let mut outcomes = self.feed.outcomes.subscribe();
        self.feed.nudge.notify_one();
        let outcome = async {
            loop {
                match outcomes.recv().await {
                    Ok(outcome) if outcome.command == command => return Some(outcome),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        tokio::time::timeout(patience, outcome).await.ok().flatten()
    }

    /// Has the ledger put messages into their tenant's held lane, and waits until it did; says whether it did. Where it did
    /// not, or not within `patience`, the operation that asked tells how far it came.
    pub async fn hold_again(&self, again: HoldAgain, patience: Duration) -> bool {
        let told = self.feed.replays.ask(again);
        self.feed.nudge.notify_one();
        tokio::time::timeout(patience, told).await.is_ok_and(|told| told.is_ok())
    }

    /// Deliveries of these destinations were made pending again: they are looked for now.
    pub async fn look_for_deliveries(
        &self,
        tenant: TenantId,
        destinations: impl IntoIterator<Item = DestinationId>,
    ) {
        self.feed.dispatcher.look(tenant, destinations).await;
    }

    /// How sending to a destination goes; nothing: it was sent nothing since this began.
    pub async fn destination_health(&self, tenant: TenantId, destination: DestinationId) -> Option<Health> {
        self.feed.dispatcher.examine(tenant, destination).await
    }

    /// The access token that requests to a destination of this revision take now, as deliveries get it, and another one than one that was not taken;
    /// nothing where they take none. It matters not whether the destination is enabled.
    ///
    /// # Errors
    /// What there being none would mean for a delivery.
    pub async fn access(
        &self,
        tenant: TenantId,
        destination: DestinationId,
        revision: u64,
        rejected: Option<&str>,
    ) -> Result<Option<String>, Outcome> {
        self.feed.dispatcher.access(tenant, destination, revision, rejected).await
    }

    /// Has the ledger look for commands. Does not wait.
    pub fn look_for_commands(&self) {
        self.feed.nudge.notify_one();
    }

    /// Sends nothing more of people whose waiting deliveries were given up. Says whether nothing of them is under way any
    /// more: an attempt that has begun is waited for, not cut off.
    pub async fn forget_people(&self, tenant: TenantId, people: &[ProfileId]) -> bool {
        self.feed.dispatcher.forget_people(tenant, people).await
    }

    /// Waits until everything that is accepted by now is committed. Says whether that came to be within `patience`.
    pub async fn catch_up(&self, patience: Duration) -> bool {
        let tail = self.feed.journal.tail();
        let mut committed = self.feed.committed.subscribe();
        let all = committed.wait_for(|committed| *committed >= tail);
        matches!(tokio::time::timeout(patience, all).await, Ok(Ok(_)))
    }

    /// Has everything that is accepted by now committed, and its copies in the journal deleted. Says whether that came to be
    /// within `patience`.
    pub async fn clear_journal(&self, patience: Duration) -> bool {
        let journal = &self.feed.journal;
        if !journal.part().await {
            return false;
        }
        let tail = journal.tail();
        if !self.catch_up(patience).await {
            return false;
        }
        match journal.release(tail).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "the journal's space is not given back");
                false
            }
        }
    }

    /// What is committed from now on. A watcher that is too slow misses the oldest, and is told how many.
    pub fn tail(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.feed.tail.subscribe()
    }

    /// Whose message this is, if it is accepted and not yet committed: looks through what the ledger has not come to.
    pub async fn tenant_of_accepted(&self, message: MessageId) -> Option<TenantId> {
        const STEP: ReadLimit = ReadLimit { messages: 4_096, bytes: 16 << 20 };
        // Just after a start it is not known yet what is committed; what is not kept any more is.
        let released = self.feed.journal.first().saturating_sub(1);
        let (mut after, tail) = (self.feed.committed().max(released), self.feed.journal.tail());
        while after < tail {
            let Ok(batch) = self.feed.journal.read(PartitionSet::all(), after, STEP).await else {
                return None;
            };
            let is_it = |entry: &&Entry| entry.message.message == message;
            if let Some(found) = batch.entries.iter().find(is_it) {
                return Some(found.message.tenant);
            }
            after = batch.through;
        }
        None
    }

    /// How many accepted messages wait for the ledger, at most.
    pub fn backlog(&self) -> u64 {
        self.feed.journal.tail().saturating_sub(self.feed.committed())
    }

    /// Resolves when the house cannot go on and the process has to stop.
    pub async fn failed(&self) {
        self.feed.fatal.cancelled().await;
    }

    /// Finishes: no new batch is begun, what is under way is committed, attempts end and are recorded. Says whether
    /// all of that happened within `deadline`; what did not is done after the next start.
    pub async fn drain(&self, deadline: Duration) -> bool {
        let began = Instant::now();
        self.feed.stopping.cancel();
        self.tasks.close();
        let fed = tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok();
        let delivered = self.feed.dispatcher.drain(deadline.saturating_sub(began.elapsed())).await;
        self.feed.arbiters.stop();
        fed && delivered
    }
}

async fn sweep(feed: Arc<Feed>) {
    let mut month = Month::of(feed.clock.now());
    loop {
        tokio::select! {
            () = feed.stopping.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => feed.registry.sweep(),
        }
        let now = Month::of(feed.clock.now());
        if now != month {
            month = now;
            // What was held for the quota of the month before goes on.
            feed.nudge.notify_one();
        }
    }
}
