//! Deleting and bringing back: while something is deleted, its doors are shut and nothing is sent; then all goes on.

use serde_json::json;
use tributary_proto::admin::v1::{
    DeleteDestinationRequest, DeleteSourceRequest, DeleteTenantRequest, GetWorkflowRequest,
    UndeleteDestinationRequest, UndeleteSourceRequest, UndeleteTenantRequest, UpdateWorkflowRequest,
    delivery::State,
};
use tributary_tests::{
    Database, Server, ServerBuilder, Sink, Source, Spec, Tenant, Workflow, databases, eventually,
};

struct Scene {
    server: Server,
    tenant: Tenant,
    source: Source,
    workflow: Workflow,
}

impl Scene {
    async fn on(database: Database) -> Self {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let (tenant, source, workflow) = leads(&server, "acme").await;
        Self { server, tenant, source, workflow }
    }

    async fn delete_source(&self) {
        let request = DeleteSourceRequest { name: self.source.name.clone(), etag: String::new() };
        let deleted = self.server.api().sources().delete_source(request).await.expect("deletes").into_inner();
        assert!(deleted.delete_time.is_some() && deleted.purge_time.is_some());
    }

    async fn undelete_source(&self) {
        let request = UndeleteSourceRequest { name: self.source.name.clone(), etag: String::new() };
        self.server.api().sources().undelete_source(request).await.expect("comes back");
    }

    async fn delete_tenant(&self) {
        let request = DeleteTenantRequest { name: self.tenant.name.clone(), etag: String::new() };
        self.server.api().tenants().delete_tenant(request).await.expect("deletes");
    }

    async fn undelete_tenant(&self) {
        let request = UndeleteTenantRequest { name: self.tenant.name.clone(), etag: String::new() };
        self.server.api().tenants().undelete_tenant(request).await.expect("comes back");
    }

    async fn assert_is_gone(&self) {
        assert_eq!(post(&self.server, &self.source).await, Err((410, "SOURCE_DELETED".to_owned())));
    }
}

/// A tenant with a source whose messages become events.
async fn leads(server: &Server, key: &str) -> (Tenant, Source, Workflow) {
    let tenant = server.tenant(key).await;
    let source = server.custom(&tenant, "forms").await;
    let workflow =
        server.published(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
    (tenant, source, workflow)
}

async fn post(server: &Server, source: &Source) -> Result<String, (u16, String)> {
    let answer = server.post(source, json!({"email": "ada@example.com"}).to_string()).await;
    if answer.status.is_success() { Ok(answer.accepted()) } else { Err(answer.refused()) }
}

/// Has the deliveries of a workflow wait for so many seconds.
async fn postpone(server: &Server, workflow: &Workflow, seconds: i64) {
    let now = GetWorkflowRequest { name: workflow.name.clone() };
    let now = server.api().workflows().get_workflow(now).await.expect("a workflow").into_inner();
    let delay = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = UpdateWorkflowRequest {
        workflow: Some(tributary_proto::admin::v1::Workflow { delay, ..now }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["delay".to_owned()] }),
    };
    server.api().workflows().update_workflow(request).await.expect("is changed");
}

#[tokio::test]
async fn a_deleted_sources_url_answers_410_and_after_that_202_again() {
    for database in databases() {
        let mut scene = Scene::on(database).await;
        let first = post(&scene.server, &scene.source).await.expect("is accepted");
        assert_eq!(scene.server.run(&first).await.version, 1);
        scene.delete_source().await;
        scene.assert_is_gone().await;
        scene.server.stop().await;
        scene.server.start_again().await;
        scene.assert_is_gone().await;

        scene.undelete_source().await;
        let second = post(&scene.server, &scene.source).await.expect("is accepted");
        let run = scene.server.run(&second).await;
        assert_eq!(run.version, 1, "the same workflow is in force");
        assert_eq!(scene.server.runs(&scene.workflow).await.len(), 2);
    }
}

#[tokio::test]
async fn a_deleted_tenant_takes_nothing_and_sends_nothing_until_it_comes_back() {
    for database in databases() {
        let mut scene = Scene::on(database).await;
        let (yardstick, other, slow) = leads(&scene.server, "other").await;
        let (sink, measure) = (Sink::start().await, Sink::start().await);
        scene.server.destination(&scene.tenant, "hook", &sink).await;
        scene.server.destination(&yardstick, "hook", &measure).await;
        postpone(&scene.server, &scene.workflow, 2).await;
        postpone(&scene.server, &slow, 2).await;
        let message = post(&scene.server, &scene.source).await.expect("is accepted");
        scene.server.processed(&message).await;
        scene.delete_tenant().await;
        scene.assert_is_gone().await;
        // What is due later is sent, and with it what was due before would have been.
        post(&scene.server, &other).await.expect("others are not concerned");
        measure.wait_for(1).await;
        assert_eq!(sink.deliveries(), 0);

        scene.server.stop().await;
        scene.server.start_again().await;
        scene.assert_is_gone().await;
        post(&scene.server, &other).await.expect("others are not concerned");
        measure.wait_for(2).await;
        assert_eq!(sink.deliveries(), 0, "not after a start either");

        scene.undelete_tenant().await;
        assert_eq!(sink.wait_for(1).await[0].message(), message);
        post(&scene.server, &scene.source).await.expect("is accepted");
        sink.wait_for(2).await;
        assert_eq!(scene.server.delivered(&scene.tenant, 2).await.len(), 2);
    }
}

#[tokio::test]
async fn what_waits_for_a_deleted_destination_is_sent_when_it_comes_back() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let (gone, stays) = (Sink::start().await, Sink::start().await);
        let destination = scene.server.destination(&scene.tenant, "gone", &gone).await;
        scene.server.destination(&scene.tenant, "stays", &stays).await;
        postpone(&scene.server, &scene.workflow, 2).await;
        let message = post(&scene.server, &scene.source).await.expect("is accepted");
        scene.server.processed(&message).await;
        let request = DeleteDestinationRequest { name: destination.name.clone(), etag: String::new() };
        scene.server.api().destinations().delete_destination(request).await.expect("deletes");
        let meanwhile = post(&scene.server, &scene.source).await.expect("is accepted");
        stays.wait_for(2).await;
        assert_eq!(gone.deliveries(), 0);

        let request = UndeleteDestinationRequest { name: destination.name, etag: String::new() };
        scene.server.api().destinations().undelete_destination(request).await.expect("comes back");
        assert_eq!(gone.wait_for(1).await[0].message(), message);
        let deliveries = eventually("all are sent", async || {
            let all = scene.server.deliveries(&scene.tenant).await;
            all.iter().all(|delivery| delivery.state() == State::Delivered).then_some(all)
        })
        .await;
        assert_eq!(deliveries.len(), 3, "none was made while it was deleted, for {meanwhile}");
    }
}
