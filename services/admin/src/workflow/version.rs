//! Versions of workflows: what was published, what differs between two, and going back to one.

use tonic::Status;
use tributary_domain::{
    error::ErrorCode,
    workflow::{
        compare::{self, Difference},
        spec::WorkflowSpec,
    },
};
use tributary_proto::admin::v1::{
    CompareWorkflowVersionsRequest, CompareWorkflowVersionsResponse, ListWorkflowVersionsRequest,
    ListWorkflowVersionsResponse, WorkflowDifference, WorkflowVersion,
};
use tributary_store::workflow::{WorkflowRecord, WorkflowVersion as VersionRecord};

use crate::{
    call::{Call, Located},
    convert::{enums::Twin, spec, value::to_time},
    error::{from_store, status},
    violations::{Violations, invalid},
};

/// The longest note about a version, in characters.
const MAX_NOTE: usize = 500;
/// More differences are not listed.
const MAX_DIFFERENCES: usize = 500;

/// Checks what somebody wrote about a version.
pub(super) fn note(note: &str) -> Result<(), Status> {
    let mut violations = Violations::default();
    violations.text("note", note, MAX_NOTE);
    violations.check()
}

/// The number of a version that has to be named.
pub(super) fn number(field: &str, given: i32) -> Result<u32, Status> {
    number_or_none(field, given)?.ok_or_else(|| invalid(field, "the number of a version: 1, 2, ..."))
}

fn number_or_none(field: &str, given: i32) -> Result<Option<u32>, Status> {
    match u32::try_from(given) {
        Ok(0) => Ok(None),
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(invalid(field, "must not be negative")),
    }
}

/// Refuses to go back to the version that is in force.
pub(super) fn check_not_in_force(record: &WorkflowRecord, version: u32) -> Result<(), Status> {
    if record.published_version != Some(version) {
        return Ok(());
    }
    let message = format!("version {version} is in force already: choose another one");
    Err(status(ErrorCode::FailedPrecondition, "VERSION_IN_FORCE", message))
}

/// Answers ListWorkflowVersions, for a workflow that was found.
pub(super) async fn list(
    call: &Call<'_>,
    located: &Located<'_>,
    record: &WorkflowRecord,
    request: ListWorkflowVersionsRequest,
) -> Result<ListWorkflowVersionsResponse, Status> {
    let list = call.list("ListWorkflowVersions", &[&request.parent]);
    let page = list.page(request.page_size, &request.page_token)?;
    let found = located.scope.workflow_versions(record.id, page).await.map_err(from_store)?;
    let without_spec =
        |version: VersionRecord| WorkflowVersion { spec: None, ..to_proto(located, record, version) };
    Ok(ListWorkflowVersionsResponse {
        workflow_versions: found.items.into_iter().map(without_spec).collect(),
        next_page_token: list.next(found.next),
    })
}

/// Answers GetWorkflowVersion, for a workflow that was found.
pub(super) async fn get(
    located: &Located<'_>,
    record: &WorkflowRecord,
    version: u32,
) -> Result<WorkflowVersion, Status> {
    let found = located.scope.workflow_version(record.id, version).await.map_err(from_store)?;
    Ok(to_proto(located, record, found))
}

fn to_proto(located: &Located<'_>, record: &WorkflowRecord, version: VersionRecord) -> WorkflowVersion {
    let contract = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    WorkflowVersion {
        name: located.names.workflow_version(record.source, record.id, version.version),
        version: contract(version.version),
        spec: Some(spec::to_proto(&version.spec)),
        create_time: Some(to_time(version.created_at)),
        author: version.author.unwrap_or_default(),
        note: version.note.unwrap_or_default(),
        in_force: record.published_version == Some(version.version),
        restored_version: version.restored_version.map_or(0, contract),
    }
}

/// Answers CompareWorkflowVersions, for a workflow that was found.
pub(super) async fn compare(
    located: &Located<'_>,
    record: &WorkflowRecord,
    request: &CompareWorkflowVersionsRequest,
) -> Result<CompareWorkflowVersionsResponse, Status> {
    let base = number_or_none("base_version", request.base_version)?.or(record.published_version);
    let with = number_or_none("version", request.version)?;
    let before = match base {
        Some(version) => said(located, record, version).await?,
        None => WorkflowSpec::default(),
    };
    let found = match with {
        Some(version) => compare::differences(&before, &said(located, record, version).await?),
        None => compare::differences(&before, &record.draft),
    };
    let contract = |number: Option<u32>| i32::try_from(number.unwrap_or(0)).unwrap_or(i32::MAX);
    Ok(CompareWorkflowVersionsResponse {
        base_version: contract(base),
        version: contract(with),
        differences_truncated: found.len() > MAX_DIFFERENCES,
        differences: found.into_iter().take(MAX_DIFFERENCES).map(difference).collect(),
    })
}

/// What a version says.
async fn said(located: &Located<'_>, record: &WorkflowRecord, version: u32) -> Result<WorkflowSpec, Status> {
    let found = located.scope.workflow_version(record.id, version).await.map_err(from_store)?;
    Ok(found.spec)
}

fn difference(found: Difference) -> WorkflowDifference {
    WorkflowDifference {
        node_id: found.node_id,
        path: found.path,
        change: found.change.number(),
        before: found.before,
        after: found.after,
        text: found.text,
    }
}
