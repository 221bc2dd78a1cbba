//! One destination: what it has to send, when it may, and what comes of it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, MessageResult, SpawnHandle, WrapFuture};
use tokio::sync::oneshot;
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    health,
    id::{DeliveryId, DestinationId, ProfileId, SourceId, TenantId},
    time::Timestamp,
};
use tributary_store::{Store, StoreError, delivery::NewAttempt, ledger::ReadyDelivery};

use super::{
    attempt::{Means, expired},
    credential::{self, Standing},
    dispatcher::Tail,
    gate::{Bounds, Gate, Way},
    message::{Drain, Examine, Forget, Look, Offer, Reload},
    queue::Queue,
    target::{self, Loaded, Target},
    tried::{Attempted, Health, Sent},
    turns::{Permit, Turns},
};

/// How often the database is asked for what came due.
const LOOK: Duration = Duration::from_secs(5);
/// So often at most, in any hurry.
const LEAST_LOOK: Duration = Duration::from_millis(250);
/// How far ahead of its time a delivery is loaded: it is in memory before those that are committed meanwhile, also
/// when the next look is late.
const HORIZON: Duration = Duration::from_secs(10);

/// Sends the events of one destination.
pub(crate) struct DestinationActor {
    pub(super) tenant: TenantId,
    pub(super) destination: DestinationId,
    pub(super) store: Store,
    pub(super) means: Means,
    pub(super) jitter: fn() -> f64,
    pub(super) tail: Tail,
    turns: Turns,
    /// Whether it waits for its turn, and the one that was just given.
    is_in_line: bool,
    permit: Option<Permit>,
    /// None: not loaded yet, not enabled, or not there any more, or its tenant is not.
    pub(super) target: Option<Arc<Target>>,
    /// The revision that was seen last.
    revision: Option<u64>,
    sources: Arc<HashMap<SourceId, String>>,
    /// How often the configuration was asked for: only the last answer counts.
    loads: u64,
    pub(super) queue: Queue,
    gate: Gate,
    pub(super) credential: Standing,
    /// Whose deliveries are being tried, or were and it is not recorded yet.
    pub(super) trying: HashMap<DeliveryId, ProfileId>,
    pub(super) results: Vec<NewAttempt>,
    pub(super) is_recording: bool,
    pub(super) is_postponing: bool,
    /// It said that it is gone, and that is not written yet.
    pub(super) is_disabling: bool,
    wake: Option<SpawnHandle>,
    draining: Vec<oneshot::Sender<()>>,
    is_draining: bool,
}

impl DestinationActor {
    pub(super) fn new(
        (tenant, destination): (TenantId, DestinationId),
        store: Store,
        means: Means,
        jitter: fn() -> f64,
        tail: Tail,
        turns: Turns,
    ) -> Self {
        let gate = Gate::new(means.hurry);
        let credential = Standing::unknown(means.hurry);
        Self {
            tenant,
            destination,
            store,
            means,
            jitter,
            tail,
            turns,
            is_in_line: false,
            permit: None,
            target: None,
            revision: None,
            sources: Arc::default(),
            loads: 0,
            queue: Queue::of_database(),
            gate,
            credential,
            trying: HashMap::new(),
            results: Vec::new(),
            is_recording: false,
            is_postponing: false,
            is_disabling: false,
            wake: None,
            draining: Vec::new(),
            is_draining: false,
        }
    }

    pub(super) fn load_target(&mut self, context: &mut Context<Self>) {
        self.loads += 1;
        let number = self.loads;
        let (store, tenant, destination) = (self.store.clone(), self.tenant, self.destination);
        let load = async move { target::load(&store, tenant, destination).await };
        context.spawn(load.into_actor(self).map(move |loaded, actor, context| match loaded {
            // Answers may overtake each other: a newer one comes, or came.
            _ if actor.loads != number => {}
            Ok(loaded) => {
                actor.loaded(loaded);
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

    fn loaded(&mut self, Loaded { target, sources }: Loaded) {
        self.sources = Arc::new(sources);
        // What it said of itself counts already, although it may not have been written when this was read.
        self.target = target.filter(|_| !self.is_disabling);
        let Some(target) = &self.target else { return };
        let Target { concurrency, pace, together, revision, .. } = **target;
        let is_changed = self.revision.replace(revision) != Some(revision);
        self.gate.set(Bounds { concurrency, pace, together }, is_changed);
        self.credential.loaded(&target.credential, revision, self.means.clock.now());
        self.queue.set_rules(target.rules());
    }

    /// Sends what may be sent now, and arranges to be called when more may.
    pub(super) fn pump(&mut self, context: &mut Context<Self>) {
        if self.is_draining {
            return;
        }
        let Some(target) = self.target.clone() else { return };
        let now = self.means.clock.now();
        self.give_up_expired(&target, now, context);
        let again = loop {
            if !self.queue.has_due(now) {
                break self.queue.next_due();
            }
            match self.gate.way(now) {
                Way::Open => {}
                Way::Full => break None,
                Way::Shut(until) => break Some(until),
            }
            let credential = self.credential.admit(now);
            if let credential::Admission::Wait(until) = credential {
                break until;
            }
            let is_asking = credential == credential::Admission::Probe;
            let whose = (self.tenant, self.destination);
            let Some(permit) = self.permit.take().or_else(|| self.turns.take(whose)) else {
                self.stand_in_line(context);
                break None;
            };
            let together = if is_asking { 1 } else { self.gate.together() };
            let batch = self.queue.next(now, together);
            if batch.is_empty() {
                break self.queue.next_due();
            }
            if is_asking {
                self.credential.probes();
            }
            self.send(Arc::clone(&target), batch, permit, context);
        };
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
        self.postpone_behind(context);
        if self.queue.wants_more() && !self.is_postponing {
            self.load_pending(context);
        }
    }

    fn stand_in_line(&mut self, context: &mut Context<Self>) {
        if !std::mem::replace(&mut self.is_in_line, true) {
            let turn = self.turns.wait((self.tenant, self.destination));
            context.spawn(turn.into_actor(self).map(|permit, actor, context| {
                actor.is_in_line = false;
                actor.permit = permit.ok();
                actor.pump(context);
                // What has no use for it by now gives it on.
                actor.permit = None;
            }));
        }
    }

    /// What is too old by now is not sent, however long it waited for what.
    fn give_up_expired(&mut self, target: &Target, now: Timestamp, context: &mut Context<Self>) {
        let Some(age) = target.max_age else { return };
        for delivery in self.queue.expired(now, now.minus(age)) {
            self.tried(delivery, expired(target, now), context);
        }
    }

    fn send(
        &mut self,
        target: Arc<Target>,
        batch: Vec<ReadyDelivery>,
        permit: Permit,
        context: &mut Context<Self>,
    ) {
        let is_probe = self.gate.begin(self.means.clock.now());
        let owners = batch.iter().filter_map(|delivery| Some((delivery.delivery, delivery.event.profile?)));
        self.trying.extend(owners);
        let (revision, platform) = (target.revision, target.platform.name());
        let (means, store, sources) = (self.means.clone(), self.store.clone(), Arc::clone(&self.sources));
        let passed = self.queue.passed_by(&batch);
        let attempt = async move {
            let sent = means.attempt(store, target, (batch, passed), sources).await;
            drop(permit);
            sent
        };
        context.spawn(attempt.into_actor(self).map(move |sent, actor, context| {
            match sent.of_credential() {
                Some(tried) => {
                    let now = actor.means.clock.now();
                    actor.credential.tried(revision, tried, now, &actor.means.metrics, platform);
                    actor.write_credential(context);
                }
                None => actor.credential.withdrawn(),
            }
            actor.sent(sent, revision, is_probe, context);
            actor.answer_drained();
            actor.pump(context);
        }));
    }

    fn sent(&mut self, sent: Sent, revision: u64, is_probe: bool, context: &mut Context<Self>) {
        let now = self.means.clock.now();
        let is_current = self.revision == Some(revision);
        // What the old configuration heard says nothing of the new one.
        let (health, is_probe) = if is_current { (sent.health, is_probe) } else { (Health::Unknown, false) };
        if self.gate.ended(health, sent.together, is_probe, now, (self.jitter)()) {
            self.opened();
        }
        if let Some(until) = sent.not_before {
            self.gate.pause(until);
        }
        let (mut left, mut refused) = (Vec::new(), Vec::new());
        for (delivery, attempted) in sent.each {
            match attempted {
                Attempted::Tried(tried) => {
                    if let Outcome::Disable { reason } | Outcome::Suspend { reason } = &tried.outcome {
                        self.disable(revision, reason.clone(), context);
                    }
                    self.tried(delivery, *tried, context);
                }
                // What waits again is found in the queue by an erasure, which waits for nothing then.
                Attempted::Postponed(until) => {
                    self.trying.remove(&delivery.delivery);
                    self.queue.postpone(delivery, until);
                }
                Attempted::Behind(first) => {
                    self.trying.remove(&delivery.delivery);
                    self.queue.fall_behind(delivery, first);
                }
                Attempted::Left => {
                    self.trying.remove(&delivery.delivery);
                    left.push(delivery);
                }
                Attempted::Split(tried) => {
                    self.trying.remove(&delivery.delivery);
                    refused.push(self.split(delivery, *tried, context));
                }
            }
        }
        left.into_iter().rev().for_each(|delivery| self.queue.put_back(delivery));
        if !refused.is_empty() {
            if is_current {
                self.gate.refused(refused.len());
            }
            self.queue.halve(refused);
        } else if health == Health::Well {
            self.gate.taken(sent.together);
        }
    }

    fn opened(&self) {
        if let Some(target) = &self.target {
            self.means.metrics.breaker_opened(target.platform.name());
        }
        tracing::warn!(
            destination = %self.destination, failures = self.gate.failures(),
            "the destination does not work: its deliveries wait until it does"
        );
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
        if self.gate.in_flight() == 0 && is_written && !self.is_postponing {
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
        context.run_interval(self.means.hurry.at_least(LOOK, LEAST_LOOK), |actor, context| {
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

impl Handler<Examine> for DestinationActor {
    type Result = MessageResult<Examine>;

    fn handle(&mut self, _: Examine, _: &mut Context<Self>) -> Self::Result {
        let (waiting, has_more) = self.queue.waiting();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        MessageResult(health::Health {
            flow: self.gate.flow(self.means.clock.now()),
            failures: self.gate.failures(),
            in_flight: count(self.gate.in_flight()),
            waiting: count(waiting),
            has_more,
        })
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
