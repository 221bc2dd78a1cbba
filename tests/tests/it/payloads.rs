//! Bodies as Calendly really sends them, in every order and shape.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tributary_proto::admin::v1::{Profile, cluid::Status, run_status::Code};
use tributary_tests::{Booking, Server, Source, Spec, Tenant, cluid, from_value};

const EMAIL: &str = "Zoë.Ångström@example.com";

async fn calendly(server: &Server, key: &str) -> (Tenant, Source) {
    let tenant = server.tenant(key).await;
    let source = server.calendly(&tenant, "calendly").await;
    (tenant, source)
}

/// The cancelled half of a reschedule of booking 1 to booking 2.
fn cancelled_half() -> Booking {
    Booking::new(1)
        .email(EMAIL)
        .cluid(&cluid(1))
        .with("/event", json!("invitee.canceled"))
        .with("/payload/status", json!("canceled"))
        .with("/payload/rescheduled", json!(true))
        .with("/payload/new_invitee", Booking::new(2).value("/payload/uri"))
        .with("/payload/updated_at", json!("2026-03-11T09:00:00.000000Z"))
        .with("/payload/timezone", json!("Europe/London"))
}

/// The new half of it, which happened a moment later.
fn new_half() -> Booking {
    Booking::new(2)
        .email(EMAIL)
        .cluid(&cluid(1))
        .with("/payload/old_invitee", Booking::new(1).value("/payload/uri"))
        .with("/payload/created_at", json!("2026-03-11T09:00:01.000000Z"))
        .with("/payload/timezone", json!("Europe/Paris"))
}

/// What is known of a person and what happened, without ids and times of ours.
async fn state(server: &Server, tenant: &Tenant) -> Value {
    let profile = server.lookup(tenant, "cluid", &cluid(1)).await.expect("a profile");
    let identifiers: Vec<_> = profile.identifiers.iter().map(|one| json!([one.r#type, one.value])).collect();
    let mut events = Vec::new();
    for event in server.events(tenant).await {
        assert_eq!(event.profile, profile.name, "one person");
        events.push(json!([event.event_name, event.dedupe_id, event.event_time.map(|time| time.seconds)]));
    }
    events.sort_by_key(Value::to_string);
    json!({"identifiers": identifiers, "traits": traits(&profile), "events": events})
}

fn traits(profile: &Profile) -> BTreeMap<&String, Value> {
    let known = profile.traits.iter();
    known.map(|(name, one)| (name, one.value.as_ref().map_or(Value::Null, from_value))).collect()
}

#[tokio::test]
async fn both_halves_of_a_reschedule_end_in_the_same_state_in_either_order() {
    let server = Server::start().await;
    let mut states = Vec::new();
    for (key, halves) in
        [("forward", [cancelled_half(), new_half()]), ("backward", [new_half(), cancelled_half()])]
    {
        let (tenant, source) = calendly(&server, key).await;
        server.preset(&source, "bookings").await;
        let canceled = server.preset_spec("calendly", "calendly_canceled").await;
        server.published(&source, "cancellations", canceled).await;
        let first = Booking::new(1).email(EMAIL).cluid(&cluid(1));
        for booking in [&first, &halves[0], &halves[1]] {
            let message = server.post(&source, booking.body()).await.accepted();
            server.processed(&message).await;
        }
        states.push(state(&server, &tenant).await);
    }
    assert_eq!(states[0], states[1]);
    assert_eq!(states[0]["traits"]["time_zone"], json!("Europe/Paris"), "the later half wins");
    assert_eq!(states[0]["events"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_routing_form_without_email_or_name_is_a_visit_of_its_cluid() {
    let server = Server::start().await;
    let (tenant, source) = calendly(&server, "acme").await;
    let form = Spec::track("FormSubmitted")
        .identifier("cluid", "$.payload.tracking.utm_term")
        .identifier("email", "$.payload.email");
    server.published(&source, "forms", form).await;
    let body = |term: Value| {
        json!({
            "event": "routing_form_submission.created",
            "created_at": "2026-03-09T19:40:12.000000Z",
            "payload": {
                "uri": format!("https://api.calendly.com/routing_form_submissions/{term}"),
                "questions_and_answers": [{"question": "How many people?", "answer": "11 to 50"}],
                "submitter": null,
                "submitter_type": null,
                "tracking": {"utm_term": term}
            }
        })
    };
    let message = server.post(&source, body(json!(cluid(1))).to_string()).await.accepted();
    assert_eq!(server.run(&message).await.status.unwrap().code(), Code::Succeeded);
    let profile = server.lookup(&tenant, "cluid", &cluid(1)).await.expect("a profile");
    assert_eq!(profile.identifiers.len(), 1);

    let message = server.post(&source, body(Value::Null).to_string()).await.accepted();
    assert_eq!(server.run(&message).await.status.unwrap().code(), Code::UserIdMissing);
}

#[tokio::test]
async fn an_old_body_without_the_scheduled_event_and_a_null_name_are_bookings() {
    let server = Server::start().await;
    let (tenant, source) = calendly(&server, "acme").await;
    server.preset(&source, "bookings").await;
    let old = Booking::new(1)
        .email("old@example.com")
        .without("/payload", "scheduled_event")
        .without("/payload", "first_name")
        .without("/payload", "last_name");
    let nameless = Booking::new(2).email("nameless@example.com").with("/payload/name", Value::Null);
    for booking in [old, nameless] {
        let message = server.post(&source, booking.body()).await.accepted();
        assert_eq!(server.run(&message).await.status.unwrap().code(), Code::Succeeded);
    }
    let old = server.lookup(&tenant, "email", "old@example.com").await.expect("a profile");
    assert_eq!(traits(&old)[&"first_name".to_owned()], json!("Test"));
    let nameless = server.lookup(&tenant, "email", "nameless@example.com").await.expect("a profile");
    assert!(!nameless.traits.contains_key("first_name") && !nameless.traits.contains_key("last_name"));
}

#[tokio::test]
async fn names_of_every_script_come_through_unharmed() {
    let server = Server::start().await;
    let (tenant, source) = calendly(&server, "acme").await;
    server.preset(&source, "bookings").await;
    let names = [
        ("Søren Müller-Ångström", "Søren", "Müller-Ångström"),
        ("日本 太郎", "日本", "太郎"),
        ("Ольга 😀", "Ольга", "😀"),
    ];
    for (number, (name, first, last)) in (0..).zip(names) {
        let email = format!("person{number}@example.com");
        let booking = Booking::new(number).email(&email).with("/payload/name", json!(name));
        let message = server.post(&source, booking.body()).await.accepted();
        server.processed(&message).await;
        let profile = server.lookup(&tenant, "email", &email).await.expect("a profile");
        let traits = traits(&profile);
        assert_eq!(traits[&"first_name".to_owned()], json!(first));
        assert_eq!(traits[&"last_name".to_owned()], json!(last));
        let body = server.message(&message).await.unwrap().body;
        assert_eq!(body.as_bytes(), booking.body(), "the body is kept byte by byte");
    }
}

#[tokio::test]
async fn what_is_no_cluid_in_utm_term_is_never_an_identity() {
    let server = Server::start().await;
    let (tenant, source) = calendly(&server, "acme").await;
    server.preset(&source, "bookings").await;
    let terms = [
        (json!("marketing agency berlin"), Status::Foreign),
        (json!("{\"cluid\": \"1\"}"), Status::Foreign),
        (json!({"cluid": cluid(1)}), Status::Foreign),
        (json!("GA1.2.1234567890.1700000000"), Status::Foreign),
        (json!("fb.1.1700000000000.1234567890"), Status::Foreign),
        (json!("trb_short"), Status::Foreign),
        (json!(17), Status::Foreign),
        (json!("null"), Status::Placeholder),
        (json!("undefined"), Status::Placeholder),
        (json!("\"undefined\""), Status::Placeholder),
        (json!("{{cluid}}"), Status::Placeholder),
        (Value::Null, Status::Missing),
        (json!(""), Status::Missing),
    ];
    for (number, (term, expected)) in (0..).zip(terms) {
        // Without an e-mail of their own, a shared term would make them one person.
        for half in 0..2 {
            let number = number * 2 + half;
            let email = format!("person{number}@example.com");
            let booking = Booking::new(number).email(&email).with("/payload/tracking/utm_term", term.clone());
            let message = server.post(&source, booking.body()).await.accepted();
            let trace = server.trace(&message).await;
            let found = trace.message.as_ref().unwrap().cluid.as_ref().expect("a reading").status();
            assert_eq!(found, expected, "{term}");
            let event = trace.runs[0].events[0].event.as_ref().expect("the booking still counts");
            let types: Vec<_> = event.identifiers.iter().map(|one| one.r#type.as_str()).collect();
            assert_eq!(types, ["email"], "{term}");
            if expected != Status::Missing && term.is_string() {
                assert_eq!(event.rejected_identifiers.len(), 1, "the log says what was refused: {term}");
            }
        }
    }
    assert!(server.conflicts(&tenant).await.is_empty());
}
