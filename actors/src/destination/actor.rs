//! One destination: its window, its breaker, its retries.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, SpawnHandle, WrapFuture,
};
use tokio::sync::oneshot;
use tributary_connectors::destinations::{self, Outcome};
use tributary_domain::{
    breaker::{Admission, Breaker, BreakerConfig},
    committed::{Committed, CommittedAttempt},
    id::{DestinationId, SourceId, TenantId},
    retry,
};
use tributary_store::{
    Store, StoreError,
    audit::Author,
    delivery::{AttemptRecord, DeliveryState, Verdict},
    destination::DestinationState,
    ledger::ReadyDelivery,
};

use super::{
    attempt::{Means, Target, Tried, word},
    dispatcher::Tail,
    queue::Queue,
};

/// Attempts under way at a time.
const WINDOW: usize = 64;
/// How long results wait for others before they are recorded together.
const LINGER: Duration = Duration::from_millis(10);
/// How often the database is asked for what came due.
const LOOK: Duration = Duration::from_secs(5);
/// Most results in one transaction.
const RECORDED_AT_ONCE: usize = 512;

/// Sends the events of one destination.
pub(crate) struct DestinationActor {
    tenant: TenantId,
    destination: DestinationId,
    store: Store,
    means: Means,
    jitter: fn() -> f64,
    tail: Tail,
    /// None: not loaded yet, not enabled, or not there any more.
    target: Option<Arc<Target>>,
    sources: HashMap<SourceId, String>,
    queue: Queue,
    breaker: Breaker,
    in_flight: usize,
    results: Vec<(AttemptRecord, Verdict)>,
    is_recording: bool,
    wake: Option<SpawnHandle>,
    draining: Vec<oneshot::Sender<()>>,
    is_draining: bool,
}

/// Deliveries that were just committed.
#[derive(Debug)]
pub(super) struct Offer(pub(super) Vec<ReadyDelivery>);

/// The configuration may be another: load it again.
#[derive(Debug)]
pub(super) struct Reload;

/// Begin nothing new; the receiver hears when everything under way has ended and is recorded.
#[derive(Debug)]
pub(super) struct Drain;

impl Message for Offer {
    type Result = ();
}

impl Message for Reload {
    type Result = ();
}

impl Message for Drain {
    type Result = oneshot::Receiver<()>;
}

impl DestinationActor {
    pub(super) fn new(
        tenant: TenantId,
        destination: DestinationId,
        store: Store,
        means: Means,
        jitter: fn() -> f64,
        tail: Tail,
    ) -> Self {
        Self {
            tenant,
            destination,
            store,
            means,
            jitter,
            tail,
            target: None,
            sources: HashMap::new(),
            queue: Queue::of_database(),
            breaker: Breaker::new(BreakerConfig::default()),
            in_flight: 0,
            results: Vec::new(),
            is_recording: false,
            wake: None,
            draining: Vec::new(),
            is_draining: false,
        }
    }

    fn load_target(&mut self, context: &mut Context<Self>) {
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let load = async move { load_target(&store, tenant, destination).await };
        context.spawn(load.into_actor(self).map(|loaded, actor, context| match loaded {
            Ok((target, sources)) => {
                actor.target = target;
                actor.sources = sources;
                actor.pump(context);
            }
            Err(error) => {
                tracing::warn!(%error, destination = %actor.destination, "the destination cannot be loaded yet");
                context.run_later(LOOK, |actor, context| actor.load_target(context));
            }
        }));
    }

    /// Sends what may be sent now, and arranges to be called when more may.
    fn pump(&mut self, context: &mut Context<Self>) {
        if self.is_draining {
            return;
        }
        let Some(target) = self.target.clone() else { return };
        let now = self.means.clock.now();
        let mut again = None;
        while self.in_flight < WINDOW {
            let Some(delivery) = self.queue.next(now) else {
                again = self.queue.next_due();
                break;
            };
            if let Admission::Wait(until) = self.breaker.admit(now) {
                self.queue.put_back(delivery);
                again = Some(until);
                break;
            }
            self.send(Arc::clone(&target), delivery, context);
        }
        if let Some(at) = again {
            if let Some(earlier) = self.wake.take() {
                context.cancel_future(earlier);
            }
            let wait = at.since(now).max(Duration::from_millis(1));
            self.wake = Some(context.run_later(wait, |actor, context| {
                actor.wake = None;
                actor.pump(context);
            }));
        }
        if self.queue.wants_more() {
            self.load_pending(context);
        }
    }

    fn send(&mut self, target: Arc<Target>, delivery: ReadyDelivery, context: &mut Context<Self>) {
        self.in_flight += 1;
        let source = self.sources.get(&delivery.event.source).cloned().unwrap_or_default();
        let attempt = self.means.clone().attempt(target, delivery, source);
        context.spawn(attempt.into_actor(self).map(|(delivery, tried), actor, context| {
            actor.in_flight -= 1;
            actor.queue.tried(&delivery);
            actor.tried(delivery, tried, context);
            actor.pump(context);
        }));
    }

    fn tried(&mut self, mut delivery: ReadyDelivery, tried: Tried, context: &mut Context<Self>) {
        let now = self.means.clock.now();
        if tried.unhealthy {
            self.breaker.failed(now, (self.jitter)());
        } else {
            self.breaker.succeeded();
        }
        delivery.attempts += 1;
        let (verdict, why) = match &tried.outcome {
            Outcome::Delivered => (Verdict::Delivered, None),
            Outcome::Permanent { reason } | Outcome::Disable { reason } => {
                (Verdict::Failed, Some(reason.clone()))
            }
            Outcome::Retry { after, reason } => {
                match retry::next_delay(delivery.attempts, (self.jitter)(), *after) {
                    Some(delay) => (Verdict::Retry { due_at: now.plus(delay) }, Some(reason.clone())),
                    None => (
                        Verdict::Failed,
                        Some(format!("given up after {} tries: {reason}", delivery.attempts)),
                    ),
                }
            }
        };
        if let Outcome::Disable { reason } = &tried.outcome {
            self.disable(reason.clone(), context);
        }
        let attempt = AttemptRecord {
            delivery: delivery.delivery,
            number: delivery.attempts,
            started_at: tried.started,
            duration: tried.took,
            outcome: word(&tried.outcome).to_owned(),
            http_status: tried.status,
            response_headers: tried.headers,
            response_body: tried.body.to_vec(),
            is_truncated: tried.truncated,
            error: tried.error.or(why),
        };
        self.tell(delivery.event.source, &attempt, verdict);
        self.results.push((attempt, verdict));
        if !self.is_recording {
            self.is_recording = true;
            context.run_later(LINGER, |actor, context| actor.record(context));
        }
    }

    fn tell(&self, source: SourceId, attempt: &AttemptRecord, verdict: Verdict) {
        let (state, next) = match verdict {
            Verdict::Delivered => (DeliveryState::Delivered, None),
            Verdict::Retry { due_at } => (DeliveryState::Pending, Some(due_at)),
            Verdict::Failed => (DeliveryState::Failed, None),
        };
        // Nobody watches: fine.
        let _ = self.tail.0.send(Arc::new(Committed::Attempt(CommittedAttempt {
            tenant: self.tenant,
            source,
            delivery: attempt.delivery,
            destination: self.destination,
            state: state.code(),
            attempts: attempt.number,
            at: attempt.ended_at(),
            next,
            http_status: attempt.http_status,
            error: attempt.error.clone(),
        })));
    }

    /// Writes what came of attempts, many at once; tries again until the database takes it.
    fn record(&mut self, context: &mut Context<Self>) {
        let rest = self.results.split_off(self.results.len().min(RECORDED_AT_ONCE));
        let batch = std::mem::replace(&mut self.results, rest);
        let (store, tenant) = (self.store.clone(), self.tenant);
        let write = async move {
            let outcome = store.tenant(tenant).record_attempts(&batch).await;
            (batch, outcome)
        };
        context.spawn(write.into_actor(self).map(|(batch, outcome), actor, context| {
            match outcome {
                Ok(()) => actor.recorded(&batch),
                Err(error) => {
                    tracing::warn!(%error, attempts = batch.len(), "attempts are not recorded yet");
                    actor.results.splice(..0, batch);
                    context.run_later(Duration::from_millis(200), |actor, context| actor.record(context));
                    return;
                }
            }
            if actor.results.is_empty() {
                actor.is_recording = false;
                actor.answer_drained();
            } else {
                actor.record(context);
            }
            actor.pump(context);
        }));
    }

    /// A retry is found again in the database when it is due.
    fn recorded(&mut self, batch: &[(AttemptRecord, Verdict)]) {
        for (attempt, _) in batch {
            self.queue.forget(attempt.delivery);
        }
    }

    fn disable(&mut self, reason: String, context: &mut Context<Self>) {
        self.target = None;
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let author = Author::new("destination", self.means.clock.now());
        let write = async move {
            let scope = store.tenant(tenant);
            scope.set_destination_state(destination, DestinationState::Disabled, &reason, &author).await
        };
        context.spawn(write.into_actor(self).map(|outcome, actor, _| {
            if let Err(error) = outcome {
                tracing::error!(%error, destination = %actor.destination, "the destination is not marked as disabled");
            }
        }));
    }

    fn load_pending(&mut self, context: &mut Context<Self>) {
        let Some(room) = self.queue.begin_load() else { return };
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let until = self.means.clock.now().plus(LOOK);
        let load = async move { store.tenant(tenant).ready_deliveries(destination, until, room).await };
        context.spawn(load.into_actor(self).map(move |loaded, actor, context| {
            let loaded = loaded.inspect_err(|error| {
                tracing::warn!(%error, destination = %actor.destination, "pending deliveries cannot be read yet");
            });
            let is_read = loaded.is_ok();
            actor.queue.end_load(loaded.ok(), room, actor.means.clock.now());
            if is_read {
                actor.pump(context);
            }
        }));
    }

    fn answer_drained(&mut self) {
        if self.in_flight == 0 && self.results.is_empty() && !self.is_recording {
            for waiting in self.draining.drain(..) {
                // Who waited may be gone.
                let _ = waiting.send(());
            }
        }
    }
}

type Loaded = (Option<Arc<Target>>, HashMap<SourceId, String>);

async fn load_target(
    store: &Store,
    tenant: TenantId,
    destination: DestinationId,
) -> Result<Loaded, StoreError> {
    let scope = store.tenant(tenant);
    let record = match scope.destination(destination).await {
        Err(StoreError::NotFound { .. }) => return Ok((None, HashMap::new())),
        record => record?,
    };
    let platform = destinations::find(&record.platform).filter(|_| record.state == DestinationState::Enabled);
    let Some(platform) = platform else { return Ok((None, HashMap::new())) };
    let secrets = scope.destination_secrets(destination).await?;
    let target = Target {
        platform,
        settings: record.settings,
        secrets: secrets.into_iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect(),
        event_names: record.event_names,
    };
    Ok((Some(Arc::new(target)), scope.source_names().await?))
}

impl Actor for DestinationActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.load_target(context);
        context.run_interval(LOOK, |actor, context| {
            actor.queue.has_more = true;
            actor.pump(context);
        });
    }
}

impl Handler<Offer> for DestinationActor {
    type Result = ();

    fn handle(&mut self, Offer(deliveries): Offer, context: &mut Context<Self>) {
        let now = self.means.clock.now();
        deliveries.into_iter().for_each(|delivery| self.queue.offer(delivery, now));
        self.pump(context);
    }
}

impl Handler<Reload> for DestinationActor {
    type Result = ();

    fn handle(&mut self, _: Reload, context: &mut Context<Self>) {
        self.load_target(context);
    }
}

impl Handler<Drain> for DestinationActor {
    type Result = MessageResult<Drain>;

    fn handle(&mut self, _: Drain, _: &mut Context<Self>) -> Self::Result {
        let (done, drained) = oneshot::channel();
        self.is_draining = true;
        self.draining.push(done);
        self.answer_drained();
        MessageResult(drained)
    }
}
