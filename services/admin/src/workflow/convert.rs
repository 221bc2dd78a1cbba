//! Workflows between the contract and the store.

use std::time::Duration;

use tonic::Status;
use tributary_connectors::destinations;
use tributary_domain::{
    id::MessageId,
    workflow::{
        compile::{CompiledWorkflow, Problem},
        needs::{self, Connected},
        spec::WorkflowSpec,
    },
};
use tributary_proto::admin::v1::{self as proto, Workflow};
use tributary_store::{LARGEST_PAGE, Page, Show, workflow::WorkflowRecord};

use crate::{
    call::Located,
    check,
    convert::{
        enums::Twin,
        spec,
        value::{from_span, to_span, to_time},
    },
    error::from_store,
    lifecycle,
    name::TenantPath,
    violations::Violations,
};

const LONGEST_DELAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A draft of more bytes as JSON is not kept.
const MAX_DRAFT: usize = 256 * 1024;

/// How long deliveries are postponed.
pub(super) fn delay(given: Option<prost_types::Duration>, violations: &mut Violations) -> Duration {
    let given = given.map_or(Ok(Duration::ZERO), |span| from_span(span, LONGEST_DELAY));
    violations.take("workflow.delay", given).unwrap_or_default()
}

/// A draft. It may have problems; it only has to be something that can be kept.
pub(super) fn draft(given: &proto::WorkflowSpec, field: &str, violations: &mut Violations) -> WorkflowSpec {
    let draft = spec::from_proto(given, field, violations);
    let size = serde_json::to_vec(&draft).map_or(usize::MAX, |json| json.len());
    if size > MAX_DRAFT {
        violations.add(field, format!("at most {MAX_DRAFT} bytes as JSON"));
    }
    draft
}

/// The message of a name or bare id, if one is given; it has to be named as one of the same tenant's.
pub(super) fn sample(
    given: &str,
    field: &str,
    located: &Located<'_>,
    violations: &mut Violations,
) -> Option<MessageId> {
    if given.is_empty() {
        return None;
    }
    let found = match given.parse() {
        Ok(message) => Some(message),
        Err(_) => TenantPath::child::<MessageId>(field, given, "messages")
            .ok()
            .filter(|(path, _)| path.tenant == located.record.id)
            .map(|(_, message)| message),
    };
    if found.is_none() {
        violations.add(field, "expected the name of one of the tenant's messages");
    }
    found
}

/// One workflow as the contract has it.
pub(super) async fn one(located: &Located<'_>, record: WorkflowRecord) -> Result<Workflow, Status> {
    let connected = connected(located).await?;
    to_proto(located, record, &connected).await
}

/// A workflow as the contract has it, with what is in force and the problems of its draft, with these destinations.
pub(super) async fn to_proto(
    located: &Located<'_>,
    record: WorkflowRecord,
    connected: &[Connected],
) -> Result<Workflow, Status> {
    let published = match record.published_version {
        Some(version) => Some(located.scope.workflow_version(record.id, version).await.map_err(from_store)?),
        None => None,
    };
    let (_, mut problems) = CompiledWorkflow::compile(&record.draft);
    problems.extend(needs::unmet(&record.draft, connected));
    let version = record.published_version.unwrap_or(0);
    let (delete_time, purge_time) = lifecycle::times(record.deleted_at);
    Ok(Workflow {
        name: located.names.workflow(record.source, record.id),
        key: record.key,
        display_name: record.display_name,
        etag: check::etag(record.revision),
        order: record.sort_order,
        delay: (!record.delay.is_zero()).then(|| to_span(record.delay)),
        draft: Some(spec::to_proto(&record.draft)),
        published: published.map(|published| spec::to_proto(&published.spec)),
        published_version: i32::try_from(version).unwrap_or(i32::MAX),
        sample_message: record
            .sample_message
            .map(|message| located.names.message(message))
            .unwrap_or_default(),
        problems: problems.into_iter().map(problem).collect(),
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
        delete_time,
        purge_time,
    })
}

/// The tenant's destinations, with what each needs of events.
pub(super) async fn connected(located: &Located<'_>) -> Result<Vec<Connected>, Status> {
    let found =
        located.scope.destinations(Show::Live, Page::first(LARGEST_PAGE)).await.map_err(from_store)?;
    let connected = found.items.into_iter().filter_map(|record| {
        let needs = destinations::find(&record.platform)?.needs();
        Some(Connected { display_name: record.display_name, needs })
    });
    Ok(connected.collect())
}

fn problem(problem: Problem) -> proto::Problem {
    proto::Problem {
        node_id: problem.node_id,
        reason: problem.reason,
        severity: problem.severity.number(),
        fix: problem.fix,
    }
}
