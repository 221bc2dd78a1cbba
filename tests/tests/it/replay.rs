//! Runs that failed succeed when they are replayed after their workflow was mended, and nothing happens twice, also when
//! the server is killed meanwhile.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tributary_proto::admin::v1::{
    DeleteTenantRequest, GetOperationRequest, ListHeldMessagesRequest, Operation, ReplayMessagesRequest,
    UndeleteTenantRequest, WatchOperationRequest, operation::State, run_status::Code,
};
use tributary_tests::{Server, ServerBuilder, Sink, Source, Spec, Tenant, Workflow, databases, eventually};

use crate::{cli::ask, kill::assert_attempts_are_bounded};

/// Messages that fail before the workflow is mended; more than wait in the held lane at once.
const FAILED: usize = 600;

struct Scene {
    server: Server,
    sink: Sink,
    tenant: Tenant,
    source: Source,
    workflow: Workflow,
}

impl Scene {
    /// A source whose workflow looks for the person in the wrong place.
    async fn on(database: tributary_tests::Database) -> Self {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "forms").await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;
        let workflow = server.published(&source, "leads", Self::spec("$.mail")).await;
        Self { server, sink, tenant, source, workflow }
    }

    fn spec(email: &str) -> Spec {
        // What tells bookings apart at the sink.
        Spec::track("Lead").identifier("email", email).attribute("invitee_uri", "$.number")
    }

    async fn post(&self, body: &Value) -> String {
        self.server.post(&self.source, body.to_string()).await.accepted()
    }

    /// Posts messages of people who are not found.
    async fn post_failing(&self, count: usize) -> Vec<String> {
        let posts = (0..count).map(|number| async move {
            let email = format!("p{number}@example.com");
            self.post(&json!({"email": email, "number": number.to_string()})).await
        });
        let posted = futures::future::join_all(posts).await;
        for message in self.server.all_processed(&posted).await {
            let ended = message.runs[0].status.as_ref().map(|status| status.code());
            assert_eq!(ended, Some(Code::UserIdMissing));
        }
        posted
    }

    async fn mend(&self) {
        self.server.redraft(&self.workflow, Self::spec("$.email")).await;
        self.server.publish(&self.workflow).await;
    }

    fn ids(&self) -> BTreeSet<String> {
        self.sink.received().iter().map(|one| one.id().to_owned()).collect()
    }
}

#[tokio::test]
async fn what_failed_succeeds_after_its_workflow_was_mended_and_is_delivered_once() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let server = &scene.server;
        let both = json!({"mail": "ann@example.com", "email": "ann@example.com", "number": "ann"});
        let fine = scene.post(&both).await;
        scene.sink.wait_for(1).await;
        let failed = scene.post_failing(10).await;
        scene.mend().await;

        let narrow = ["messages", "forms", "--since", "1h", "--run-status", "user-id-missing"];
        let preview = ask(server, "replay", &[&narrow[..], &["--dry-run"]].concat());
        assert_eq!((&preview[0]["count"], &preview[0]["complete"]), (&json!("10"), &json!(true)));
        assert_eq!(preview[0]["messages"].as_array().map(Vec::len), Some(5));
        assert!(ask(server, "operations", &["list"]).is_empty(), "nothing was begun");
        assert_eq!(server.run(&failed[0]).await.status.unwrap().code(), Code::UserIdMissing);

        // The one that was fine is processed again as well, and made everything already.
        let told = ask(server, "replay", &["messages", "--since", "1h", "--yes"]);
        let last = told.last().expect("its end is told");
        assert_eq!(
            (&last["state"], &last["doneCount"]),
            (&json!("STATE_SUCCEEDED"), &json!("11")),
            "{told:?}"
        );
        for id in failed.iter().chain([&fine]) {
            let trace = server.trace(id).await;
            let run = trace.runs[0].run.as_ref().expect("a run");
            assert_eq!((run.status.as_ref().unwrap().code(), run.version), (Code::Succeeded, 2));
            let before = trace.replays[0].runs_before[0].status.as_ref().map(|status| status.code());
            let expected = if *id == fine { Code::Succeeded } else { Code::UserIdMissing };
            assert_eq!((before, trace.replays.len()), (Some(expected), 1));
        }
        scene.sink.wait_for(11).await;
        assert_eq!(server.delivered(&scene.tenant, 11).await.len(), 11);
        let ids = scene.ids();

        let again = ask(server, "replay", &["messages", "--since", "1h", "--yes"]);
        assert_eq!(again.last().expect("its end is told")["doneCount"], json!("11"));
        // Whatever it had made would be sent before this one.
        let after = json!({"email": "after@example.com", "number": "after"});
        scene.post(&after).await;
        assert_eq!(scene.sink.wait_for(12).await.len(), 12, "nothing was sent again");
        assert_eq!(server.events(&scene.tenant).await.len(), 12);
        assert!(ids.is_subset(&scene.ids()));

        server.delivered(&scene.tenant, 12).await;
        let sent = ask(server, "replay", &["deliveries", "--since", "1h", "--destination", "hook", "--yes"]);
        assert_eq!(sent.last().expect("its end is told")["doneCount"], json!("12"));
        scene.sink.wait_for(24).await;
        assert_eq!(scene.ids().len(), 12, "each under the id that it had");
        let deliveries = eventually("each was attempted twice", async || {
            let all = server.deliveries(&scene.tenant).await;
            all.iter().all(|one| one.attempt_count == 2 && one.complete_time.is_some()).then_some(all)
        });
        assert!(deliveries.await.iter().all(|one| one.generation == 0));
        assert_eq!(ask(server, "operations", &["list"]).len(), 3);
    }
}

#[tokio::test]
async fn a_replay_waits_for_a_tenant_that_is_suspended_or_deleted() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let server = &scene.server;
        let failed = scene.post_failing(3).await;
        scene.mend().await;
        server.suspend(&scene.tenant).await;
        let request = ReplayMessagesRequest {
            parent: scene.tenant.name.clone(),
            messages: failed.clone(),
            ..Default::default()
        };
        let begun = server.api().logs().replay_messages(request).await.expect("it begins").into_inner();
        // Whatever came of it would stand before this one.
        scene.post(&json!({"email": "held@example.com", "number": "held"})).await;
        eventually("the next message is held", async || {
            let request = ListHeldMessagesRequest { parent: scene.tenant.name.clone(), ..Default::default() };
            let held = server.api().logs().list_held_messages(request).await.expect("a list").into_inner();
            (held.held_messages.len() == 1).then_some(())
        })
        .await;
        let name = scene.tenant.name.clone();
        let delete = DeleteTenantRequest { name: name.clone(), ..Default::default() };
        server.api().tenants().delete_tenant(delete).await.expect("it is deleted");
        let undelete = UndeleteTenantRequest { name, ..Default::default() };
        server.api().tenants().undelete_tenant(undelete).await.expect("it is back");
        let waits = scene.operation(&begun.name).await;
        assert_eq!((waits.state(), waits.done_count), (State::Running, 0));
        server.resume(&scene.tenant).await;
        eventually("it is done", async || {
            let operation = scene.operation(&begun.name).await;
            (operation.state() == State::Succeeded && operation.done_count == 3).then_some(())
        })
        .await;
        for id in &failed {
            assert_eq!(server.run(id).await.status.unwrap().code(), Code::Succeeded);
        }
    }
}

#[tokio::test]
async fn a_replay_goes_on_after_a_kill_and_makes_everything_once() {
    for database in databases() {
        let mut scene = Scene::on(database).await;
        scene.post_failing(FAILED).await;
        scene.mend().await;
        let request = ReplayMessagesRequest {
            parent: scene.source.name.clone(),
            filter: "time >= \"2020-01-01T00:00:00Z\" AND run_status = USER_ID_MISSING".to_owned(),
            ..Default::default()
        };
        let begun = scene.server.api().logs().replay_messages(request).await.expect("it begins").into_inner();
        let mut kills = 0;
        for part in [1, FAILED as i64 / 2] {
            let operation = eventually("it is in the middle of it", async || {
                let operation = scene.operation(&begun.name).await;
                (operation.done_count >= part).then_some(operation)
            });
            kills += usize::from(operation.await.state() == State::Running);
            scene.server.kill();
            scene.server.start_again().await;
        }
        assert!(kills > 0, "it was killed while it was at work");
        let request = WatchOperationRequest { name: begun.name.clone() };
        let told = scene.server.api().operations().watch_operation(request).await;
        let mut told = told.expect("it is watched").into_inner();
        let mut last = None;
        while let Some(operation) = told.message().await.expect("it is told") {
            last = Some(operation);
        }
        let last = last.expect("its end is told");
        assert_eq!((last.state(), last.failed_count), (State::Succeeded, 0), "{last:?}");
        assert_eq!((last.total_count, last.done_count), (FAILED as i64, FAILED as i64));
        scene.server.delivered(&scene.tenant, FAILED).await;
        assert_eq!(scene.server.deliveries(&scene.tenant).await.len(), FAILED);
        assert_eq!(scene.server.events(&scene.tenant).await.len(), FAILED);
        assert_eq!(scene.ids().len(), FAILED);
        assert_attempts_are_bounded(&scene.sink.received(), 2);
        let runs = scene.server.runs(&scene.workflow).await;
        assert!(runs.iter().all(|run| run.status.as_ref().unwrap().code() == Code::Succeeded));
    }
}

impl Scene {
    async fn operation(&self, name: &str) -> Operation {
        let request = GetOperationRequest { name: name.to_owned() };
        self.server.api().operations().get_operation(request).await.expect("it is there").into_inner()
    }
}
