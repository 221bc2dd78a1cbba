//! Deleting, bringing back, and what would go.

use tonic::Code;
use tributary_proto::admin::v1::{
    DeleteDestinationRequest, DeleteSourceRequest, DeleteTenantRequest, DeleteWorkflowRequest,
    DeletionPreview, GetSourceRequest, GetTenantRequest, GetWorkflowRequest, ListDestinationsRequest,
    ListSourcesRequest, ListTenantsRequest, ListWorkflowsRequest, PreviewDeleteDestinationRequest,
    PreviewDeleteSourceRequest, PreviewDeleteTenantRequest, PreviewDeleteWorkflowRequest,
    PublishWorkflowRequest, Source, Tenant, UndeleteDestinationRequest, UndeleteSourceRequest,
    UndeleteTenantRequest, UndeleteWorkflowRequest, Workflow,
};
use tributary_store::lifecycle::GRACE;

use crate::{
    destinations,
    support::{NOW, World, id, reason, tenant_of},
    workflows,
};

const DAYS_30: i64 = 30 * 24 * 60 * 60;

/// When everything in these tests is deleted, and when it would be removed.
fn times() -> (Option<prost_types::Timestamp>, Option<prost_types::Timestamp>) {
    assert_eq!(GRACE.as_secs(), DAYS_30.unsigned_abs());
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    (at(NOW.seconds()), at(NOW.seconds() + DAYS_30))
}

fn delete_source(source: &Source) -> DeleteSourceRequest {
    DeleteSourceRequest { name: source.name.clone(), etag: source.etag.clone() }
}

#[tokio::test]
async fn a_source_goes_with_its_workflows_and_comes_back_with_them() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let workflow = workflows::create(&world, &source, "booking").await;
    let publish =
        PublishWorkflowRequest { name: workflow.name.clone(), etag: String::new(), note: String::new() };
    let published = world.workflows().publish_workflow(publish).await.unwrap().into_inner();

    let preview = PreviewDeleteSourceRequest { name: source.name.clone() };
    let preview = world.sources().preview_delete_source(preview).await.unwrap().into_inner();
    let (delete_time, purge_time) = times();
    let expected = DeletionPreview {
        workflow_count: 1,
        workflow_version_count: 1,
        purge_time,
        ..DeletionPreview::default()
    };
    assert_eq!(preview, expected);
    let stale = DeleteSourceRequest { etag: "\"9\"".to_owned(), ..delete_source(&source) };
    assert_eq!(reason(&world.sources().delete_source(stale).await.unwrap_err()), "ETAG_MISMATCH");
    let deleted = world.sources().delete_source(delete_source(&source)).await.unwrap().into_inner();
    assert_eq!((deleted.delete_time, deleted.purge_time), (delete_time, purge_time));
    assert_eq!(*world.house.sources.lock().unwrap().last().unwrap(), id(&source.name));
    let get = GetSourceRequest { name: source.name.clone() };
    assert_eq!(world.sources().get_source(get.clone()).await.unwrap_err().code(), Code::NotFound);
    let get_workflow = GetWorkflowRequest { name: workflow.name.clone() };
    let gone = world.workflows().get_workflow(get_workflow.clone()).await.unwrap_err();
    assert_eq!(reason(&gone), "WORKFLOW_NOT_FOUND");

    let list = |show_deleted| ListSourcesRequest {
        parent: tenant.name.clone(),
        show_deleted,
        ..ListSourcesRequest::default()
    };
    let live = world.sources().list_sources(list(false)).await.unwrap().into_inner().sources;
    let all = world.sources().list_sources(list(true)).await.unwrap().into_inner().sources;
    assert_eq!((live, all), (Vec::new(), vec![deleted.clone()]));
    let list = ListWorkflowsRequest { parent: source.name.clone(), show_deleted: true, ..Default::default() };
    let all = world.workflows().list_workflows(list).await.unwrap().into_inner().workflows;
    assert_eq!((all.len(), all[0].delete_time), (1, delete_time));
    let alone = UndeleteWorkflowRequest { name: workflow.name.clone(), etag: String::new() };
    let refused = world.workflows().undelete_workflow(alone.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "PARENT_DELETED"));

    let undelete = UndeleteSourceRequest { name: source.name.clone(), etag: deleted.etag };
    let back = world.sources().undelete_source(undelete.clone()).await.unwrap().into_inner();
    assert_eq!(Source { etag: source.etag.clone(), ..back.clone() }, source, "all as it was");
    assert_eq!(world.sources().get_source(get).await.unwrap().into_inner(), back);
    assert_eq!(world.workflows().get_workflow(get_workflow).await.unwrap().into_inner(), published);
    let twice = UndeleteSourceRequest { etag: String::new(), ..undelete };
    let refused = world.sources().undelete_source(twice).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "NOT_DELETED"));
    assert_eq!(reason(&world.workflows().undelete_workflow(alone).await.unwrap_err()), "NOT_DELETED");
}

#[tokio::test]
async fn a_workflow_whose_key_is_taken_does_not_come_back_and_the_key_is_named() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let first = workflows::create(&world, &source, "booking").await;
    let preview = PreviewDeleteWorkflowRequest { name: first.name.clone() };
    let preview = world.workflows().preview_delete_workflow(preview).await.unwrap().into_inner();
    assert_eq!(preview, DeletionPreview { purge_time: times().1, ..DeletionPreview::default() });
    let delete = DeleteWorkflowRequest { name: first.name.clone(), etag: String::new() };
    let deleted = world.workflows().delete_workflow(delete).await.unwrap().into_inner();
    assert_eq!((deleted.delete_time, deleted.purge_time), times());
    let second = workflows::create(&world, &source, "booking").await;
    let undelete = UndeleteWorkflowRequest { name: first.name.clone(), etag: String::new() };
    let refused = world.workflows().undelete_workflow(undelete.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "KEY_EXISTS"));
    assert!(refused.message().contains("`booking`"), "{}", refused.message());
    let delete = DeleteWorkflowRequest { name: second.name, etag: String::new() };
    world.workflows().delete_workflow(delete).await.unwrap();
    let other = world.source(&tenant, "other").await.source.unwrap();
    let elsewhere = first.name.replace(&source.name, &other.name);
    let elsewhere = UndeleteWorkflowRequest { name: elsewhere, etag: String::new() };
    assert_eq!(world.workflows().undelete_workflow(elsewhere).await.unwrap_err().code(), Code::NotFound);
    let back = world.workflows().undelete_workflow(undelete).await.unwrap().into_inner();
    assert_eq!(Workflow { etag: first.etag.clone(), ..back }, first);
}

#[tokio::test]
async fn a_destination_comes_back_with_its_secrets() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let made = destinations::create(&world, &tenant).await;
    let preview = PreviewDeleteDestinationRequest { name: made.name.clone() };
    let preview = world.destinations().preview_delete_destination(preview).await.unwrap().into_inner();
    assert_eq!(preview.waiting_delivery_count, 0);
    let delete = DeleteDestinationRequest { name: made.name.clone(), etag: made.etag.clone() };
    let deleted = world.destinations().delete_destination(delete).await.unwrap().into_inner();
    assert_eq!((deleted.delete_time, deleted.purge_time), times());
    let list = ListDestinationsRequest { parent: tenant.name, show_deleted: true, ..Default::default() };
    let all = world.destinations().list_destinations(list).await.unwrap().into_inner().destinations;
    assert_eq!(all, [deleted]);
    let undelete = UndeleteDestinationRequest { name: made.name.clone(), etag: String::new() };
    let back = world.destinations().undelete_destination(undelete).await.unwrap().into_inner();
    assert_eq!(tributary_proto::admin::v1::Destination { etag: made.etag.clone(), ..back }, made);
}

#[tokio::test]
async fn a_tenant_goes_with_everything_and_comes_back_with_it() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::create(&world, &source, "booking").await;
    destinations::create(&world, &tenant).await;
    let preview = PreviewDeleteTenantRequest { name: tenant.name.clone() };
    let preview = world.tenants().preview_delete_tenant(preview).await.unwrap().into_inner();
    let expected = DeletionPreview {
        source_count: 1,
        workflow_count: 1,
        destination_count: 1,
        purge_time: times().1,
        ..DeletionPreview::default()
    };
    assert_eq!(preview, expected);

    world.house.configured.lock().unwrap().clear();
    let delete = DeleteTenantRequest { name: tenant.name.clone(), etag: tenant.etag.clone() };
    let deleted = world.tenants().delete_tenant(delete).await.unwrap().into_inner();
    assert_eq!((deleted.delete_time, deleted.purge_time), times());
    assert_eq!(*world.house.configured.lock().unwrap(), [tenant_of(&tenant.name)], "the house is told");
    let get = GetTenantRequest { name: tenant.name.clone() };
    assert_eq!(reason(&world.tenants().get_tenant(get.clone()).await.unwrap_err()), "TENANT_NOT_FOUND");
    let below = GetSourceRequest { name: source.name.clone() };
    assert_eq!(reason(&world.sources().get_source(below.clone()).await.unwrap_err()), "TENANT_NOT_FOUND");
    let parent = tenant.name.split("/tenants").next().unwrap().to_owned();
    let list =
        |show_deleted| ListTenantsRequest { parent: parent.clone(), show_deleted, ..Default::default() };
    let live = world.tenants().list_tenants(list(false)).await.unwrap().into_inner().tenants;
    let all = world.tenants().list_tenants(list(true)).await.unwrap().into_inner().tenants;
    assert_eq!((live, all), (Vec::new(), vec![deleted]));

    let stale = UndeleteTenantRequest { name: tenant.name.clone(), etag: tenant.etag.clone() };
    assert_eq!(reason(&world.tenants().undelete_tenant(stale).await.unwrap_err()), "ETAG_MISMATCH");
    let undelete = UndeleteTenantRequest { name: tenant.name.clone(), etag: String::new() };
    let back = world.tenants().undelete_tenant(undelete).await.unwrap().into_inner();
    assert_eq!(Tenant { etag: tenant.etag.clone(), ..back.clone() }, tenant);
    assert_eq!(world.tenants().get_tenant(get).await.unwrap().into_inner(), back);
    assert_eq!(world.sources().get_source(below).await.unwrap().into_inner(), source);
}

#[tokio::test]
async fn tokens_of_a_list_with_the_deleted_are_not_those_of_one_without() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    for key in ["one", "two"] {
        world.source(&tenant, key).await;
    }
    let list = |show_deleted, page_token| ListSourcesRequest {
        parent: tenant.name.clone(),
        page_size: 1,
        page_token,
        show_deleted,
        ..ListSourcesRequest::default()
    };
    let first = world.sources().list_sources(list(true, String::new())).await.unwrap().into_inner();
    let refused = world.sources().list_sources(list(false, first.next_page_token)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
