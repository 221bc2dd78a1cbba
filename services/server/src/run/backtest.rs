//! Backtests: one after the other, each on a thread of its own that comes last when the processor is busy, and rests between
//! its steps. What one found so far is in memory alone: after a restart of the server it begins anew.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    runtime::Handle,
    sync::Semaphore,
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tributary_domain::{
    id::{MessageId, OperationId},
    time::{Clock, Timestamp},
};
use tributary_planner::{Comparison, Configuration};
use tributary_store::{
    Store, StoreError, TenantScope,
    ledger::Rehearsal,
    message::MessageRecord,
    operation::{Backtest, Choice, MOST_ITEMS, OperationRecord, OperationState},
};

use super::priority::who_rehearses;

/// Most messages of a step.
const STEP: u64 = 256;
/// A step has so many bytes of bodies at most, but for its first message.
const BYTES: usize = 8 << 20;
/// It rests for this part of the time that it worked.
const REST: u32 = 4;
/// The shortest rest: who waits for what it used comes to it.
const SHORTEST_REST: Duration = Duration::from_millis(1);
/// How often it says how far it is.
const TOLD: Duration = Duration::from_millis(500);
/// How long it rests after an error that passes.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// The backtests of this process.
#[derive(Clone)]
pub(super) struct Backtests {
    store: Store,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
    /// Those that are under way, or wait for their turn.
    known: Arc<Mutex<HashSet<OperationId>>>,
    turn: Arc<Semaphore>,
    threads: TaskTracker,
}

impl Backtests {
    pub(super) fn new(store: Store, clock: Arc<dyn Clock>, stop: CancellationToken) -> Self {
        let turn = Arc::new(Semaphore::new(1));
        Self { store, clock, stop, known: Arc::default(), turn, threads: TaskTracker::new() }
    }

    /// Begins a backtest, unless it is under way.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn take_up(&self, operation: OperationRecord) -> std::io::Result<()> {
        let id = operation.id;
        if !self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            return Ok(());
        }
        let (own, runtime) = (self.clone(), Handle::current());
        let running = self.threads.token();
        let thread = std::thread::Builder::new().name("backtest".to_owned()).spawn(move || {
            who_rehearses();
            if runtime.block_on(AssertUnwindSafe(own.whole(&operation)).catch_unwind()).is_err() {
                let scope = own.store.tenant(operation.tenant);
                runtime.block_on(own.end(scope, operation.id, Some("a step of it panicked: see the log")));
            }
            own.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&operation.id);
            drop(running);
        });
        thread.map(drop).inspect_err(|_| {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        })
    }

    /// Waits until those that were under way have ended; they do with `stop`.
    pub(super) async fn ended(&self) {
        self.threads.close();
        self.threads.wait().await;
    }

    async fn whole(&self, operation: &OperationRecord) {
        let turn = tokio::select! {
            () = self.stop.cancelled() => return,
            turn = self.turn.acquire() => turn,
        };
        let Ok(_turn) = turn else { return };
        let Choice::Backtest(backtest) = &operation.choice else { return };
        let scope = self.store.tenant(operation.tenant);
        let done = tokio::select! {
            () = self.stop.cancelled() => return,
            done = self.compare(scope, operation, backtest) => done,
        };
        match done {
            Ok(()) => {
                tracing::info!(operation = %operation.id, tenant = %operation.tenant, "a backtest has ended")
            }
            // It is taken up again.
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, operation = %operation.id, "a backtest waits for the database");
                sleep(AFTER_ERROR).await;
            }
            Err(error) => {
                tracing::error!(%error, operation = %operation.id, "a backtest failed");
                let why = Some(error.to_string());
                self.end(scope, operation.id, why.as_deref()).await;
            }
        }
    }

    async fn end(&self, scope: TenantScope<'_>, operation: OperationId, error: Option<&str>) {
        let (state, now) = (OperationState::Failed, self.clock.now());
        if let Err(error) = scope.end_operation(operation, state, error, now).await {
            tracing::warn!(%error, %operation, "a backtest could not be ended: it begins anew");
        }
    }

    /// Compares all messages, and keeps what was found.
    async fn compare(
        &self,
        scope: TenantScope<'_>,
        operation: &OperationRecord,
        backtest: &Backtest,
    ) -> Result<(), StoreError> {
        let total = scope.count_messages(&backtest.filter, MOST_ITEMS + 1).await?;
        if total > MOST_ITEMS {
            let error =
                format!("more than {MOST_ITEMS} messages fit: choose fewer, such as by a shorter time");
            self.end(scope, operation.id, Some(&error)).await;
            return Ok(());
        }
        if !scope.begin_backtest(operation.id, total, self.clock.now()).await? {
            return Ok(());
        }
        let configuration = Configuration::compile(scope.snapshot(backtest.filter.source).await?)?;
        let mut work = Comparison::new(operation.tenant, backtest, configuration)?;
        let (mut rehearsal, mut told, mut ahead) = (Rehearsal::default(), Instant::now(), None);
        // Reading takes nothing from who commits, however much of it there is.
        let apart = self.store.apart(who_rehearses).await?;
        let reading = Reading { scope: apart.tenant(operation.tenant), backtest };
        loop {
            let began = Instant::now();
            match reading.step(ahead.take(), &mut work, &mut rehearsal, self.clock.now()).await {
                Ok(Some(next)) => ahead = Some(next),
                Ok(None) => break,
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, operation = %operation.id, "a backtest waits for the database");
                    sleep(AFTER_ERROR).await;
                }
                Err(error) => return Err(error),
            }
            if told.elapsed() >= TOLD {
                told = Instant::now();
                if !scope.backtest_progress(operation.id, work.done(), self.clock.now()).await? {
                    return Ok(());
                }
            }
            sleep((began.elapsed() / REST).max(SHORTEST_REST)).await;
        }
        scope.end_backtest(operation.id, work.report(), work.done(), self.clock.now()).await
    }
}

/// What a backtest reads.
struct Reading<'a> {
    scope: TenantScope<'a>,
    backtest: &'a Backtest,
}

impl Reading<'_> {
    /// Compares the next messages, those that were read `ahead` if any were, and reads ahead those that follow; nothing where
    /// there were none.
    async fn step(
        &self,
        ahead: Option<Vec<MessageRecord>>,
        work: &mut Comparison<'_>,
        rehearsal: &mut Rehearsal,
        now: Timestamp,
    ) -> Result<Option<Vec<MessageRecord>>, StoreError> {
        let records = match ahead {
            Some(records) => records,
            None => self.after(work.after()).await?,
        };
        let Some(last) = records.last().map(|record| record.summary.id) else { return Ok(None) };
        let plans = work.plan(records);
        let (rehearsed, next) =
            tokio::try_join!(self.scope.rehearse(rehearsal, plans, now), self.after(Some(last)))?;
        work.compare(&rehearsed, rehearsal.is_full());
        Ok(Some(next))
    }

    async fn after(&self, after: Option<MessageId>) -> Result<Vec<MessageRecord>, StoreError> {
        self.scope.messages_after(&self.backtest.filter, after, STEP, BYTES).await
    }
}
