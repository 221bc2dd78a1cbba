//! Tests of workflows: what would be made of a message, and that nothing is.

use serde_json::json;
use tonic::{Code, Status};
use tributary_proto::admin::v1::{
    Destination, GetMessageTraceRequest, Source, Tenant, TestWorkflowRequest, TestWorkflowResponse,
    UpdateDestinationRequest, UpdateSourceRequest, UpdateWorkflowRequest, Workflow, WorkflowSpec,
    event::follows::Kind, identity_step::Action, run_status, test_workflow_request::On,
};

use crate::{
    destinations,
    logs::booking,
    support::{World, fields, mask, reason},
    workflows,
};

const ANN: &str = "trb_0123456789abcdefghjkmnpqrs";

struct Scene {
    world: World,
    tenant: Tenant,
    source: Source,
    destination: Destination,
    workflow: Workflow,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let tenant = world.tenant("acme").await;
        let source = world.source(&tenant, "calendly").await.source.unwrap();
        let destination = destinations::create(&world, &tenant).await;
        let workflow = workflows::create(&world, &source, "booking").await;
        Self { world, tenant, source, destination, workflow }
    }

    async fn ask(&self, request: TestWorkflowRequest) -> Result<TestWorkflowResponse, Status> {
        let request = TestWorkflowRequest { name: self.workflow.name.clone(), ..request };
        self.world.workflows().test_workflow(request).await.map(tonic::Response::into_inner)
    }

    async fn on(&self, on: On) -> TestWorkflowResponse {
        self.ask(TestWorkflowRequest { on: Some(on), ..TestWorkflowRequest::default() }).await.unwrap()
    }

    async fn redraft(&mut self, change: impl FnOnce(&mut WorkflowSpec)) {
        let mut workflow = self.workflow.clone();
        change(workflow.draft.as_mut().unwrap());
        let request = UpdateWorkflowRequest { workflow: Some(workflow), update_mask: mask(&["draft"]) };
        self.workflow = self.world.workflows().update_workflow(request).await.unwrap().into_inner();
    }
}

fn code(test: &TestWorkflowResponse) -> run_status::Code {
    test.run.as_ref().unwrap().run.as_ref().unwrap().status.as_ref().unwrap().code()
}

fn actions(test: &TestWorkflowResponse) -> Vec<Action> {
    let event = &test.run.as_ref().unwrap().events[0];
    event.identity.as_ref().unwrap().steps.iter().map(|step| step.action()).collect()
}

fn body(number: u32, email: &str) -> On {
    On::Body(booking(number, email, ANN).to_string())
}

#[tokio::test]
async fn a_draft_is_tested_on_a_body_and_not_a_byte_of_the_database_changes() {
    let scene = Scene::new().await;
    let before = scene.world.database();
    let test = scene.on(body(1, "ann@example.com")).await;
    assert_eq!(scene.world.database(), before, "nothing is written");

    assert_eq!(code(&test), run_status::Code::Succeeded);
    let run = test.run.unwrap();
    assert_eq!(run.run.unwrap().version, 0, "a draft");
    assert!(run.nodes.iter().any(|node| node.section == "identifiers" && node.target == "email"));
    let event = run.events[0].event.clone().unwrap();
    assert_eq!(event.event_name, "Schedule");
    let identity = run.events[0].identity.as_ref().unwrap();
    assert!(identity.created && identity.profile == event.profile);
    let message = test.message.unwrap();
    assert!(message.name.is_empty(), "it is not in the log");
    assert_eq!(
        (message.provider_event.as_str(), message.cluid.unwrap().value.as_str()),
        ("invitee.created", ANN)
    );

    let [delivery] = test.deliveries.as_slice() else { panic!("{:?}", test.deliveries) };
    assert!(delivery.passes && !delivery.exists && delivery.reason.is_empty());
    assert_eq!(delivery.event, event.name);
    let request = delivery.request.as_ref().unwrap();
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://example.com/hook"));
    let sent: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(sent["data"]["event_id"], json!(event.name.rsplit('/').next()));
    assert_eq!(sent["data"]["traits"]["email"], json!("ann@example.com"));
    let header =
        |name: &str| request.headers.iter().find(|header| header.name == name).unwrap().value.clone();
    assert_eq!(header("webhook-signature"), "…", "who reads it cannot sign");
    assert!(header("webhook-id").starts_with("dlv_"));
}

#[tokio::test]
async fn whose_an_event_would_be_is_decided_as_it_will_be() {
    let mut scene = Scene::new().await;
    scene.workflow = workflows::publish(&scene.world, &scene.workflow).await;
    let message = scene.world.commit(&scene.source, 1, &booking(1, "ann@example.com", ANN)).await;
    // The same browser with another e-mail address: it is another person, and a conflict.
    let test = scene.on(body(2, "bob@example.com")).await;
    assert_eq!(actions(&test), [Action::Created, Action::Attached, Action::Refused]);
    let request = GetMessageTraceRequest { name: message.to_string() };
    let trace = scene.world.logs().get_message_trace(request).await.unwrap().into_inner();
    let ann = &trace.runs[0].events[0].event.as_ref().unwrap().profile;
    let test = scene.on(body(3, "ann@example.com")).await;
    assert_eq!(&test.run.as_ref().unwrap().events[0].event.as_ref().unwrap().profile, ann);
    assert!(actions(&test).contains(&Action::Matched));

    // Then it is processed, and that came of it.
    let message = scene.world.commit(&scene.source, 2, &booking(2, "bob@example.com", ANN)).await;
    let request = GetMessageTraceRequest { name: message.to_string() };
    let trace = scene.world.logs().get_message_trace(request).await.unwrap().into_inner();
    let steps = &trace.runs[0].events[0].identity.as_ref().unwrap().steps;
    let real: Vec<Action> = steps.iter().map(|step| step.action()).collect();
    assert_eq!(real, [Action::Created, Action::Attached, Action::Refused]);
}

#[tokio::test]
async fn a_logged_message_is_tested_as_it_would_be_processed_again() {
    let mut scene = Scene::new().await;
    scene.workflow = workflows::publish(&scene.world, &scene.workflow).await;
    let message = scene.world.commit(&scene.source, 1, &booking(1, "ann@example.com", ANN)).await;
    let before = scene.world.database();
    for name in [message.to_string(), format!("{}/messages/{message}", scene.tenant.name)] {
        let test = scene.on(On::Message(name)).await;
        assert_eq!(code(&test), run_status::Code::Succeeded);
        assert!(test.deliveries[0].exists, "it went there already");
        assert!(test.message.unwrap().name.ends_with(&message.to_string()));
    }
    // Without a word of it, it is the newest one of the source.
    let test = scene.ask(TestWorkflowRequest::default()).await.unwrap();
    assert_eq!(test.message.unwrap().message_id, message.to_string());
    let test = scene.ask(TestWorkflowRequest { published: true, ..Default::default() }).await.unwrap();
    assert_eq!(test.run.unwrap().run.unwrap().version, 1);
    assert_eq!(scene.world.database(), before, "nothing is written");

    // One that repeats another is tested all the same.
    let repeated = scene.world.commit(&scene.source, 2, &booking(1, "ann@example.com", ANN)).await;
    let test = scene.on(On::Message(repeated.to_string())).await;
    assert_eq!(code(&test), run_status::Code::Succeeded);
}

#[tokio::test]
async fn a_spec_of_the_request_is_tested_and_not_kept() {
    let scene = Scene::new().await;
    let mut spec = scene.workflow.draft.clone().unwrap();
    spec.user_traits.clear();
    let on = Some(body(1, "ann@example.com"));
    let test = scene.ask(TestWorkflowRequest { spec: Some(spec), on, ..Default::default() }).await.unwrap();
    let event = test.run.unwrap().events[0].event.clone().unwrap();
    assert!(event.user_traits.unwrap().fields.is_empty());
    let test = scene.on(body(1, "ann@example.com")).await;
    let event = test.run.unwrap().events[0].event.clone().unwrap();
    assert!(!event.user_traits.unwrap().fields.is_empty(), "the draft is as it was");
}

#[tokio::test]
async fn what_stops_a_run_or_a_delivery_is_told() {
    let scene = Scene::new().await;
    let mut payload = booking(1, "ann@example.com", ANN);
    payload["event"] = json!("invitee.canceled");
    let test = scene.on(On::Body(payload.to_string())).await;
    assert_eq!(code(&test), run_status::Code::FilterConditionFailed);
    let status = test.run.as_ref().unwrap().run.as_ref().unwrap().status.clone().unwrap();
    let why = status.reason.unwrap();
    assert!(!why.node_id.is_empty() && !why.fix.is_empty());
    assert!(test.deliveries.is_empty() && test.run.unwrap().events.is_empty());

    let filter = destinations::filter("$.attributes.nothing_like_it");
    let change = Destination { filter: Some(filter), ..scene.destination.clone() };
    let request = UpdateDestinationRequest { destination: Some(change), update_mask: mask(&["filter"]) };
    scene.world.destinations().update_destination(request).await.unwrap();
    let test = scene.on(body(1, "ann@example.com")).await;
    let [delivery] = test.deliveries.as_slice() else { panic!("{:?}", test.deliveries) };
    assert!(!delivery.passes && delivery.request.is_none());
    assert!(delivery.reason.contains("filter"));
}

#[tokio::test]
async fn what_cannot_be_tested_is_refused() {
    let mut scene = Scene::new().await;
    let refused = |request| async { scene.ask(request).await.unwrap_err() };
    let error = refused(TestWorkflowRequest::default()).await;
    assert_eq!((error.code(), reason(&error).as_str()), (Code::FailedPrecondition, "SAMPLE_MISSING"));
    let error = refused(TestWorkflowRequest { published: true, ..Default::default() }).await;
    assert_eq!(fields(&error), ["published"]);
    for wrong in ["", "{", "{\"a\": 1} 2"] {
        let on = Some(On::Body(wrong.to_owned()));
        let error = refused(TestWorkflowRequest { on, ..Default::default() }).await;
        assert_eq!(fields(&error), ["body"], "{wrong}");
    }
    let source = Source { body_limit: 1_024, ..scene.source.clone() };
    let request = UpdateSourceRequest { source: Some(source), update_mask: mask(&["body_limit"]) };
    scene.world.sources().update_source(request).await.unwrap();
    let on = Some(On::Body(format!("\"{}\"", "x".repeat(1_024))));
    assert_eq!(fields(&refused(TestWorkflowRequest { on, ..Default::default() }).await), ["body"]);
    let on = Some(On::Message("msg_1".to_owned()));
    assert_eq!(fields(&refused(TestWorkflowRequest { on, ..Default::default() }).await), ["message"]);
    let spec = Some(WorkflowSpec::default());
    let request = TestWorkflowRequest { spec: spec.clone(), published: true, ..Default::default() };
    assert_eq!(fields(&refused(request).await), ["spec"]);
    let error = refused(TestWorkflowRequest { spec, ..Default::default() }).await;
    assert_eq!(reason(&error), "DRAFT_HAS_PROBLEMS");
    // A message of another tenant is not there.
    let other = scene.world.tenant("other").await;
    let source = scene.world.source(&other, "theirs").await.source.unwrap();
    let theirs = scene.world.commit(&source, 9, &booking(9, "eve@example.com", ANN)).await;
    let on = Some(On::Message(theirs.to_string()));
    let error = refused(TestWorkflowRequest { on, ..Default::default() }).await;
    assert_eq!(error.code(), Code::NotFound);

    scene.redraft(|draft| draft.identifiers.clear()).await;
    let on = Some(body(1, "ann@example.com"));
    let error = scene.ask(TestWorkflowRequest { on, ..Default::default() }).await.unwrap_err();
    assert_eq!(reason(&error), "DRAFT_HAS_PROBLEMS");
}

#[tokio::test]
async fn a_message_of_another_source_is_taken_as_if_it_came_in_here() {
    let scene = Scene::new().await;
    let elsewhere = scene.world.source(&scene.tenant, "elsewhere").await.source.unwrap();
    let message = scene.world.commit(&elsewhere, 1, &booking(1, "ann@example.com", ANN)).await;
    let test = scene.on(On::Message(message.to_string())).await;
    assert_eq!(code(&test), run_status::Code::Succeeded);
}

#[tokio::test]
async fn what_a_cancellation_would_have_told_of_the_booking_is_shown() {
    let mut scene = Scene::new().await;
    let made = booking(1, "ann@example.com", ANN);
    let mut cancelled = made.clone();
    cancelled["event"] = json!("invitee.canceled");
    let test = scene.on(On::Body(cancelled.to_string())).await;
    assert!(test.follow_ups.is_empty(), "nothing was told yet");

    scene.workflow = workflows::publish(&scene.world, &scene.workflow).await;
    let message = scene.world.commit(&scene.source, 1, &made).await;
    let name = GetMessageTraceRequest { name: message.to_string() };
    let trace = scene.world.logs().get_message_trace(name).await.unwrap().into_inner();
    let told = trace.runs[0].events[0].event.clone().unwrap().name;
    // Whichever workflow is tested, what was told is in force.
    let other = workflows::create(&scene.world, &scene.source, "other").await;
    for workflow in [scene.workflow.name.clone(), other.name] {
        let on = Some(On::Body(cancelled.to_string()));
        let request = TestWorkflowRequest { name: workflow.clone(), on, ..Default::default() };
        let test = scene.world.workflows().test_workflow(request).await.unwrap().into_inner();
        assert_eq!(code(&test), run_status::Code::FilterConditionFailed, "{workflow}");
        let run = test.run.unwrap();
        assert_eq!((run.events.len(), run.run.unwrap().event_count), (0, 0));
        let [follow_up] = test.follow_ups.as_slice() else { panic!("{:?}", test.follow_ups) };
        let event = follow_up.event.as_ref().unwrap();
        let follows = event.follows.as_ref().unwrap();
        assert_eq!(
            (follows.kind(), &follows.event, follows.reason.as_str()),
            (Kind::Retract, &told, "cancelled")
        );
        let [delivery] = test.deliveries.as_slice() else { panic!("{:?}", test.deliveries) };
        assert!(delivery.passes && delivery.event == event.name);
        assert!(delivery.request.as_ref().unwrap().body.contains("conversion.retracted"));
    }
    // Then it is told.
    let message = scene.world.commit(&scene.source, 2, &cancelled).await;
    let name = GetMessageTraceRequest { name: message.to_string() };
    let trace = scene.world.logs().get_message_trace(name).await.unwrap().into_inner();
    assert_eq!((trace.follow_ups.len(), trace.follow_ups[0].deliveries.len()), (1, 1));
    let test = scene.on(On::Body(made.to_string())).await;
    assert!(test.follow_ups.is_empty());
}
