//! The second look: the stored body once more through the stored versions, with every node told.

use std::collections::HashMap;

use serde_json::Value;
use tonic::Status;
use tributary_domain::{
    booking::BookingFacts,
    id::WorkflowId,
    tenant::TenantSettings,
    workflow::{
        compile::CompiledWorkflow,
        evaluate::{MessageView, NodeTrace},
        spec::WorkflowSpec,
    },
};
use tributary_proto::admin::v1::NodeTrace as Proto;
use tributary_store::{
    message::{CluidStatus, MessageRecord},
    run::RunRecord,
    source::DoorSource,
};

use crate::{
    call::Located,
    conversion,
    convert::{enums::Twin, value},
    error::optional,
};

/// What the nodes of each run's workflow saw and did. A run without a version, or one whose evaluation panics (its
/// message is parked because of that), has none.
pub(super) async fn nodes(
    located: &Located<'_>,
    record: &MessageRecord,
    source_name: &str,
    source: Option<&DoorSource>,
    runs: &[RunRecord],
) -> Result<HashMap<WorkflowId, Vec<Proto>>, Status> {
    let mut all = HashMap::with_capacity(runs.len());
    // Where it was removed for its age, nothing can be recomputed; the message says so.
    let Ok(body) = serde_json::from_slice::<Value>(&record.body) else { return Ok(all) };
    let booking = source.and_then(|source| conversion::facts(source, &body));
    for run in runs.iter().filter(|run| run.version > 0) {
        // What was removed with its workflow cannot be looked at again.
        let version = optional(located.scope.workflow_version(run.workflow, run.version).await)?;
        let Some(version) = version else { continue };
        let (record, body) = (record.clone(), body.clone());
        let (settings, source_name) = (located.record.settings.clone(), source_name.to_owned());
        let booking = booking.clone();
        // On a thread of its own, because it may take a while; a panic ends there.
        let evaluated = tokio::task::spawn_blocking(move || {
            again(&version.spec, &record, &body, &source_name, booking.as_ref(), &settings)
        })
        .await;
        all.insert(run.workflow, evaluated.unwrap_or_default());
    }
    Ok(all)
}

fn again(
    spec: &WorkflowSpec,
    record: &MessageRecord,
    body: &Value,
    source_name: &str,
    booking: Option<&BookingFacts>,
    settings: &TenantSettings,
) -> Vec<Proto> {
    let (Some(workflow), _) = CompiledWorkflow::compile(spec) else { return Vec::new() };
    let summary = &record.summary;
    let view = MessageView {
        id: summary.id,
        received: summary.received_at,
        body,
        provider_event: summary.provider_event.as_deref(),
        cluid: summary.cluid.as_deref().filter(|_| summary.cluid_status == CluidStatus::Found),
        source_name,
        booking,
    };
    workflow.trace(&view, settings).1.into_iter().map(to_proto).collect()
}

/// What a node saw and did, as the contract has it.
pub(crate) fn to_proto(node: NodeTrace) -> Proto {
    Proto {
        node_id: node.node_id,
        section: node.section.to_owned(),
        target: node.target,
        source: node.source,
        input: node.input.as_ref().map(value::to_proto),
        output: node.output.as_ref().map(value::to_proto),
        outcome: node.outcome.number(),
        reason: node.reason,
        element: node.element.map(|element| i32::try_from(element).unwrap_or(i32::MAX)),
    }
}
