//! What comes of attempts: what each means for its delivery, told to who watches and written into the database.

use std::{sync::Arc, time::Duration};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tributary_connectors::destinations::Outcome;
use tributary_domain::{
    committed::{Committed, CommittedAttempt},
    id::SourceId,
    retry,
    time::Timestamp,
};
use tributary_store::{
    StoreError,
    audit::Author,
    delivery::{AttemptRecord, Cause, DeliveryState, NewAttempt, Verdict},
    destination::DestinationState,
    ledger::ReadyDelivery,
};

use super::{
    actor::DestinationActor,
    tried::{SPLIT, Tried},
};

/// How long results wait for others before they are recorded together.
const LINGER: Duration = Duration::from_millis(25);
/// The wait before the database is asked again to take what it did not.
const RETRY_WRITE: Duration = Duration::from_millis(200);
/// Most results in one transaction.
const RECORDED_AT_ONCE: usize = 512;
/// How long before it is too old a delivery is tried once more, where the schedule would have it tried after that.
const LAST_CHANCE: Duration = Duration::from_secs(300);

impl DestinationActor {
    /// A delivery was tried, or is not to be: keeps what that means for it.
    pub(super) fn tried(&mut self, mut delivery: ReadyDelivery, tried: Tried, context: &mut Context<Self>) {
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
                    Some(delay) => {
                        let due_at =
                            self.before_it_expires(&delivery, now, now.plus(self.means.hurry.of(delay)));
                        (Verdict::Retry { due_at }, Some(reason.clone()))
                    }
                    None => (Verdict::Failed, Some(format!("given up after {tries} tries: {reason}"))),
                }
            }
        };
        match verdict {
            Verdict::Retry { due_at } => self.queue.hold(&delivery, due_at),
            Verdict::Delivered | Verdict::Failed => self.queue.done(&delivery),
        }
        self.queue.tried(&delivery);
        let outcome = tried.outcome.word();
        self.keep(&delivery, tried, (outcome, verdict, why), context);
    }

    /// A delivery was refused together with others: it goes with fewer, and that was none of its tries.
    pub(super) fn split(
        &mut self,
        mut delivery: ReadyDelivery,
        tried: Tried,
        context: &mut Context<Self>,
    ) -> ReadyDelivery {
        delivery.attempts += 1;
        let verdict = Verdict::Retry { due_at: delivery.due };
        self.keep(&delivery, tried, (SPLIT, verdict, None), context);
        delivery.before += 1;
        delivery
    }

    /// A retry that would come when the event is too old comes shortly before that, if there is still time.
    fn before_it_expires(&self, delivery: &ReadyDelivery, now: Timestamp, due: Timestamp) -> Timestamp {
        let expires = self.target.as_ref().and_then(|target| target.expires(delivery.event.draft().time));
        let last = expires.map(|expires| expires.minus(LAST_CHANCE));
        last.filter(|last| *last > now && *last < due).unwrap_or(due)
    }

    fn keep(
        &mut self,
        delivery: &ReadyDelivery,
        tried: Tried,
        (outcome, verdict, why): (&str, Verdict, Option<String>),
        context: &mut Context<Self>,
    ) {
        let source = delivery.event.source;
        let cause = (!tried.code.is_empty())
            .then(|| Cause { code: tried.code.clone(), verdict: meant(&tried.outcome).to_owned() });
        let attempt = AttemptRecord {
            delivery: delivery.delivery,
            number: delivery.attempts,
            started_at: tried.started,
            duration: tried.took,
            outcome: outcome.to_owned(),
            http_status: tried.status,
            response_headers: tried.headers,
            response_body: tried.body.to_vec(),
            is_truncated: tried.truncated,
            error: tried.error.or(why),
            answer_removed: false,
        };
        self.tell(source, &attempt, verdict);
        self.results.push(NewAttempt {
            attempt,
            verdict,
            cause,
            source,
            is_replay: delivery.is_replay,
            is_test: delivery.event.data.is_test,
            quality: tried.quality,
        });
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

    /// A retry is found again in the database when it is due. A part of a batch that was refused goes on from memory.
    fn recorded(&mut self, batch: &[NewAttempt]) {
        for tried in batch.iter().filter(|tried| tried.attempt.outcome != SPLIT) {
            self.queue.forget(tried.attempt.delivery);
            if let Some(profile) = self.trying.remove(&tried.attempt.delivery) {
                self.queue.leave_held(profile, tried.attempt.delivery);
            }
        }
    }

    /// What may not pass another one waits in the database, and takes no room here.
    pub(super) fn postpone_behind(&mut self, context: &mut Context<Self>) {
        // One after the other, so that what is loaded has the new times.
        if self.is_postponing || self.queue.is_loading() {
            return;
        }
        let behind = self.queue.take_behind();
        if behind.is_empty() {
            return;
        }
        self.is_postponing = true;
        let (store, tenant) = (self.store.clone(), self.tenant);
        let write = async move {
            let outcome = store.tenant(tenant).postpone_deliveries(&behind).await;
            (behind, outcome)
        };
        context.spawn(write.into_actor(self).map(|(behind, outcome), actor, context| {
            actor.is_postponing = false;
            if let Err(error) = outcome {
                tracing::warn!(%error, deliveries = behind.len(), "deliveries that wait for another are not postponed yet");
            }
            // What was not written is loaded again, and comes to wait again.
            actor.queue.left(&behind, actor.means.clock.now());
            actor.answer_drained();
            actor.pump(context);
        }));
    }

    /// The destination of this revision said that it is gone. Many attempts hear that at once: the first one counts.
    pub(super) fn disable(&mut self, revision: u64, reason: String, context: &mut Context<Self>) {
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
}

/// What an outcome meant for its delivery, as a stable code: the catalogues of platforms are compared with it later.
fn meant(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "DELIVERED",
        Outcome::Retry { .. } => "RETRY",
        Outcome::Permanent { .. } => "PERMANENT",
        Outcome::Hold { .. } => "HOLD",
        Outcome::Suspend { .. } => "SUSPEND",
        Outcome::Disable { .. } => "DISABLE",
    }
}
