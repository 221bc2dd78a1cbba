//! The line of the source log that a message gets, and what is told of it.

use tributary_domain::{committed::CommittedMessage, id::WorkflowId, workflow::status::RunStatus};

use super::{
    plan::{Fate, MessagePlan, PlannedRun},
    resolve::{Resolver, is_first_look, status},
};
use crate::{StoreError, column::to_json, entity::message, message::MessageRun, retention::REMOVED};

impl Resolver<'_> {
    /// Has a message logged of which this became.
    pub(super) fn log(
        &mut self,
        plan: &MessagePlan,
        fate: Fate,
        runs: &[PlannedRun],
    ) -> Result<(), StoreError> {
        self.count_message(plan, fate);
        let statuses: Vec<(WorkflowId, u32, RunStatus)> =
            runs.iter().map(|run| (run.plan.workflow, run.plan.version, status(&run.plan.outcome))).collect();
        let duplicate_of = fate.duplicate_of();
        let summary = statuses
            .iter()
            .map(|&(workflow, version, status)| MessageRun { workflow, version, status })
            .collect();
        self.write_message(plan, fate, summary)?;
        self.applied.messages.push(CommittedMessage {
            tenant: plan.tenant,
            source: plan.source,
            message: plan.message,
            sequence: plan.sequence,
            received: plan.received,
            committed: self.now,
            provider_event: plan.facts.provider_event.clone(),
            cluid_status: plan.facts.cluid_status,
            signature: plan.signature,
            status: fate.status(),
            duplicate_of,
            runs: statuses,
            is_test: plan.is_test,
        });
        Ok(())
    }

    /// Has a message written whose runs ended like this.
    fn write_message(
        &mut self,
        plan: &MessagePlan,
        fate: Fate,
        mut summary: Vec<MessageRun>,
    ) -> Result<(), StoreError> {
        if self.is_rehearsal() {
            return Ok(());
        }
        // What workflows made that do not run any more stays.
        let earlier = self.before.message(plan.message);
        let runs = earlier.map_or(&[][..], |earlier| &earlier.stood.runs);
        let others = runs.iter().filter(|run| summary.iter().all(|own| own.workflow != run.workflow));
        let others: Vec<MessageRun> = others.copied().collect();
        summary.extend(others);
        let committed = earlier.filter(|_| self.before.was_applied(plan.message));
        let mut row = message::Model {
            id: plan.message.to_string(),
            tenant_id: plan.tenant.to_string(),
            source_id: plan.source.to_string(),
            seq: plan.sequence.cast_signed(),
            received_at: plan.received.micros(),
            committed_at: committed.map_or(self.now.micros(), |earlier| earlier.committed_at),
            provider_event: plan.facts.provider_event.clone(),
            cluid: plan.facts.cluid.clone(),
            cluid_status: plan.facts.cluid_status.to_owned(),
            dedupe_key: plan.facts.dedupe_key.clone(),
            duplicate_of: fate.duplicate_of().map(|first| first.to_string()),
            fate: fate.code().to_owned(),
            signature: plan.signature.to_owned(),
            headers: plan.headers.clone(),
            body: plan.body.clone().into_column(),
            runs: to_json(&summary)?,
            trace_parent: plan.trace_parent.clone(),
            is_test: plan.is_test.then_some(1),
        };
        if fate == Fate::Suppressed {
            row = erased(row);
        }
        self.difference.messages.push(row, is_first_look(plan));
        Ok(())
    }
}

/// A message without anything that could tell whom it is about.
fn erased(row: message::Model) -> message::Model {
    message::Model {
        cluid: None,
        dedupe_key: None,
        duplicate_of: None,
        headers: REMOVED.to_owned(),
        body: Vec::new(),
        trace_parent: None,
        ..row
    }
}
