//! One published workflow: holds the compiled version and runs it over batches.

use std::sync::Arc;

use actix::{Actor, Context, Handler, Message, MessageResult};
use tributary_planner::{
    self as planner, Parsed, RunResult, SourceConfig, TenantConfig, WorkflowConfig, caught,
};

use crate::{faults::Faults, plan::ParsedBatch};

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
        MessageResult(batch.iter().map(|message| self.run(message)).collect())
    }
}

impl WorkflowActor {
    fn run(&self, message: &Parsed) -> RunResult {
        caught(&self.workflow, || {
            self.faults.workflow_panic(&message.body);
            planner::run(&self.tenant, &self.source, &self.workflow, message)
        })
    }
}
