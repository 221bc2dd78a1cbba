//! Tests: what a workflow would make of one message. Nothing is stored or sent.

mod given;
mod sent;

use tonic::Status;
use tributary_domain::{
    id::WorkflowId,
    workflow::{
        compile::CompiledWorkflow,
        evaluate::NodeTrace,
        spec::WorkflowSpec,
        status::{Reason, RunStatus},
    },
};
use tributary_planner::{Arrival, Configuration, Parsed, rehearsed};
use tributary_proto::admin::v1::{EventTrace, RunTrace, TestWorkflowRequest, TestWorkflowResponse};
use tributary_store::{
    event::EventRecord,
    ledger::{MessagePlan, Rehearsal, Rehearsed, Work},
    run::RunRecord,
    workflow::WorkflowRecord,
};

use super::{compiled, convert};
use crate::{
    call::{Call, Located},
    error::{from_store, internal, not_found},
    event,
    log::{node_to_proto, run_to_proto, step},
    violations::{Violations, invalid},
};
use given::Given;

/// What is tested.
struct Tested {
    compiled: CompiledWorkflow,
    /// 0: it is not published.
    version: u32,
}

/// What the workflow did with the message.
struct Told {
    plan: MessagePlan,
    nodes: Vec<NodeTrace>,
}

/// Answers TestWorkflow.
pub(super) async fn test(
    call: &Call<'_>,
    located: &Located<'_>,
    workflow: &WorkflowRecord,
    request: TestWorkflowRequest,
) -> Result<TestWorkflowResponse, Status> {
    let tested = tested(located, workflow, &request).await?;
    let given = given::given(call, located, workflow, request.on).await?;
    let snapshot = located.scope.snapshot(workflow.source).await.map_err(from_store)?;
    let configuration = aside(move || Configuration::compile(snapshot)).await?.map_err(from_store)?;
    let source = configuration.source.as_deref().ok_or_else(|| not_found("source"))?;
    let source_display_name = source.display_name.clone();
    let version = tested.version;
    let configuration = configuration.with(workflow.id, version, tested.compiled);
    let told = evaluate(configuration, workflow.id, &given).await?;
    let now = call.clock.now();
    let mut rehearsal = Rehearsal::default();
    let parked = match &told.plan.work {
        Work::Park(why) => Some(why.detail.clone()),
        Work::Apply(_) | Work::Hold(_) => None,
    };
    let rehearsed = located.scope.rehearse(&mut rehearsal, vec![told.plan], now).await.map_err(from_store)?;
    let rehearsed = rehearsed.into_iter().next().ok_or_else(|| not_found("message"))?;
    let sequence = given.arrival.sequence;
    let made = rehearsed.events.iter().map(|event| (event, EventRecord::of(event, sequence)));
    let (follow_ups, made): (Vec<_>, Vec<_>) = made.partition(|(_, record)| record.is_follow_up());
    let events: Vec<_> = made.into_iter().filter(|(_, record)| record.workflow == workflow.id).collect();
    let (status, reason) = outcome(parked, workflow.id, &rehearsed);
    let sent =
        sent::Sent { located, now, source: &source_display_name, before: &rehearsed.deliveries_before };
    let mut deliveries = Vec::new();
    for (event, _) in events.iter().chain(&follow_ups) {
        deliveries.extend(sent.of(event, rehearsed.destinations(event.id)).await?);
    }
    let run = RunRecord {
        workflow: workflow.id,
        message: given.arrival.message,
        source: workflow.source,
        seq: given.arrival.sequence,
        version,
        status,
        reason,
        events: u32::try_from(events.len()).unwrap_or(u32::MAX),
        profile: events.iter().find_map(|(_, record)| record.profile),
        at: now,
    };
    let event_trace = |event: &EventRecord| EventTrace {
        event: Some(event::to_proto(located.names, event)),
        identity: Some(step::decision(located.names, event.profile, &event.data)),
        deliveries: Vec::new(),
    };
    let run = RunTrace {
        run: Some(run_to_proto(located.names, &run)),
        workflow_display_name: workflow.display_name.clone(),
        nodes: told.nodes.into_iter().map(node_to_proto).collect(),
        events: events.iter().map(|(_, record)| event_trace(record)).collect(),
    };
    // Whose they are was decided for the events that they follow.
    let follow_ups =
        follow_ups.iter().map(|(_, record)| EventTrace { identity: None, ..event_trace(record) });
    let follow_ups = follow_ups.collect();
    let message = given.message(located).await?;
    let run = Some(run);
    Ok(TestWorkflowResponse { message: Some(message), source_display_name, run, deliveries, follow_ups })
}

/// What the request wants to be tested, compiled.
async fn tested(
    located: &Located<'_>,
    workflow: &WorkflowRecord,
    request: &TestWorkflowRequest,
) -> Result<Tested, Status> {
    if let Some(spec) = &request.spec {
        if request.published {
            return Err(invalid("spec", "either a spec or what is published, not both"));
        }
        let mut violations = Violations::default();
        let spec = convert::draft(spec, "spec", &mut violations);
        violations.check()?;
        return Ok(Tested { compiled: made("the specification", spec).await?, version: 0 });
    }
    if !request.published {
        return Ok(Tested { compiled: made("the draft", workflow.draft.clone()).await?, version: 0 });
    }
    let Some(version) = workflow.published_version else {
        return Err(invalid("published", "no version of the workflow is published: test its draft"));
    };
    let found = located.scope.workflow_version(workflow.id, version).await.map_err(from_store)?;
    Ok(Tested { compiled: made("the version", found.spec).await?, version })
}

async fn made(what: &'static str, spec: WorkflowSpec) -> Result<CompiledWorkflow, Status> {
    aside(move || compiled(what, &spec, "tested")).await?
}

/// On a thread of its own, because it may take a while; a panic ends there.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|error| internal(&error))
}

async fn evaluate(configuration: Configuration, workflow: WorkflowId, given: &Given) -> Result<Told, Status> {
    let (arrival, headers, body) = (given.arrival, given.headers.clone(), given.body.clone());
    let evaluated = aside(move || {
        let mut plan = rehearsed(&configuration, arrival, &headers, &body);
        // It is asked what the workflow makes of the message, even where it came before.
        plan.facts.dedupe_key = None;
        let run = match &plan.work {
            Work::Apply(runs) => runs.iter().find(|run| run.plan.workflow == workflow),
            Work::Park(_) | Work::Hold(_) => None,
        };
        let nodes = run.map(|_| nodes(&configuration, arrival, workflow, &headers, &body));
        Told { plan, nodes: nodes.unwrap_or_default() }
    });
    evaluated.await
}

/// What each node saw and did.
fn nodes(
    configuration: &Configuration,
    arrival: Arrival,
    workflow: WorkflowId,
    headers: &[(String, String)],
    body: &[u8],
) -> Vec<NodeTrace> {
    let Some(source) = configuration.source.as_deref() else { return Vec::new() };
    let own = source.workflows.iter().find(|own| own.id == workflow);
    let Some(compiled) = own.and_then(|own| own.compiled.as_ref()) else { return Vec::new() };
    let Ok(parsed) = Parsed::read(source, (arrival.message, arrival.received), headers, body) else {
        return Vec::new();
    };
    compiled.trace(&parsed.view(source), &configuration.tenant.settings).1
}

/// How the run would end, and why; `parked` says why the message would be parked.
fn outcome(
    parked: Option<String>,
    workflow: WorkflowId,
    rehearsed: &Rehearsed,
) -> (RunStatus, Option<Reason>) {
    if let Some(message) = parked {
        let fix = "mend the cause, then test again".to_owned();
        return (RunStatus::Parked, Some(Reason { message, fix, ..Reason::default() }));
    }
    let run = rehearsed.runs.iter().find(|run| run.workflow == workflow);
    run.map_or((RunStatus::DataNotFound, None), |run| (run.status, run.reason.clone()))
}
