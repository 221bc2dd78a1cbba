//! Running workflows over a message: what each makes of it, and where that goes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use tributary_domain::{
    id::{DestinationId, WorkflowId},
    workflow::{
        compile::CompiledWorkflow,
        evaluate::MessageView,
        event::{EventDraft, RunOutcome, RunPlan},
        status::RunStatus,
    },
};
use tributary_store::ledger::{ParkReason, PlannedRun, Work};

use crate::{
    config::{SourceConfig, TenantConfig, WorkflowConfig},
    message::Parsed,
};

/// What one workflow made of one message; the error is that it panicked.
pub type RunResult = Result<PlannedRun, Panicked>;

/// A workflow panicked on a message.
#[derive(Debug, Clone)]
pub struct Panicked {
    /// Which workflow.
    pub workflow: WorkflowId,
    /// Which version of it.
    pub version: u32,
}

/// Has `run` run. A panic concerns one message: that one is parked, the others go on. The compiled workflow is never
/// changed by a run, so it is as good after an unwinding as before.
///
/// # Errors
/// When it panicked.
pub fn caught(workflow: &WorkflowConfig, run: impl FnOnce() -> PlannedRun) -> RunResult {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|_| Panicked { workflow: workflow.id, version: workflow.version })
}

/// What a workflow makes of a message, and where its events go.
pub fn run(
    tenant: &TenantConfig,
    source: &SourceConfig,
    workflow: &WorkflowConfig,
    message: &Parsed,
) -> PlannedRun {
    let view = message.view(source);
    let outcome = match &workflow.compiled {
        Some(compiled) => compiled.evaluate(&view, &tenant.settings),
        None => {
            let status = RunStatus::MappingNotFound;
            RunOutcome::Stopped(status, status.reason().unwrap_or_default())
        }
    };
    let destinations = match &outcome {
        RunOutcome::Events(drafts) => drafts.iter().map(|draft| passes(tenant, &view, draft)).collect(),
        RunOutcome::Stopped(..) => Vec::new(),
    };
    let plan = RunPlan { workflow: workflow.id, version: workflow.version, outcome };
    let follow_up = workflow.compiled.as_ref().and_then(CompiledWorkflow::follow_up);
    PlannedRun { plan, destinations, delay: workflow.delay, follow_up }
}

/// The destinations whose filter lets an event of the message in `view` through.
pub fn passes(tenant: &TenantConfig, view: &MessageView<'_>, draft: &EventDraft) -> Vec<DestinationId> {
    let mut event = None;
    let routes = tenant.routes.iter().filter(|route| match &route.filter {
        None => true,
        Some(filter) => {
            let event: &Value = event.get_or_insert_with(|| draft.filterable());
            filter.passes(&MessageView { body: event, ..*view }, &tenant.settings)
        }
    });
    routes.map(|route| route.destination).collect()
}

/// Whether a message is a test by its tenant's rules: by what it is, with the `headers` that were kept of it, or by whom an
/// event of it is about.
pub fn is_test(
    tenant: &TenantConfig,
    source: &SourceConfig,
    message: &Parsed,
    headers: &[(String, String)],
    work: &Work,
) -> bool {
    let Some(rules) = &tenant.tests else { return false };
    let runs = if let Work::Apply(runs) = work { runs.as_slice() } else { &[] };
    let mut drafts = runs.iter().flat_map(|run| match &run.plan.outcome {
        RunOutcome::Events(drafts) => drafts.as_slice(),
        RunOutcome::Stopped(..) => &[],
    });
    rules.holds_of_message(&message.view(source), headers, &tenant.settings)
        || drafts.any(|draft| rules.holds_of_event(draft))
}

/// What is to be done with a message of which the workflows made this, in their order; nothing stands for one that could
/// not be asked. The message is parked as soon as one workflow panicked on it: its runs are applied together or not at
/// all.
pub fn work(runs: impl IntoIterator<Item = Option<RunResult>>) -> Work {
    let mut planned = Vec::new();
    for run in runs {
        match run {
            Some(Ok(run)) => planned.push(run),
            Some(Err(panicked)) => {
                let detail = "the evaluation of a workflow panicked on this message".to_owned();
                let workflow = Some((panicked.workflow, panicked.version));
                return Work::Park(ParkReason { code: "WORKFLOW_PANICKED", detail, workflow });
            }
            None => {
                let detail = "a workflow actor crashed on this message".to_owned();
                return Work::Park(ParkReason { code: "WORKFLOW_CRASHED", detail, workflow: None });
            }
        }
    }
    Work::Apply(planned)
}
