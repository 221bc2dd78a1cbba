//! Workflows are tested before they are published, and compared with what happened: and what was said comes to pass.

use serde_json::{Value, json};
use tributary_proto::admin::v1::run_status::Code;
use tributary_tests::{Server, ServerBuilder, Sink, Source, Spec, Tenant, Workflow, databases, eventually};

use crate::cli::ask;

struct Scene {
    server: Server,
    sink: Sink,
    tenant: Tenant,
    source: Source,
    workflow: Workflow,
}

impl Scene {
    async fn on(database: tributary_tests::Database) -> Self {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "forms").await;
        let sink = Sink::start().await;
        server.destination(&tenant, "hook", &sink).await;
        let workflow = server.published(&source, "leads", spec("$.mail")).await;
        Self { server, sink, tenant, source, workflow }
    }

    async fn post(&self, body: &Value) -> String {
        self.server.post(&self.source, body.to_string()).await.accepted()
    }

    /// Posts messages of which some name a person where the workflow looks, and all do where it should.
    async fn post_all(&self, count: usize) -> Vec<String> {
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            let email = format!("p{number}@example.com");
            let mail = (number % 2 == 0).then_some(&email);
            ids.push(self.post(&json!({"email": email, "mail": mail, "number": number.to_string()})).await);
        }
        self.server.all_processed(&ids).await;
        ids
    }
}

fn spec(email: &str) -> Spec {
    Spec::track("Lead").identifier("email", email).attribute("invitee_uri", "$.number")
}

#[tokio::test]
async fn what_a_backtest_says_is_what_publishing_and_replaying_does() {
    for database in databases() {
        let scene = Scene::on(database).await;
        let server = &scene.server;
        let ids = scene.post_all(20).await;
        scene.sink.wait_for(10).await;
        server.redraft(&scene.workflow, spec("$.email")).await;

        let told = ask(server, "workflows", &["test", "leads", "--message", &ids[1]]);
        let run = &told[0]["run"];
        assert_eq!(run["run"]["status"]["code"], json!("CODE_SUCCEEDED"), "{told:?}");
        assert_eq!(told[0]["deliveries"][0]["request"]["method"], json!("POST"));
        assert_eq!(server.run(&ids[1]).await.status.unwrap().code(), Code::UserIdMissing, "nothing was done");

        let told = ask(server, "workflows", &["backtest", "leads", "--from", "1h"]);
        let report = told.iter().rev().find_map(|one| one.get("backtestReport")).expect("a report");
        assert_eq!(report["messageCount"], json!("20"), "{told:?}");
        assert_eq!(report["sameMessageCount"], json!("10"));
        assert_eq!(report["events"], json!({"sameCount": "10", "addedCount": "10"}));
        assert_eq!(report["deliveries"], json!({"sameCount": "10", "addedCount": "10"}));
        assert_eq!(report["identity"]["newCount"], json!("10"));
        let change = json!({"before": "USER_ID_MISSING", "after": "SUCCEEDED", "count": "10"});
        assert!(report["statuses"].as_array().expect("a list").contains(&change), "{report}");
        assert_eq!(server.events(&scene.tenant).await.len(), 10, "nothing was done");

        server.publish(&scene.workflow).await;
        ask(server, "replay", &["messages", "--since", "1h", "--yes"]);
        scene.sink.wait_for(20).await;
        assert_eq!(server.events(&scene.tenant).await.len(), 20);

        let told = ask(server, "workflows", &["backtest", "leads", "--from", "1h", "--publish-if-same"]);
        assert_eq!(told.last().expect("the workflow")["publishedVersion"], json!(3), "{told:?}");
    }
}

#[tokio::test]
async fn a_backtest_goes_on_after_the_server_was_killed() {
    for database in databases() {
        let mut scene = Scene::on(database).await;
        scene.post_all(30).await;
        let begun = ask(&scene.server, "workflows", &["backtest", "leads", "--from", "1h", "--detach"]);
        scene.server.kill();
        scene.server.start_again().await;
        let name = begun[0]["name"].as_str().expect("a name").to_owned();
        let done = eventually("it is done", async || {
            let found = ask(&scene.server, "operations", &["get", &name]).remove(0);
            (found["state"] == json!("STATE_SUCCEEDED")).then_some(found)
        });
        let done = done.await;
        assert_eq!(done["backtestReport"]["messageCount"], json!("30"), "{done}");
        assert_eq!(done["backtestReport"]["same"], json!(true));
    }
}
