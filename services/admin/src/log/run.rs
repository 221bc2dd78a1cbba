//! Runs: the workflow log.

use tonic::Status;
use tributary_domain::workflow::status::RunStatus;
use tributary_proto::admin::v1::{ListRunsRequest, ListRunsResponse, Run};
use tributary_store::{
    run::{RunFilter, RunRecord},
    search::Search,
};

use super::{
    parents,
    search::{self, Asked},
};
use crate::{
    call::Call,
    convert::{status, value::to_time},
    error::{from_store, not_found},
    filter::{
        Field, Filter,
        Operator::{Is, IsNot},
    },
    name::{Names, TenantPath},
};

/// How it ended.
pub(super) const STATUS: Field = Field { name: "status", operators: &[Is, IsNot] };
/// What such a status is.
pub(crate) const A_STATUS: &str = "a code such as FILTER_CONDITION_FAILED";

/// Answers ListRuns.
pub(super) async fn list(call: &Call<'_>, request: ListRunsRequest) -> Result<ListRunsResponse, Status> {
    let (path, source, workflow) = TenantPath::any_workflow("parent", &request.parent)?;
    let filter = Filter::parse(&request.filter, &search::fields_with(&[STATUS]))?;
    let asked = Asked::of(&filter)?;
    let status = |operator| filter.read(STATUS.name, operator, A_STATUS, RunStatus::from_code);
    let (is, is_not) = (status(Is)?, status(IsNot)?);
    let list = call.list("ListRuns", &[&request.parent, &request.filter, &request.order_by]);
    let page = list.page(request.page_size, &request.page_token)?;
    let order = search::order(&request.order_by)?;
    let located = call.locate(path).await?;
    let searched = asked.search(&located, call.clock.now(), page.after.is_some()).await?;
    let mut workflows = match workflow {
        Some(workflow) => vec![workflow],
        None => parents::workflows(&located, source).await?,
    }
    .into_iter();
    let Some(first) = workflows.next() else { return Ok(ListRunsResponse::default()) };
    let wanted = RunFilter {
        also: workflows.collect(),
        status: is,
        not_status: is_not,
        search: Search { order, ..searched },
        ..RunFilter::of(first)
    };
    let found = located.scope.runs(&wanted, page).await.map_err(from_store)?;
    // All runs of a workflow are of its one source, which the name may leave open.
    if found.items.iter().any(|run| source.is_some_and(|source| run.source != source)) {
        return Err(not_found("workflow"));
    }
    Ok(ListRunsResponse {
        runs: found.items.iter().map(|run| to_proto(located.names, run)).collect(),
        next_page_token: list.next(found.next),
    })
}

/// A run as the contract has it.
pub(crate) fn to_proto(names: Names, run: &RunRecord) -> Run {
    Run {
        name: names.run(run.message, run.workflow),
        message: names.message(run.message),
        workflow: names.workflow(run.source, run.workflow),
        version: i32::try_from(run.version).unwrap_or(i32::MAX),
        status: Some(status::run(run.status, run.reason.as_ref())),
        event_count: i32::try_from(run.events).unwrap_or(i32::MAX),
        profile: run.profile.map(|profile| names.profile(profile)).unwrap_or_default(),
        run_time: Some(to_time(run.at)),
    }
}
