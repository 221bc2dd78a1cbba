//! Destinations that misbehave.

use std::time::Duration;

use serde_json::json;
use tributary_proto::admin::v1::{
    Delivery, GetWorkflowRequest, ResumeDestinationRequest, UpdateWorkflowRequest, delivery::State,
    destination::State as DestinationState,
};
use tributary_tests::{
    Database, Destination, Reply, Server, ServerBuilder, Sink, Source, Spec, Tenant, databases, eventually,
    eventually_within, to_micros,
};

/// An attempt ends after 20 s at the latest.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(45);

struct Scene {
    server: Server,
    tenant: Tenant,
    source: Source,
    sink: Sink,
    destination: Destination,
}

impl Scene {
    async fn answering(database: Database, reply: Reply) -> Self {
        println!("on {}", database.kind());
        let server = ServerBuilder::on(database).start().await;
        let tenant = server.tenant("acme").await;
        let source = server.custom(&tenant, "forms").await;
        server.published(&source, "leads", Spec::track("Lead").identifier("email", "$.email")).await;
        let sink = Sink::start().await;
        sink.answer(reply);
        let destination = server.destination(&tenant, "hook", &sink).await;
        Self { server, tenant, source, sink, destination }
    }

    async fn post(&self, number: u32) -> String {
        let body = json!({"email": format!("person{number}@example.com")}).to_string();
        self.server.post(&self.source, body).await.accepted()
    }
}

/// How long after its last attempt the next one is due, in seconds.
#[track_caller]
fn due_after(delivery: &Delivery) -> f64 {
    let last = delivery.attempts.last().expect("an attempt");
    let wait = to_micros(delivery.next_attempt_time.as_ref()) - to_micros(last.start_time.as_ref());
    wait as f64 / 1e6
}

#[tokio::test]
async fn an_event_arrives_signed_with_all_that_is_known() {
    for database in databases() {
        let scene = Scene::answering(database, Reply::Status(204)).await;
        let message = scene.post(1).await;
        let received = scene.sink.wait_for(1).await.remove(0);
        let delivery = scene.server.attempted(&scene.tenant, 1).await;
        assert_eq!(delivery.state(), State::Delivered);
        assert!(delivery.name.ends_with(received.id()));
        assert_eq!((delivery.last_http_status, delivery.attempts[0].outcome.as_str()), (204, "DELIVERED"));
        assert_eq!(received.message(), message);
        assert_eq!(received.body["type"], json!("event.track"));
        assert_eq!(received.body["data"]["name"], json!("Lead"));
        assert_eq!(received.body["data"]["identifiers"][0]["value"], json!("person1@example.com"));
    }
}

#[tokio::test]
async fn a_destination_that_fails_is_tried_again_with_the_same_id_also_after_a_restart() {
    for database in databases() {
        let mut scene = Scene::answering(database, Reply::Status(500)).await;
        scene.post(1).await;
        let failed = scene.server.attempted(&scene.tenant, 1).await;
        assert_eq!((failed.state(), failed.attempts[0].outcome.as_str()), (State::Pending, "RETRY"));
        assert_eq!(failed.attempts[0].response_body, b"noted");
        let wait = due_after(&failed);
        assert!((4.0..=6.5).contains(&wait), "the second try is due after 5 s, give or take a fifth: {wait}");

        scene.sink.answer(Reply::Status(200));
        scene.server.stop().await;
        scene.server.start_again().await;
        let received = scene.sink.wait_for(2).await;
        assert_eq!(received[0].id(), received[1].id());
        assert_eq!(received[0].body, received[1].body, "the same bytes on every try");
        let delivered = scene.server.delivered(&scene.tenant, 1).await;
        assert_eq!(delivered[0].attempt_count, 2);
    }
}

#[tokio::test]
async fn too_many_requests_with_retry_after_is_honoured_up_to_a_day() {
    for (asked, expected) in [("3600", 3_600.0), ("9999999", 86_400.0)] {
        for database in databases() {
            let reply = Reply::With(429, vec![("retry-after", asked.to_owned())]);
            let scene = Scene::answering(database, reply).await;
            scene.post(1).await;
            let delivery = scene.server.attempted(&scene.tenant, 1).await;
            let wait = due_after(&delivery);
            assert!((expected..expected + 5.0).contains(&wait), "asked for {asked}, waits {wait}");
            assert_eq!((delivery.state(), delivery.last_http_status), (State::Pending, 429));
        }
    }
}

#[tokio::test]
async fn gone_disables_the_destination_until_a_person_resumes_it() {
    for database in databases() {
        let scene = Scene::answering(database, Reply::Status(410)).await;
        scene.post(1).await;
        let delivery = scene.server.attempted(&scene.tenant, 1).await;
        assert_eq!((delivery.state(), delivery.attempts[0].outcome.as_str()), (State::Failed, "DISABLED"));
        let reason = eventually("the destination is disabled", async || {
            let (state, reason) = scene.server.destination_state(&scene.destination).await;
            (state == DestinationState::Disabled).then_some(reason)
        });
        assert!(reason.await.contains("410"));

        scene.sink.answer(Reply::Status(200));
        let message = scene.post(2).await;
        scene.server.processed(&message).await;
        assert_eq!(scene.sink.received().len(), 1, "nothing is sent to it");
        let request = ResumeDestinationRequest { name: scene.destination.name.clone(), etag: String::new() };
        scene.server.api().destinations().resume_destination(request).await.expect("it is resumed");
        let received = scene.sink.wait_for(2).await;
        assert_eq!(received[1].message(), message, "what waited is sent now");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for database in databases() {
        let other = Sink::start().await;
        let scene = Scene::answering(database, Reply::With(307, vec![("location", other.url())])).await;
        scene.post(1).await;
        let delivery = scene.server.attempted(&scene.tenant, 1).await;
        assert_eq!((delivery.state(), delivery.last_http_status), (State::Pending, 307));
        assert!(delivery.last_error.contains("redirect"), "{}", delivery.last_error);
        assert!(other.received().is_empty());
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_and_the_event_is_delivered() {
    for database in databases() {
        let scene = Scene::answering(database, Reply::Endless).await;
        scene.post(1).await;
        let delivery = scene.server.attempted(&scene.tenant, 1).await;
        assert_eq!(delivery.state(), State::Delivered);
        let attempt = &delivery.attempts[0];
        assert!(attempt.response_body_truncated && attempt.response_body.len() <= 16 << 10);
    }
}

#[tokio::test]
async fn a_destination_that_hangs_holds_nobody_up_and_is_given_up_on() {
    for database in databases() {
        let scene = Scene::answering(database, Reply::Hang).await;
        let good = Sink::start().await;
        scene.server.destination(&scene.tenant, "good", &good).await;
        for number in 0..20 {
            scene.post(number).await;
        }
        good.wait_for(20).await;
        let hung = eventually_within(LONGEST_ATTEMPT, "an attempt that hangs ends", async || {
            let deliveries = scene.server.deliveries(&scene.tenant).await;
            deliveries
                .into_iter()
                .find(|one| one.destination == scene.destination.name && one.attempt_count > 0)
        });
        let hung = scene.server.delivery(&hung.await.name).await;
        assert_eq!((hung.state(), hung.attempts[0].outcome.as_str()), (State::Pending, "RETRY"));
        assert_eq!(hung.last_http_status, 0);
        assert!(hung.last_error.contains("no answer"), "{}", hung.last_error);
    }
}

#[tokio::test]
async fn a_private_address_is_refused_unless_the_deployment_allows_it() {
    for database in databases() {
        let scene = Scene::answering(database, Reply::Status(200)).await;
        // Loopback is allowed to these tests; a link-local address, where clouds keep their secrets, is not.
        let tenant = scene.server.tenant("other").await;
        let source = scene.server.custom(&tenant, "forms").await;
        let spec = Spec::track("Lead").identifier("email", "$.email");
        scene.server.published(&source, "leads", spec).await;
        let url = "https://169.254.169.254/latest/meta-data";
        scene.server.destination_at(&tenant, "metadata", url, scene.sink.secret()).await;
        scene.server.post(&source, json!({"email": "a@example.com"}).to_string()).await.accepted();
        let delivery = scene.server.attempted(&tenant, 1).await;
        assert_eq!((delivery.last_http_status, delivery.attempts[0].outcome.as_str()), (0, "RETRY"));
        assert!(delivery.last_error.contains("is not public"), "{}", delivery.last_error);
    }
}

/// Publishes a workflow of `source` whose deliveries are postponed by `seconds`.
async fn postponing(server: &Server, source: &Source, key: &str, seconds: i64) {
    let workflow = server.draft(source, key, Spec::track("Lead").identifier("email", "$.email")).await;
    let now = GetWorkflowRequest { name: workflow.name.clone() };
    let mut changed = server.api().workflows().get_workflow(now).await.expect("a workflow").into_inner();
    changed.delay = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = UpdateWorkflowRequest {
        workflow: Some(changed),
        update_mask: Some(prost_types::FieldMask { paths: vec!["delay".to_owned()] }),
    };
    server.api().workflows().update_workflow(request).await.expect("the delay is set");
    server.publish(&workflow).await;
}

#[tokio::test]
async fn a_delay_of_the_workflow_postpones_its_deliveries_and_nothing_else() {
    for database in databases() {
        let scene = Scene::answering(database, Reply::Status(200)).await;
        let tenant = scene.server.tenant("other").await;
        scene.server.destination(&tenant, "hook", &scene.sink).await;
        let (soon, late) =
            (scene.server.custom(&tenant, "soon").await, scene.server.custom(&tenant, "late").await);
        postponing(&scene.server, &soon, "soon", 2).await;
        postponing(&scene.server, &late, "late", 3_600).await;

        let body = || json!({"email": "ada@example.com"}).to_string();
        let later = scene.server.post(&late, body()).await.accepted();
        let sooner = scene.server.post(&soon, body()).await.accepted();
        let accepted =
            |message: tributary_proto::admin::v1::Message| to_micros(message.receive_time.as_ref());
        let later = accepted(scene.server.processed(&later).await);
        let sent = accepted(scene.server.processed(&sooner).await);

        let received = scene.sink.wait_for(1).await;
        assert_eq!(received[0].message(), sooner);
        let deliveries = scene.server.delivered(&tenant, 1).await;
        let (done, waiting): (Vec<_>, Vec<_>) =
            deliveries.into_iter().partition(|one| one.state() == State::Delivered);
        assert_eq!((done.len(), waiting.len()), (1, 1));
        let done = scene.server.delivery(&done[0].name).await;
        let waited = to_micros(done.attempts[0].start_time.as_ref()) - sent;
        assert!(waited >= 2_000_000, "sent after {waited} µs");
        assert_eq!((waiting[0].state(), waiting[0].attempt_count), (State::Pending, 0));
        let wait = to_micros(waiting[0].next_attempt_time.as_ref()) - later;
        assert!((3_600_000_000..3_660_000_000).contains(&wait), "due after {wait} µs");
        assert_eq!(scene.sink.received().len(), 1);
    }
}
