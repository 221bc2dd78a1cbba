//! Works on operations in the background: one step of each that runs, one after the other, so that none waits for
//! another. Steps are small, and followed by a rest: live messages and deliveries come first.

mod erase;

use std::{collections::HashSet, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tributary_actors::House;
use tributary_domain::{id::TenantId, time::Clock};
use tributary_journal::Accepted;
use tributary_store::{
    Store, StoreError,
    ledger::{Again, HoldAgain},
    message::{MessageRecord, SignatureStatus},
    operation::{OperationKind, OperationRecord, OperationState},
    tenant::TenantState,
};

use super::backtest::Backtests;

/// How often it is looked for operations where nobody says that there is one.
const LOOK: Duration = Duration::from_secs(30);
/// How long it rests after an error.
const AFTER_ERROR: Duration = Duration::from_secs(5);
/// A round is followed by a rest as long as itself: others write in between.
const SHORTEST_REST: Duration = Duration::from_millis(10);
/// How long a tenant that is suspended is left alone.
const ASLEEP: Duration = Duration::from_secs(1);
/// Messages of an operation in the held lane at once. What the tenant's sources accept meanwhile waits behind them.
const LANE: u64 = 64;
/// Messages are put there when no more than so many are left.
const LOW: usize = 16;
/// Most bytes of bodies that are put there at once.
const BYTES: usize = 4 << 20;
/// Deliveries that are made pending in one transaction.
const DELIVERIES: u64 = 100;
/// How long after the start, and then how often, what was committed is deleted from the journal however little came: so
/// bounded is the time that a copy of a message lies there.
const FIRST_CLEARING: Duration = Duration::from_secs(10 * 60);
const CLEARING: Duration = Duration::from_secs(12 * 60 * 60);
/// How long the ledger may take to come to what it is asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// What it works with.
pub(super) struct Worker {
    pub(super) store: Store,
    pub(super) house: House,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) backtests: Backtests,
}

/// What came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// There is more to do.
    Further,
    /// It waits for the ledger.
    Waiting,
    /// It waits for its tenant to go on.
    Asleep,
    /// It has ended.
    Ended,
}

/// Works on operations until `stop` is cancelled; `asked` says that there may be one.
pub(super) async fn run(worker: Worker, asked: Arc<Notify>, stop: CancellationToken) {
    // When it was last seen that nothing is left of operations that ended.
    let mut tidy = None;
    let mut patience = SHORTEST_REST;
    let mut clearing = Instant::now() + FIRST_CLEARING;
    loop {
        let began = Instant::now();
        if began >= clearing {
            // Where the ledger is behind, the next time will do.
            worker.house.clear_journal(PATIENCE).await;
            clearing = began + CLEARING;
        }
        let step = worker.round(&mut tidy).await;
        // The lane may stand still for weeks, where a month is used up.
        patience = if let Ok(Some(Step::Waiting)) = step { ASLEEP.min(patience * 2) } else { SHORTEST_REST };
        let rest = match step {
            Ok(None) => LOOK,
            Ok(Some(Step::Asleep)) => ASLEEP,
            Ok(Some(Step::Waiting)) => patience,
            Ok(Some(_)) => began.elapsed().max(SHORTEST_REST),
            Err(error) => {
                tracing::warn!(%error, "operations cannot be looked for yet");
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = asked.notified(), if rest > AFTER_ERROR => {}
            () = sleep(rest) => {}
        }
    }
    worker.backtests.ended().await;
}

impl Worker {
    /// One step of each operation; says what the busiest came to, and nothing when none runs.
    async fn round(&self, tidy: &mut Option<Instant>) -> Result<Option<Step>, StoreError> {
        let running = self.store.running_operations().await?;
        let mut busiest = None;
        let erasing: HashSet<TenantId> =
            running.iter().filter(|found| is_erasure(found)).map(|found| found.tenant).collect();
        for operation in running {
            // What is erased must not be read, and written again, meanwhile.
            if !is_erasure(&operation) && erasing.contains(&operation.tenant) {
                continue;
            }
            let step = match self.step(&operation).await {
                Ok(step) => step,
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, operation = %operation.id, "an operation waits for the database");
                    Step::Asleep
                }
                // Half of a person must not be left: it goes on when somebody has mended what is wrong.
                Err(error) if is_erasure(&operation) => {
                    tracing::error!(%error, operation = %operation.id, "an erasure cannot go on yet");
                    Step::Asleep
                }
                Err(error) => self.fail(&operation, &error).await?,
            };
            busiest = busiest.into_iter().chain([step]).min();
        }
        if tidy.is_none_or(|last| busiest.is_none() || last.elapsed() > LOOK) {
            let more = self.store.forget_operations(self.clock.now()).await?;
            *tidy = (!more).then(Instant::now);
            busiest = if more { Some(Step::Further) } else { busiest };
        }
        Ok(busiest)
    }

    async fn step(&self, operation: &OperationRecord) -> Result<Step, StoreError> {
        // Whatever its tenant's state is: who is to be forgotten does not wait for that.
        if is_erasure(operation) {
            return self.erase(operation).await;
        }
        match self.store.tenants().get(operation.tenant).await {
            Ok(tenant) if tenant.state == TenantState::Suspended => {
                self.store.tenant(operation.tenant).settle_replay(operation.id, self.clock.now()).await?;
                return Ok(Step::Asleep);
            }
            Ok(_) => {}
            // It is deleted, and may come back.
            Err(StoreError::NotFound { .. }) => return Ok(Step::Asleep),
            Err(error) => return Err(error),
        }
        if operation.kind == OperationKind::BacktestWorkflow {
            self.backtests.take_up(operation.clone()).map_err(|error| StoreError::Other {
                message: format!("no thread can be started for a backtest: {error}"),
            })?;
            return Ok(Step::Waiting);
        }
        if operation.place.is_some() {
            let scope = self.store.tenant(operation.tenant);
            scope.choose_items(operation, self.clock.now()).await?;
            return Ok(Step::Further);
        }
        match operation.kind {
            OperationKind::ReplayMessages => self.messages(operation).await,
            OperationKind::ReplayDeliveries => self.deliveries(operation).await,
            OperationKind::EraseProfile => self.erase(operation).await,
            // It was taken up above.
            OperationKind::BacktestWorkflow => Ok(Step::Waiting),
        }
    }

    async fn messages(&self, operation: &OperationRecord) -> Result<Step, StoreError> {
        let scope = self.store.tenant(operation.tenant);
        let settled = scope.settle_replay(operation.id, self.clock.now()).await?;
        if settled.waiting > LOW {
            return Ok(Step::Waiting);
        }
        let room = LANE - settled.waiting as u64;
        let next = scope.next_replayed(operation.id, room, BYTES, self.clock.now()).await?;
        let Some(next) = next else {
            return if settled.waiting > 0 { Ok(Step::Waiting) } else { self.succeed(operation).await };
        };
        if next.is_empty() {
            return Ok(Step::Further);
        }
        let messages = next.into_iter().map(|record| again(operation.tenant, record)).collect();
        let again = HoldAgain { tenant: operation.tenant, operation: operation.id, messages };
        // Where it was not held, the next round asks again.
        self.house.hold_again(again, PATIENCE).await;
        Ok(Step::Further)
    }

    async fn deliveries(&self, operation: &OperationRecord) -> Result<Step, StoreError> {
        let scope = self.store.tenant(operation.tenant);
        let sent = scope.replay_deliveries(operation.id, DELIVERIES, self.clock.now()).await?;
        let Some(destinations) = sent else { return self.succeed(operation).await };
        self.house.look_for_deliveries(operation.tenant, destinations).await;
        Ok(Step::Further)
    }

    async fn succeed(&self, operation: &OperationRecord) -> Result<Step, StoreError> {
        let scope = self.store.tenant(operation.tenant);
        scope.end_operation(operation.id, OperationState::Succeeded, None, self.clock.now()).await?;
        tracing::info!(operation = %operation.id, tenant = %operation.tenant, "an operation is done");
        Ok(Step::Ended)
    }

    /// What stays wrong however often it is tried ends the operation.
    async fn fail(&self, operation: &OperationRecord, error: &StoreError) -> Result<Step, StoreError> {
        tracing::error!(%error, operation = %operation.id, "an operation failed");
        let scope = self.store.tenant(operation.tenant);
        let (state, error) = (OperationState::Failed, error.to_string());
        scope.end_operation(operation.id, state, Some(&error), self.clock.now()).await?;
        Ok(Step::Ended)
    }
}

fn is_erasure(operation: &OperationRecord) -> bool {
    operation.kind == OperationKind::EraseProfile
}

/// A message as the journal had it.
fn again(tenant: TenantId, record: MessageRecord) -> Again {
    let MessageRecord { summary, headers, body, .. } = record;
    let accepted = Accepted {
        tenant,
        source: summary.source,
        message: summary.id,
        received: summary.received_at,
        signature_valid: summary.signature == SignatureStatus::Valid,
        trace_parent: summary.trace_parent,
        headers,
        body: Bytes::from(body),
    };
    Again {
        message: summary.id,
        source: summary.source,
        sequence: summary.seq,
        record: accepted.into_bytes(),
    }
}
