//! Messages, runs, deliveries, traces, and what was refused, parked and held.

use serde_json::{Value, json};
use tonic::Code;
use tributary_domain::{
    id::{DeliveryId, MessageId, RejectionId},
    time::Timestamp,
};
use tributary_proto::admin::v1::{
    GetDeliveryRequest, GetMessageRequest, GetMessageTraceRequest, ListDeliveriesRequest,
    ListHeldMessagesRequest, ListMessagesRequest, ListParkedMessagesRequest, ListRejectedRequestsRequest,
    ListRunsRequest, MessageView, RedriveParkedMessageRequest, cluid, delivery::State, identity_step::Action,
    message::Signature, run_status::Code as Run,
};
use tributary_store::{
    delivery::{AttemptRecord, NewAttempt, Verdict},
    rejected::{RejectionCount, RejectionRecord},
};

use crate::{
    destinations,
    support::{NOW, World, fields, id, reason, tenant_of},
    workflows,
};

/// A booking as Calendly tells it, in short.
pub(crate) fn booking(number: u32, email: &str, cluid: &str) -> Value {
    let event = format!("https://api.calendly.com/scheduled_events/E{number}");
    json!({
        "event": "invitee.created",
        "created_at": "2026-09-21T10:00:00.000000Z",
        "payload": {
            "uri": format!("{event}/invitees/I{number}"),
            "email": email,
            "name": "Ann Example",
            "status": "active",
            "created_at": "2026-09-21T10:00:00.000000Z",
            "event": event,
            "scheduled_event": { "uri": event, "name": "Intro", "start_time": "2026-10-01T09:00:00.000000Z" },
            "tracking": { "utm_term": cluid },
            "questions_and_answers": [],
        },
    })
}

const CLUID: &str = "trb_0123456789abcdefghjkmnpqrs";

#[tokio::test]
async fn a_trace_tells_a_messages_whole_life() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let workflow = workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    let destination = destinations::create(&world, &tenant).await;
    let message = world.commit(&source, 1, &booking(1, "ann@example.com", CLUID)).await;

    let request = GetMessageTraceRequest { name: message.to_string() };
    let trace = world.logs().get_message_trace(request).await.unwrap().into_inner();
    let told = trace.message.unwrap();
    assert_eq!(told.name, format!("{}/messages/{message}", tenant.name));
    assert_eq!((told.signature(), told.provider_event.as_str()), (Signature::Unsigned, "invitee.created"));
    let cluid = told.cluid.unwrap();
    assert_eq!((cluid.status(), cluid.value.as_str()), (cluid::Status::Found, CLUID));
    assert!(cluid.path.contains("utm_term"), "{}", cluid.path);
    assert!(told.body.contains("ann@example.com") && told.headers[0].name == "content-type");

    let run = &trace.runs[0];
    assert_eq!(run.run.as_ref().unwrap().status.as_ref().unwrap().code(), Run::Succeeded);
    assert_eq!((run.run.as_ref().unwrap().version, run.workflow_display_name.as_str()), (1, "Bookings"));
    let email =
        run.nodes.iter().find(|node| node.section == "identifiers" && node.target == "email").unwrap();
    assert!(email.output.is_some() && !email.source.is_empty(), "{email:?}");

    let event = &run.events[0];
    let identity = event.identity.as_ref().unwrap();
    assert!(identity.created && !identity.profile.is_empty());
    assert!(identity.steps.iter().any(|step| step.action() == Action::Created), "{:?}", identity.steps);
    assert_eq!(event.event.as_ref().unwrap().workflow, workflow.name);
    let delivery = &event.deliveries[0];
    assert_eq!(delivery.destination_display_name, "Echo");
    assert_eq!(delivery.delivery.as_ref().unwrap().destination, destination.name);
    assert_eq!(delivery.delivery.as_ref().unwrap().state(), State::Pending);
}

#[tokio::test]
async fn attempts_are_told_with_their_answers() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    workflows::publish(&world, &workflows::create(&world, &source, "booking").await).await;
    let destination = destinations::create(&world, &tenant).await;
    world.commit(&source, 1, &booking(1, "ann@example.com", CLUID)).await;
    let list =
        |filter: String| ListDeliveriesRequest { parent: tenant.name.clone(), filter, ..Default::default() };
    let pending =
        world.logs().list_deliveries(list(r#"state = "PENDING""#.to_owned())).await.unwrap().into_inner();
    let delivery = id::<DeliveryId>(&pending.deliveries[0].name);
    let attempt = AttemptRecord {
        delivery,
        number: 1,
        started_at: NOW,
        duration: std::time::Duration::from_millis(12),
        outcome: "DELIVERED".to_owned(),
        http_status: Some(200),
        response_headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        response_body: b"thanks".to_vec(),
        is_truncated: false,
        error: None,
        answer_removed: false,
    };
    world
        .store
        .tenant(tenant_of(&tenant.name))
        .record_attempts(&[NewAttempt {
            attempt,
            cause: None,
            verdict: Verdict::Delivered,
            source: id(&source.name),
            is_replay: false,
            is_test: false,
            quality: None,
        }])
        .await
        .unwrap();
    let request = GetDeliveryRequest { name: pending.deliveries[0].name.clone() };
    let delivered = world.logs().get_delivery(request).await.unwrap().into_inner();
    assert_eq!((delivered.state(), delivered.last_http_status), (State::Delivered, 200));
    assert_eq!(delivered.attempts[0].response_body, b"thanks");
    assert_eq!(delivered.attempts[0].duration.unwrap().nanos, 12_000_000);
    let filter = format!(
        r#"state = "DELIVERED" AND destination = "{}""#,
        destination.name.rsplit('/').next().unwrap()
    );
    assert_eq!(world.logs().list_deliveries(list(filter)).await.unwrap().into_inner().deliveries.len(), 1);
    let refused = world.logs().list_deliveries(list(r#"state = "LOST""#.to_owned())).await.unwrap_err();
    assert_eq!(fields(&refused), ["filter"]);
}

#[tokio::test]
async fn logs_are_filtered_by_status_and_time() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let workflow = workflows::create(&world, &source, "booking").await;
    world.commit(&source, 1, &booking(1, "ann@example.com", CLUID)).await;
    workflows::publish(&world, &workflow).await;
    world.commit(&source, 2_000, &booking(2, "bob@example.com", "null")).await;

    let runs = |filter: &str| ListRunsRequest {
        parent: workflow.name.clone(),
        filter: filter.to_owned(),
        ..ListRunsRequest::default()
    };
    let failed =
        world.logs().list_runs(runs(r#"status = "MAPPING_NOT_FOUND""#)).await.unwrap().into_inner().runs;
    let status = failed[0].status.clone().unwrap();
    assert_eq!(
        (failed.len(), status.code(), status.display_name.as_str()),
        (1, Run::MappingNotFound, "Mapping not found")
    );
    let later = Timestamp::from_micros(NOW.micros() + 1_000_000);
    let late = world.logs().list_runs(runs(&format!(r#"time >= "{later}""#))).await.unwrap().into_inner();
    assert_eq!((late.runs.len(), late.next_page_token.as_str()), (1, ""));
    assert_eq!(late.runs[0].status.as_ref().unwrap().code(), Run::Succeeded);

    let other = world.source(&tenant, "other").await.source.unwrap();
    let foreign = ListRunsRequest {
        parent: workflow.name.replace(&source.name, &other.name),
        ..ListRunsRequest::default()
    };
    assert_eq!(reason(&world.logs().list_runs(foreign).await.unwrap_err()), "WORKFLOW_NOT_FOUND");

    let messages =
        |filter: String| ListMessagesRequest { parent: source.name.clone(), filter, ..Default::default() };
    let early =
        world.logs().list_messages(messages(format!(r#"time < "{later}""#))).await.unwrap().into_inner();
    assert_eq!(early.messages.len(), 1);
    assert!(early.messages[0].body.is_empty(), "a list is in the basic view");
    let all = world.logs().list_messages(messages(String::new())).await.unwrap().into_inner().messages;
    let placeholder = all[0].cluid.as_ref().unwrap();
    assert_eq!(placeholder.status(), cluid::Status::Missing);
    assert_eq!(all[0].runs[0].workflow, workflow.name);
}

#[tokio::test]
async fn what_is_accepted_and_not_yet_processed_is_told_apart_from_what_never_was() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let message = MessageId::new(1, 99);
    let get = |name: String| GetMessageRequest { name, view: 0 };
    let unknown = world.logs().get_message(get(message.to_string())).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "MESSAGE_NOT_FOUND"));
    world.house.accepted.lock().unwrap().insert(message, tenant_of(&tenant.name));
    let other = world.tenant("other").await;
    let foreign = get(format!("{}/messages/{message}", other.name));
    assert_eq!(reason(&world.logs().get_message(foreign).await.unwrap_err()), "MESSAGE_NOT_FOUND");
    for name in [message.to_string(), format!("{}/messages/{message}", tenant.name)] {
        let pending = world.logs().get_message(get(name.clone())).await.unwrap().into_inner();
        assert_eq!(pending.name, format!("{}/messages/{message}", tenant.name));
        let status = pending.status.unwrap();
        assert_eq!((status.code(), status.display_name.as_str()), (Run::DataNotFound, "Data not found"));
        let trace =
            world.logs().get_message_trace(GetMessageTraceRequest { name }).await.unwrap().into_inner();
        assert!(trace.message.is_some() && trace.runs.is_empty());
    }
}

#[tokio::test]
async fn a_trace_says_why_its_message_waits() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    world.hold(&source, 1, &booking(1, "ann@example.com", CLUID)).await;
    let second = world.hold(&source, 2, &booking(2, "bob@example.com", CLUID)).await;
    let trace = GetMessageTraceRequest { name: second.to_string() };
    let told = world.logs().get_message_trace(trace).await.unwrap().into_inner();
    assert_eq!(told.message.as_ref().unwrap().status.as_ref().unwrap().code(), Run::Held);
    let held = told.held.unwrap();
    assert_eq!((held.reason.as_str(), &held.message), ("SUSPENDED", &told.message.unwrap().name));
    assert!(told.parked.is_none());
}

#[tokio::test]
async fn a_parked_message_is_redriven_by_the_ledger() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let message = world.park(&source, 1, &booking(1, "ann@example.com", CLUID)).await;
    let trace = GetMessageTraceRequest { name: message.to_string() };
    let told = world.logs().get_message_trace(trace).await.unwrap().into_inner();
    assert_eq!(told.parked.unwrap().reason, "WORKFLOW_PANICKED");
    assert_eq!(told.message.unwrap().status.unwrap().code(), Run::Parked);
    let list = ListParkedMessagesRequest { parent: tenant.name.clone(), ..Default::default() };
    let parked = world.logs().list_parked_messages(list).await.unwrap().into_inner().parked_messages;
    let request = RedriveParkedMessageRequest { name: parked[0].name.clone() };
    let redriven = world.logs().redrive_parked_message(request.clone()).await.unwrap().into_inner();
    assert_eq!(redriven.message, format!("{}/messages/{message}", tenant.name));
    let list = ListHeldMessagesRequest { parent: tenant.name, ..Default::default() };
    let held = world.logs().list_held_messages(list).await.unwrap().into_inner().held_messages;
    assert_eq!((held.len(), &held[0].message), (1, &redriven.message));
    let trace = GetMessageTraceRequest { name: message.to_string() };
    let told = world.logs().get_message_trace(trace).await.unwrap().into_inner();
    assert!(told.parked.is_none() && told.held.unwrap().name == held[0].name);
    let again = world.logs().redrive_parked_message(request).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
}

#[tokio::test]
async fn refused_requests_are_listed_and_counted() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let (owner, door) = (tenant_of(&tenant.name), id(&source.name));
    let request = RejectionRecord {
        id: RejectionId::new(1, 1),
        tenant: owner,
        source: door,
        at: NOW,
        reason: "SIGNATURE_INVALID".to_owned(),
        detail: "the signature does not fit".to_owned(),
        http_status: 401,
        headers: vec![("user-agent".to_owned(), "curl".to_owned())],
        body: b"{".to_vec(),
    };
    let count = |reason: &str, count| {
        (RejectionCount { tenant: owner, source: door, reason: reason.to_owned(), count }, NOW)
    };
    let counts = [count("BODY_TOO_LARGE", 1), count("SIGNATURE_INVALID", 41)];
    world.store.record_rejections(&[request], &counts).await.unwrap();
    for parent in [source.name, format!("{}/sources/-", tenant.name)] {
        let list = ListRejectedRequestsRequest { parent, ..Default::default() };
        let told = world.logs().list_rejected_requests(list).await.unwrap().into_inner();
        assert_eq!(
            (told.rejected_requests[0].http_status, told.rejected_requests[0].body.as_slice()),
            (401, b"{".as_slice())
        );
        let counts: Vec<_> = told.counts.iter().map(|count| (count.reason.as_str(), count.count)).collect();
        assert_eq!(counts, [("SIGNATURE_INVALID", 41), ("BODY_TOO_LARGE", 1)]);
    }
}

#[tokio::test]
async fn a_page_of_large_messages_ends_early_and_the_next_one_goes_on() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    for number in 1..=3 {
        let filler = "x".repeat(9 << 20);
        world.commit(&source, number, &booking(u32::try_from(number).unwrap(), &filler, CLUID)).await;
    }
    let mut logs = world.logs().max_decoding_message_size(64 << 20);
    for order_by in ["", "time"] {
        let mut page = async |page_token: String| {
            let (view, order_by) = (MessageView::Full.into(), order_by.to_owned());
            let parent = source.name.clone();
            let request = ListMessagesRequest { parent, view, page_token, order_by, ..Default::default() };
            logs.list_messages(request).await.unwrap().into_inner()
        };
        let first = page(String::new()).await;
        assert_eq!(first.messages.len(), 2);
        let second = page(first.next_page_token).await;
        assert_eq!((second.messages.len(), second.next_page_token.as_str()), (1, ""));
        assert!(first.messages.iter().all(|message| message.name != second.messages[0].name));
    }
}
