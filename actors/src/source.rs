//! One active source: parses its messages, finds what tells them apart and the visitor in them, and has its
//! workflows run over them. Evaluation is pure; nothing is written here.

use std::sync::Arc;

use actix::{Actor, Addr, AtomicResponse, Context, Handler, Message, WrapFuture};
use futures::future::join_all;
use tributary_connectors::sources::{Facts, is_fetched};
use tributary_domain::tenant::TenantSettings;
use tributary_journal::Accepted;
use tributary_planner::{self as planner, Parsed, SourceConfig, TenantConfig, work};
use tributary_store::{
    Packed,
    ledger::{MessagePlan, ParkReason, Work},
    message::SignatureStatus,
};

use crate::{
    faults::Faults,
    plan::{ParsedBatch, Task},
    workflow::{Run, WorkflowActor},
};

/// How many messages are looked at together: what they are parsed into is used again for the next ones, while it is
/// still in the processor's cache.
const AT_ONCE: usize = 16;

/// Evaluates the messages of one source.
#[derive(Debug)]
pub(crate) struct SourceActor {
    tenant: Arc<TenantConfig>,
    source: Arc<SourceConfig>,
    faults: Faults,
    /// In the order in which they run; on this actor's own arbiter, where a message costs well under a microsecond.
    workflows: Arc<[Addr<WorkflowActor>]>,
}

/// Asks for a plan for each of these messages; answered in their order.
#[derive(Debug)]
pub(crate) struct Evaluate(pub(crate) Vec<Task>);

impl Message for Evaluate {
    type Result = Vec<MessagePlan>;
}

impl SourceActor {
    pub(crate) fn new(tenant: Arc<TenantConfig>, source: Arc<SourceConfig>, faults: Faults) -> Self {
        Self { tenant, source, faults, workflows: Arc::default() }
    }
}

impl Actor for SourceActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.set_mailbox_capacity(4);
        self.workflows = self
            .source
            .workflows
            .iter()
            .map(|workflow| {
                WorkflowActor {
                    tenant: Arc::clone(&self.tenant),
                    source: Arc::clone(&self.source),
                    workflow: Arc::clone(workflow),
                    faults: self.faults.clone(),
                }
                .start()
            })
            .collect();
    }
}

impl Handler<Evaluate> for SourceActor {
    type Result = AtomicResponse<Self, Vec<MessagePlan>>;

    /// One batch at a time: the next one is looked at when this one is answered.
    fn handle(&mut self, Evaluate(tasks): Evaluate, _: &mut Context<Self>) -> Self::Result {
        let (tenant, source) = (Arc::clone(&self.tenant), Arc::clone(&self.source));
        let workflows = Arc::clone(&self.workflows);
        let answer = async move {
            let mut plans = Vec::with_capacity(tasks.len());
            for tasks in tasks.chunks(AT_ONCE) {
                evaluate(&tenant, &source, &workflows, tasks, &mut plans).await;
            }
            plans
        };
        AtomicResponse::new(Box::pin(answer.into_actor(self)))
    }
}

/// Adds a plan for each of `tasks`.
async fn evaluate(
    tenant: &TenantConfig,
    source: &SourceConfig,
    workflows: &[Addr<WorkflowActor>],
    tasks: &[Task],
    plans: &mut Vec<MessagePlan>,
) {
    let parsed: Vec<Result<Arc<Parsed>, ParkReason>> = tasks
        .iter()
        .map(|task| {
            let accepted = &task.accepted;
            Parsed::read(source, (accepted.message, accepted.received), &accepted.headers, &accepted.body)
                .map(Arc::new)
        })
        .collect();
    let batch: ParsedBatch = parsed.iter().filter_map(|parsed| parsed.as_ref().ok().cloned()).collect();
    let runs = join_all(workflows.iter().map(|workflow| workflow.send(Run(Arc::clone(&batch))))).await;
    let mut by_workflow: Vec<_> = runs.into_iter().map(|runs| runs.map(Vec::into_iter)).collect();
    for (task, parsed) in tasks.iter().zip(parsed) {
        let work = match &parsed {
            Err(reason) => Work::Park(reason.clone()),
            Ok(_) => {
                let runs = by_workflow.iter_mut().map(|runs| runs.as_mut().ok().and_then(Iterator::next));
                // Each is asked, so that all stay at the same message.
                work(runs.collect::<Vec<_>>())
            }
        };
        let work = match (tenant.hold, work) {
            (Some(reason), Work::Apply(_)) => Work::Hold(reason),
            (_, work) => work,
        };
        let is_test = parsed
            .as_ref()
            .is_ok_and(|parsed| planner::is_test(tenant, source, parsed, &task.accepted.headers, &work));
        let facts = parsed.ok().map(|parsed| parsed.facts.clone());
        let plan = plan(task, tenant.rev, &tenant.settings, facts, work);
        plans.push(MessagePlan { destinations: Arc::clone(&tenant.destinations), is_test, ..plan });
    }
}

/// The plan that parks a task unseen, with the configuration of revision `rev`: none of it is needed.
pub(crate) fn parked(task: &Task, rev: i64, reason: ParkReason) -> MessagePlan {
    plan(task, rev, &Arc::default(), None, Work::Park(reason))
}

/// The plan of a task, once it is known what to do.
fn plan(
    task: &Task,
    rev: i64,
    settings: &Arc<TenantSettings>,
    facts: Option<Facts>,
    work: Work,
) -> MessagePlan {
    let accepted = &task.accepted;
    MessagePlan {
        tenant: accepted.tenant,
        source: accepted.source,
        message: accepted.message,
        sequence: task.sequence,
        partition: task.partition,
        origin: task.origin,
        received: accepted.received,
        signature: signature(accepted),
        trace_parent: accepted.trace_parent.clone(),
        // Pairs of text always have a form in JSON.
        headers: serde_json::to_string(&accepted.headers).unwrap_or_default(),
        body: Packed::of(&accepted.body),
        record: task.record.clone(),
        facts: planner::facts(facts),
        config_rev: rev,
        settings: Arc::clone(settings),
        destinations: Arc::default(),
        is_test: false,
        work,
    }
}

/// How far a message is known to come from its provider, as the log has it.
fn signature(accepted: &Accepted) -> &'static str {
    let status = match accepted.signature_valid {
        _ if is_fetched(&accepted.headers) => SignatureStatus::Fetched,
        true => SignatureStatus::Valid,
        false => SignatureStatus::Unsigned,
    };
    status.code()
}
