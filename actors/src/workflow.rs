//! One published workflow: holds the compiled version and runs it over batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, MessageResult};
use serde_json::{Value, json};
use tributary_domain::{
    id::DestinationId,
    workflow::{
        compile::CompiledWorkflow,
        evaluate::MessageView,
        event::{EventDraft, RunOutcome, RunPlan},
        status::{Reason, RunStatus},
    },
};
use tributary_store::ledger::PlannedRun;

use crate::{
    config::{Route, SourceConfig, TenantConfig, WorkflowConfig},
    faults::Faults,
    plan::{Panicked, Parsed, ParsedBatch, RunResult},
};

/// Runs one workflow of a source.
#[derive(Debug)]
pub(crate) struct WorkflowActor {
    pub(crate) tenant: Arc<TenantConfig>,
    pub(crate) source: Arc<SourceConfig>,
    pub(crate) workflow: Arc<WorkflowConfig>,
    pub(crate) faults: Faults,
}

/// Asks for a run over each of these messages; answered in their order.
#[derive(Debug)]
pub(crate) struct Run(pub(crate) ParsedBatch);

impl Message for Run {
    type Result = Vec<RunResult>;
}

impl Actor for WorkflowActor {
    type Context = Context<Self>;
}

impl Handler<Run> for WorkflowActor {
    type Result = MessageResult<Run>;

    fn handle(&mut self, Run(batch): Run, _: &mut Context<Self>) -> Self::Result {
        MessageResult(batch.iter().map(|message| self.run_caught(message)).collect())
    }
}

impl WorkflowActor {
    /// A panic concerns one message: that one is parked, the others go on. The compiled workflow is never changed
    /// by a run, so it is as good after an unwinding as before.
    fn run_caught(&self, message: &Parsed) -> RunResult {
        catch_unwind(AssertUnwindSafe(|| self.run(message)))
            .map_err(|_| Panicked { workflow: self.workflow.id, version: self.workflow.version })
    }

    fn run(&self, message: &Parsed) -> PlannedRun {
        self.faults.workflow_panic(&message.body);
        let outcome = match &self.workflow.compiled {
            Some(compiled) => compiled.evaluate(&self.view(message), &self.tenant.settings),
            None => RunOutcome::Stopped(RunStatus::MappingNotFound, not_published()),
        };
        let destinations = match &outcome {
            RunOutcome::Events(drafts) => drafts.iter().map(|draft| self.routes(message, draft)).collect(),
            RunOutcome::Stopped(..) => Vec::new(),
        };
        let plan = RunPlan { workflow: self.workflow.id, version: self.workflow.version, outcome };
        let follow_up = self.workflow.compiled.as_ref().and_then(CompiledWorkflow::follow_up);
        PlannedRun { plan, destinations, delay: self.workflow.delay, follow_up }
    }

    fn view<'a>(&'a self, message: &'a Parsed) -> MessageView<'a> {
        MessageView {
            id: message.accepted.message,
            received: message.accepted.received,
            body: &message.body,
            provider_event: message.facts.provider_event.as_deref(),
            cluid: message.facts.cluid.found(),
            source_name: &self.source.display_name,
            booking: message.facts.booking.as_ref(),
        }
    }

    fn routes(&self, message: &Parsed, draft: &EventDraft) -> Vec<DestinationId> {
        let mut event = None;
        let mut passes = |route: &Route| match &route.filter {
            None => true,
            Some(filter) => {
                let event: &Value = event.get_or_insert_with(|| filterable(draft));
                filter.passes(&MessageView { body: event, ..self.view(message) }, &self.tenant.settings)
            }
        };
        let routes = self.tenant.routes.iter();
        routes.filter(|route| passes(route)).map(|route| route.destination).collect()
    }
}

fn not_published() -> Reason {
    Reason {
        message: "the workflow is a draft: no version of it is published".to_owned(),
        fix: "publish the workflow".to_owned(),
        ..Reason::default()
    }
}

/// The event as the filter of a destination sees it.
fn filterable(draft: &EventDraft) -> Value {
    let identifiers: serde_json::Map<String, Value> =
        draft.identifiers.iter().map(|id| (id.kind.to_string(), Value::String(id.value.clone()))).collect();
    json!({
        "kind": draft.kind,
        "name": draft.name,
        "identifiers": identifiers,
        "traits": draft.traits,
        "attributes": draft.attributes,
        "groups": draft.groups,
        "group_traits": draft.group_traits,
        "consents": draft.consents,
    })
}
