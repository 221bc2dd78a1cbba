//! One destination: its window, its breaker, its retries.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, MessageResult, SpawnHandle, WrapFuture};
use tokio::sync::oneshot;
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    breaker::{Admission, Breaker, BreakerConfig},
    committed::{Committed, CommittedAttempt},
    id::{DeliveryId, DestinationId, ProfileId, SourceId, TenantId},
    retry,
};
use tributary_store::{
    Store, StoreError,
    audit::Author,
    delivery::{AttemptRecord, DeliveryState, NewAttempt, Verdict},
    destination::DestinationState,
    ledger::ReadyDelivery,
};

use super::{
    attempt::{Attempted, Health, Means, Target, Tried, word},
    credential::{self, Standing},
    dispatcher::Tail,
    load::load_target,
    message::{Drain, Forget, Look, Offer, Reload},
    precedence::{self, Precedence},
    queue::Queue,
};

/// Attempts under way at a time.
const WINDOW: usize = 64;
/// How long results wait for others before they are recorded together.
const LINGER: Duration = Duration::from_millis(25);
/// How often the database is asked for what came due.
const LOOK: Duration = Duration::from_secs(5);
/// How far ahead of its time a delivery is loaded: it is in memory before those that are committed meanwhile, also
/// when the next look is late.
const HORIZON: Duration = Duration::from_secs(10);
/// The wait before the database is asked again to take what it did not.
const RETRY_WRITE: Duration = Duration::from_millis(200);
/// Most results in one transaction.
const RECORDED_AT_ONCE: usize = 512;

/// Sends the events of one destination.
pub(crate) struct DestinationActor {
    pub(super) tenant: TenantId,
    pub(super) destination: DestinationId,
    pub(super) store: Store,
    pub(super) credential: Standing,
    means: Means,
    jitter: fn() -> f64,
    tail: Tail,
    /// None: not loaded yet, not enabled, or not there any more, or its tenant is not.
    target: Option<Arc<Target>>,
    sources: HashMap<SourceId, String>,
    /// How often the configuration was asked for: only the last answer counts.
    loads: u64,
    queue: Queue,
    breaker: Breaker,
    in_flight: usize,
    /// Whose deliveries are being tried, or were and it is not recorded yet.
    trying: HashMap<DeliveryId, ProfileId>,
    results: Vec<NewAttempt>,
    is_recording: bool,
    /// It said that it is gone, and that is not written yet.
    is_disabling: bool,
    wake: Option<SpawnHandle>,
    draining: Vec<oneshot::Sender<()>>,
    is_draining: bool,
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
            credential: Standing::unknown(),
            means,
            jitter,
            tail,
            target: None,
            sources: HashMap::new(),
            loads: 0,
            queue: Queue::of_database(),
            breaker: Breaker::new(BreakerConfig::default()),
            in_flight: 0,
            trying: HashMap::new(),
            results: Vec::new(),
            is_recording: false,
            is_disabling: false,
            wake: None,
            draining: Vec::new(),
            is_draining: false,
        }
    }

    fn load_target(&mut self, context: &mut Context<Self>) {
        self.loads += 1;
        let number = self.loads;
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let load = async move { load_target(&store, tenant, destination).await };
        context.spawn(load.into_actor(self).map(move |loaded, actor, context| match loaded {
            // Answers may overtake each other: a newer one comes, or came.
            _ if actor.loads != number => {}
            Ok((target, sources)) => {
                // What it said of itself counts already, although it may not have been written when this was read.
                actor.target = target.filter(|_| !actor.is_disabling);
                if let Some(target) = &actor.target {
                    actor.credential.loaded(&target.credential, target.revision, actor.means.clock.now());
                }
                actor.sources = sources;
                actor.pump(context);
            }
            Err(error) => {
                tracing::warn!(%error, destination = %actor.destination, "the destination cannot be loaded yet");
                context.run_later(LOOK, move |actor, context| {
                    if actor.loads == number {
                        actor.load_target(context);
                    }
                });
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
            let credential = self.credential.admit(now);
            if let credential::Admission::Wait(until) = credential {
                again = until;
                break;
            }
            let Some(delivery) = self.queue.next(now) else {
                again = self.queue.next_due();
                break;
            };
            let admission = self.breaker.admit(now);
            if let Admission::Wait(until) = admission {
                self.queue.put_back(delivery);
                again = Some(until);
                break;
            }
            if credential == credential::Admission::Probe {
                self.credential.probes();
            }
            self.send(Arc::clone(&target), delivery, admission == Admission::Probe, context);
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

    fn send(
        &mut self,
        target: Arc<Target>,
        delivery: ReadyDelivery,
        is_probe: bool,
        context: &mut Context<Self>,
    ) {
        self.in_flight += 1;
        self.trying.extend(delivery.event.profile.map(|profile| (delivery.delivery, profile)));
        let (revision, platform) = (target.revision, target.platform.name());
        let source = self.sources.get(&delivery.event.source).cloned().unwrap_or_default();
        let (means, store) = (self.means.clone(), self.store.clone());
        let attempt = async move {
            match precedence::of(&store, &delivery, &*means.clock).await {
                Precedence::Go => means.attempt(target, delivery, source).await,
                Precedence::Wait(until) => (delivery, Attempted::Postponed(until)),
                Precedence::Never => {
                    let tried = Tried::nothing_to_follow(means.clock.now());
                    (delivery, Attempted::Tried(Box::new(tried)))
                }
            }
        };
        context.spawn(attempt.into_actor(self).map(move |(delivery, attempted), actor, context| {
            actor.in_flight -= 1;
            let tried = match attempted {
                Attempted::Tried(tried) => *tried,
                Attempted::Postponed(until) => {
                    actor.report(Health::Unknown, is_probe);
                    actor.credential.withdrawn();
                    // It waits again: an erasure finds it in the queue, and waits for nothing.
                    actor.trying.remove(&delivery.delivery);
                    actor.queue.postpone(delivery, until);
                    actor.answer_drained();
                    actor.pump(context);
                    return;
                }
            };
            actor.queue.tried(&delivery);
            actor.report(tried.health, is_probe);
            if let Outcome::Disable { reason } | Outcome::Suspend { reason } = &tried.outcome {
                actor.disable(revision, reason.clone(), context);
            }
            let now = actor.means.clock.now();
            actor.credential.tried(revision, &tried, now, &actor.means.metrics, platform);
            actor.write_credential(context);
            actor.tried(delivery, tried, context);
            actor.pump(context);
        }));
    }

    /// Tells the breaker what an attempt says of the destination. One that never reached it says nothing.
    fn report(&mut self, health: Health, is_probe: bool) {
        let now = self.means.clock.now();
        match health {
            Health::Well => self.breaker.succeeded(),
            Health::Ill => self.breaker.failed(now, (self.jitter)()),
            Health::Unknown if is_probe => self.breaker.withdrawn(now),
            Health::Unknown => {}
        }
    }

    fn tried(&mut self, mut delivery: ReadyDelivery, tried: Tried, context: &mut Context<Self>) {
        let now = self.means.clock.now();
        delivery.attempts += 1;
        let (verdict, why) = match &tried.outcome {
            Outcome::Delivered => (Verdict::Delivered, None),
            Outcome::Permanent { reason } | Outcome::Disable { reason } => {
                (Verdict::Failed, Some(reason.clone()))
            }
            // It waits for a person, and is not to be given up meanwhile.
            Outcome::Hold { reason, .. } | Outcome::Suspend { reason } => {
                (Verdict::Retry { due_at: now }, Some(reason.clone()))
            }
            Outcome::Retry { after, reason } => {
                // One that was replayed has as many tries as at first.
                let tries = delivery.attempts.saturating_sub(delivery.before);
                match retry::next_delay(tries, (self.jitter)(), *after) {
                    Some(delay) => (Verdict::Retry { due_at: now.plus(delay) }, Some(reason.clone())),
                    None => (Verdict::Failed, Some(format!("given up after {tries} tries: {reason}"))),
                }
            }
        };
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
            answer_removed: false,
        };
        self.tell(delivery.event.source, &attempt, verdict);
        let is_replay = delivery.before > 0;
        self.results.push(NewAttempt { attempt, verdict, source: delivery.event.source, is_replay });
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
                    context.run_later(RETRY_WRITE, |actor, context| actor.record(context));
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
    fn recorded(&mut self, batch: &[NewAttempt]) {
        for tried in batch {
            self.queue.forget(tried.attempt.delivery);
            self.trying.remove(&tried.attempt.delivery);
        }
    }

    /// The destination of this revision said that it is gone. Many attempts hear that at once: the first one counts.
    fn disable(&mut self, revision: u64, reason: String, context: &mut Context<Self>) {
        if self.target.as_ref().is_some_and(|target| target.revision == revision) {
            self.target = None;
            self.is_disabling = true;
            self.write_disabled(revision, reason, context);
        }
    }

    /// Writes that the destination is out of service; tries again until the database takes it.
    fn write_disabled(&mut self, revision: u64, reason: String, context: &mut Context<Self>) {
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let author = Author::new("destination", self.means.clock.now());
        let write = async move {
            let (scope, state) = (store.tenant(tenant), DestinationState::Disabled);
            let outcome =
                scope.set_destination_state(destination, Some(revision), state, &reason, &author).await;
            (reason, outcome)
        };
        context.spawn(write.into_actor(self).map(move |(reason, outcome), actor, context| {
            match outcome {
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, destination = %actor.destination, "the destination is not marked as disabled yet");
                    context.run_later(RETRY_WRITE, move |actor, context| {
                        actor.write_disabled(revision, reason, context);
                    });
                    return;
                }
                // Where it was changed or deleted meanwhile, that counts.
                Ok(_) | Err(StoreError::Conflict { .. } | StoreError::NotFound { .. }) => {
                    actor.is_disabling = false;
                    actor.load_target(context);
                }
                Err(error) => {
                    tracing::error!(%error, destination = %actor.destination, "the destination is not marked as disabled");
                    actor.is_disabling = false;
                }
            }
            actor.answer_drained();
        }));
    }

    fn load_pending(&mut self, context: &mut Context<Self>) {
        let Some(page) = self.queue.begin_load() else { return };
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let until = self.means.clock.now().plus(HORIZON);
        let load = async move { store.tenant(tenant).ready_deliveries(destination, until, page).await };
        context.spawn(load.into_actor(self).map(move |loaded, actor, context| {
            let loaded = loaded.inspect_err(|error| {
                tracing::warn!(%error, destination = %actor.destination, "pending deliveries cannot be read yet");
            });
            // What is transient is tried again at the next occasion, and not in a loop.
            let goes_on = !loaded.as_ref().is_err_and(StoreError::is_transient);
            actor.queue.end_load(loaded, actor.means.clock.now());
            if goes_on {
                actor.pump(context);
            }
        }));
    }

    pub(super) fn answer_drained(&mut self) {
        let is_written = self.results.is_empty()
            && !self.is_recording
            && !self.is_disabling
            && self.credential.is_written();
        if self.in_flight == 0 && is_written {
            for waiting in self.draining.drain(..) {
                // Who waited may be gone.
                let _ = waiting.send(());
            }
        }
    }
}

impl Actor for DestinationActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.load_target(context);
        context.run_interval(LOOK, |actor, context| {
            actor.queue.look_again();
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

impl Handler<Look> for DestinationActor {
    type Result = ();

    fn handle(&mut self, _: Look, context: &mut Context<Self>) {
        self.queue.look_again();
        self.pump(context);
    }
}

impl Handler<Reload> for DestinationActor {
    type Result = ();

    fn handle(&mut self, _: Reload, context: &mut Context<Self>) {
        self.load_target(context);
    }
}

impl Handler<Forget> for DestinationActor {
    type Result = bool;

    fn handle(&mut self, Forget(people): Forget, _: &mut Context<Self>) -> bool {
        let is_reading = self.queue.forget_people(&people);
        is_reading || self.trying.values().any(|profile| people.contains(profile))
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
