//! Backtests: an operation that compares what a draft would make of messages with what happened.

use prost::Message as _;
use tonic::Status;
use tributary_domain::{id::MessageId, workflow::status::RunStatus};
use tributary_proto::admin::v1::{BacktestWorkflowRequest, Operation};
use tributary_store::{
    message::{MessageFilter, RunOf},
    operation::{Backtest, Choice},
    search::Search,
    workflow::WorkflowRecord,
};

use super::compiled;
use crate::{
    call::{Call, Located},
    check::{required, revision_or},
    convert::value::from_time,
    filter::{
        Filter,
        Operator::{Is, IsNot},
    },
    log::{A_RUN_STATUS, OF_A_MESSAGE, RUN_STATUS, wanted},
    operation,
    violations::Violations,
};

/// Answers BacktestWorkflow.
pub(super) async fn begin(
    call: &Call<'_>,
    located: &Located<'_>,
    workflow: WorkflowRecord,
    mut request: BacktestWorkflowRequest,
) -> Result<Operation, Status> {
    revision_or(&request.etag, workflow.revision)?;
    let filter = filter(call, &workflow, &request)?;
    compiled("the draft", &workflow.draft, "backtested")?;
    let backtest = Backtest { workflow: workflow.id, spec: workflow.draft, filter };
    request.request_id.clear();
    operation::begin(call, located, request.encode_to_vec(), Choice::Backtest(Box::new(backtest))).await
}

/// Which messages are looked at.
fn filter(
    call: &Call<'_>,
    workflow: &WorkflowRecord,
    request: &BacktestWorkflowRequest,
) -> Result<MessageFilter, Status> {
    let start = required("start_time", request.start_time)?;
    let mut violations = Violations::default();
    let start = violations.take("start_time", from_time(start)).unwrap_or_default();
    let now = call.clock.now();
    let end = request.end_time.and_then(|end| violations.take("end_time", from_time(end))).unwrap_or(now);
    if end <= start {
        violations.add("end_time", "has to be after start_time");
    }
    violations.check()?;
    let filter = Filter::parse(&request.filter, &[&OF_A_MESSAGE[..], &[RUN_STATUS]].concat())?;
    let status = |operator| filter.read(RUN_STATUS.name, operator, A_RUN_STATUS, RunStatus::from_code);
    let (is, is_not) = (status(Is)?, status(IsNot)?);
    let asks = is.is_some() || is_not.is_some();
    let run = RunOf { workflow: asks.then_some(workflow.id), status: is, not_status: is_not };
    let search = Search {
        from: Some(MessageId::new(start.millis(), 0)),
        before: Some(MessageId::new(end.min(now).millis() + u64::from(end >= now), 0)),
        ..Search::default()
    };
    Ok(MessageFilter { run, search, ..wanted(&filter, workflow.source)? })
}
