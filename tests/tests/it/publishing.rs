//! A publish between acceptance and commit: the new version is used, and shown.

use serde_json::json;
use tributary_tests::{Server, Spec, eventually, now_micros, to_micros};

#[tokio::test]
async fn what_is_published_between_acceptance_and_commit_is_used_and_shown() {
    let server = Server::start().await;
    let tenant = server.tenant("acme").await;
    let source = server.custom(&tenant, "forms").await;
    let spec = |version: usize| Spec::track(&format!("Version{version}")).identifier("email", "$.email");
    let workflow = server.published(&source, "leads", spec(1)).await;

    // A burst and a publish at the same time: sooner or later the publish falls in between.
    let mut version = 1;
    let caught = eventually("a message is accepted before a publish and committed after it", async || {
        version += 1;
        server.redraft(&workflow, spec(version)).await;
        let burst = (0..200).map(|number| {
            let body = json!({"email": format!("p{number}@example.com")}).to_string();
            let (server, source) = (&server, &source);
            async move { server.post(source, body).await.accepted() }
        });
        let burst = futures::future::join_all(burst);
        let publish = async {
            // Once the first ones are acknowledged.
            server.post(&source, json!({}).to_string()).await.accepted();
            (server.publish(&workflow).await, now_micros())
        };
        let (messages, (published, told)) = tokio::join!(burst, publish);
        let effective = to_micros(published.update_time.as_ref());
        let mut caught = false;
        for id in &messages {
            let trace = server.trace(id).await;
            let message = trace.message.expect("a message");
            let run = trace.runs[0].run.as_ref().expect("a run");
            let event = trace.runs[0].events[0].event.as_ref().expect("an event");
            assert_eq!(event.event_name, format!("Version{}", run.version), "what ran is what is shown");
            let accepted = to_micros(message.receive_time.as_ref());
            // Between its time and its answer the publish waits for the ledger like everybody else.
            if accepted > told {
                assert_eq!(run.version, published.published_version, "accepted after the publish");
            }
            caught |= accepted < effective && run.version == published.published_version;
        }
        caught.then_some(())
    });
    caught.await;
}

#[tokio::test]
async fn what_is_unpublished_is_out_of_force_for_everything_not_yet_committed() {
    use tributary_proto::admin::v1::{UnpublishWorkflowRequest, run_status::Code};
    let server = Server::start().await;
    let tenant = server.tenant("acme").await;
    let source = server.custom(&tenant, "forms").await;
    let workflow =
        server.published(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
    let body = json!({"email": "ada@example.com"}).to_string();
    let first = server.post(&source, body.clone()).await.accepted();
    assert_eq!(server.run(&first).await.version, 1);
    let request = UnpublishWorkflowRequest { name: workflow.name.clone(), etag: String::new() };
    server.api().workflows().unpublish_workflow(request).await.expect("it is out of force");
    let second = server.post(&source, body).await.accepted();
    let run = server.run(&second).await;
    assert_eq!((run.version, run.status.unwrap().code()), (0, Code::MappingNotFound));
    assert_eq!(server.run(&first).await.version, 1, "what ran before keeps its version");
}
