//! Versions of workflows: who published what, what differs, and going back.

use tonic::Code;
use tributary_proto::admin::v1::{
    CompareWorkflowVersionsRequest, CompareWorkflowVersionsResponse, GetWorkflowVersionRequest,
    ListWorkflowVersionsRequest, PublishWorkflowRequest, RollBackWorkflowRequest, UpdateWorkflowRequest,
    Workflow, WorkflowVersion, workflow_difference::Change,
};

use crate::{
    support::{World, fields, mask, reason},
    workflows::create,
};

async fn versions(world: &World, workflow: &Workflow) -> Vec<WorkflowVersion> {
    let request = ListWorkflowVersionsRequest { parent: workflow.name.clone(), ..Default::default() };
    world.workflows().list_workflow_versions(request).await.unwrap().into_inner().workflow_versions
}

async fn publish(world: &World, workflow: &Workflow, note: &str) -> Workflow {
    let request =
        PublishWorkflowRequest { name: workflow.name.clone(), etag: String::new(), note: note.to_owned() };
    world.workflows().publish_workflow(request).await.unwrap().into_inner()
}

/// The same with one user trait less in its draft.
async fn without_a_trait(world: &World, workflow: &Workflow) -> Workflow {
    let mut changed = workflow.clone();
    changed.draft.as_mut().unwrap().user_traits.retain(|mapping| mapping.target != "phone");
    let request = UpdateWorkflowRequest { workflow: Some(changed), update_mask: mask(&["draft"]) };
    world.workflows().update_workflow(request).await.unwrap().into_inner()
}

async fn compare(
    world: &World,
    workflow: &Workflow,
    base: i32,
    with: i32,
) -> CompareWorkflowVersionsResponse {
    let request =
        CompareWorkflowVersionsRequest { name: workflow.name.clone(), base_version: base, version: with };
    world.workflows().compare_workflow_versions(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn what_was_published_is_listed_compared_and_put_in_force_again() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let made = create(&world, &source, "booking").await;
    assert!(versions(&world, &made).await.is_empty());
    let nothing = compare(&world, &made, 0, 0).await;
    assert!(nothing.base_version == 0 && nothing.differences.len() > 5, "nothing is in force yet");

    let first = publish(&world, &made, "as Calendly sends it").await;
    let edited = without_a_trait(&world, &first).await;
    let found = compare(&world, &edited, 0, 0).await;
    assert_eq!((found.base_version, found.version), (1, 0), "what is in force, and the draft");
    assert_eq!(found.differences.len(), 1, "{:?}", found.differences);
    let difference = &found.differences[0];
    assert_eq!(
        (difference.change(), difference.path.as_str()),
        (Change::Removed, "user_traits[trait_phone]")
    );
    assert!(difference.text.starts_with("user trait `phone` was removed: "), "{}", difference.text);
    publish(&world, &edited, "").await;
    assert_eq!(compare(&world, &edited, 2, 1).await.differences[0].change(), Change::Added);

    let listed = versions(&world, &made).await;
    let told: Vec<_> = listed
        .iter()
        .map(|version| (version.version, version.in_force, version.note.as_str(), version.author.as_str()))
        .collect();
    assert_eq!(told, [(2, true, "", "admin_token"), (1, false, "as Calendly sends it", "admin_token")]);
    assert!(listed.iter().all(|version| version.spec.is_none() && version.create_time.is_some()));
    let request = GetWorkflowVersionRequest { name: listed[1].name.clone() };
    let one = world.workflows().get_workflow_version(request).await.unwrap().into_inner();
    assert_eq!(one.spec, first.published);

    let to = |version| RollBackWorkflowRequest {
        name: made.name.clone(),
        version,
        note: "phones are wanted after all".to_owned(),
        ..RollBackWorkflowRequest::default()
    };
    let back = world.workflows().roll_back_workflow(to(1)).await.unwrap().into_inner();
    assert_eq!((back.published_version, &back.published), (3, &first.published));
    assert_eq!(back.draft, edited.draft, "the draft stays");
    let newest = versions(&world, &made).await.remove(0);
    assert_eq!((newest.version, newest.restored_version, newest.in_force), (3, 1, true));
    assert_eq!(newest.note, "phones are wanted after all");
    let replaced = RollBackWorkflowRequest { replace_draft: true, ..to(2) };
    let back = world.workflows().roll_back_workflow(replaced).await.unwrap().into_inner();
    assert_eq!(back.draft, back.published);
}

#[tokio::test]
async fn what_cannot_be_gone_back_to_is_said() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let made = create(&world, &source, "booking").await;
    publish(&world, &made, "").await;
    let to = |version: i32, etag: &str| RollBackWorkflowRequest {
        name: made.name.clone(),
        version,
        etag: etag.to_owned(),
        ..RollBackWorkflowRequest::default()
    };
    for (request, code, told) in [
        (to(1, ""), Code::FailedPrecondition, "VERSION_IN_FORCE"),
        (to(2, ""), Code::NotFound, "WORKFLOW_VERSION_NOT_FOUND"),
        (to(0, ""), Code::InvalidArgument, "INVALID_FIELD"),
        (to(-1, ""), Code::InvalidArgument, "INVALID_FIELD"),
        (to(1, "\"7\""), Code::Aborted, "ETAG_MISMATCH"),
    ] {
        let refused = world.workflows().roll_back_workflow(request).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (code, told));
    }
    let note =
        PublishWorkflowRequest { name: made.name.clone(), note: "x".repeat(501), ..Default::default() };
    assert_eq!(fields(&world.workflows().publish_workflow(note).await.unwrap_err()), ["note"]);
    for name in ["/versions/0", "/versions/x", "/versions/", ""].map(|end| format!("{}{end}", made.name)) {
        let request = GetWorkflowVersionRequest { name };
        let refused = world.workflows().get_workflow_version(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}
