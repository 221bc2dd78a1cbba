//! A batch that the database refuses, or that applying panics on: once more, then in halves, left half first, until the
//! one message that it refuses stands alone and is parked. Where parking is refused too, the message is not to blame:
//! the batch waits for the database.

use std::{panic::AssertUnwindSafe, time::Instant};

use futures::FutureExt;
use tributary_domain::{time::Timestamp, workflow::status::RunStatus};
use tributary_store::{
    StoreError,
    ledger::{Applied, Attempt, LedgerBatch, MessagePlan, Origin, ParkReason, Work as Todo},
};

use super::actor::{ApplyOutcome, Work};

/// A batch on its way through the database.
pub(super) struct Bisect {
    /// Parts that are still to be applied, the first one last.
    parts: Vec<Part>,
    applied: Applied,
}

struct Part {
    plans: Vec<MessagePlan>,
    refusals: u32,
    /// What was to be done with the one message of this part, before it was to be parked instead.
    instead: Option<Todo>,
}

impl Part {
    fn new(plans: Vec<MessagePlan>, refusals: u32) -> Self {
        Self { plans, refusals, instead: None }
    }
}

impl Bisect {
    pub(super) fn new(plans: Vec<MessagePlan>) -> Self {
        Self { parts: vec![Part::new(plans, 0)], applied: Applied::default() }
    }

    /// How many messages are committed.
    pub(super) fn committed(&self) -> usize {
        self.applied.messages.len()
    }

    /// Applies the next part. An outcome when all is done, or nothing more can be; an error is transient: wait and
    /// call again.
    pub(super) async fn step(&mut self, work: &mut Work) -> Result<Option<ApplyOutcome>, StoreError> {
        let Some(mut part) = self.parts.pop().filter(|part| !part.plans.is_empty()) else {
            return Ok(Some(ApplyOutcome::Done(std::mem::take(&mut self.applied))));
        };
        let batch = LedgerBatch::new(part.plans);
        let (began, now) = (Instant::now(), work.clock.now());
        let attempt = AssertUnwindSafe(work.store.apply(&mut work.state, &batch, now)).catch_unwind().await;
        part.plans = batch.plans;
        // A panic in the middle rolls the transaction back; the state changes only after a commit.
        let Ok(attempt) = attempt else {
            return self.refused(part, &StoreError::Other { message: "applying it panicked".to_owned() });
        };
        match attempt {
            Ok(Attempt::Committed(applied)) => {
                report(work, &part.plans, &applied, began, now);
                self.applied.messages.extend(applied.messages);
                self.applied.deliveries.extend(applied.deliveries);
                Ok(None)
            }
            Ok(Attempt::Stale(tenants)) => {
                self.parts.push(part);
                let rest = self.parts.drain(..).rev().flat_map(|part| part.plans).collect();
                Ok(Some(ApplyOutcome::Stale(std::mem::take(&mut self.applied), tenants, rest)))
            }
            Ok(Attempt::Fenced) => Ok(Some(ApplyOutcome::Fenced)),
            Err(StoreError::UnknownCommit { .. }) => {
                Ok(Some(ApplyOutcome::Lost("whether the last batch was committed is not known")))
            }
            Err(error) if error.is_transient() => {
                self.parts.push(part);
                Err(error)
            }
            Err(error) => self.refused(part, &error),
        }
    }

    /// An error when the database refuses whatever it is given.
    fn refused(&mut self, mut part: Part, error: &StoreError) -> Result<Option<ApplyOutcome>, StoreError> {
        tracing::error!(
            %error,
            messages = part.plans.len(),
            refusals = part.refusals,
            "the database refused a batch"
        );
        part.refusals += 1;
        if let Some(work) = part.instead.take() {
            for plan in &mut part.plans {
                plan.work = work.clone();
            }
            self.parts.push(Part::new(part.plans, 0));
            return Err(error.clone());
        }
        if part.refusals == 1 {
            self.parts.push(part);
        } else if part.plans.len() > 1 {
            let right = part.plans.split_off(part.plans.len() / 2);
            self.parts.push(Part::new(right, 1));
            self.parts.push(Part::new(part.plans, 1));
        } else {
            for plan in &mut part.plans {
                let detail = format!("what follows from this message cannot be applied: {error}");
                let park = Todo::Park(ParkReason { code: "LEDGER_REFUSED", detail, workflow: None });
                part.instead = Some(std::mem::replace(&mut plan.work, park));
            }
            self.parts.push(part);
        }
        Ok(None)
    }
}

fn report(work: &Work, plans: &[MessagePlan], applied: &Applied, began: Instant, now: Timestamp) {
    let oldest = plans.iter().filter(|plan| plan.origin == Origin::Journal).map(|plan| plan.received).min();
    let lag = oldest.map(|oldest| work.clock.now().since(oldest)).unwrap_or_default();
    work.metrics.committed(plans.len() as u64, began.elapsed(), lag);
    let count = |status| applied.messages.iter().filter(|message| message.status == status).count() as u64;
    work.metrics.parked(count(RunStatus::Parked));
    work.metrics.held(count(RunStatus::Held));
    let mut by_status = std::collections::HashMap::new();
    for (_, _, status) in applied.messages.iter().flat_map(|message| &message.runs) {
        *by_status.entry(status.code()).or_insert(0_u64) += 1;
    }
    for (status, runs) in by_status {
        work.metrics.runs(status, runs);
    }
    work.metrics.quarantined(applied.quarantined.len() as u64);
    for found in &applied.quarantined {
        tracing::warn!(
            tenant = %found.tenant,
            kind = %found.kind,
            people = found.people,
            "an identifier met too many people and is no evidence any more"
        );
    }
    tracing::debug!(messages = plans.len(), at = %now, "batch committed");
}
