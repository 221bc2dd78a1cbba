pub(crate) mod arbitrary;
mod elements;
mod statuses;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    mapping::fixture::Fixture,
    workflow::{spec::WorkflowSpec, status::Reason},
};

/// A booking as Calendly sends one, with a cluid in `utm_term`.
pub(super) fn booking() -> Value {
    json!({
        "event": "invitee.created",
        "created_at": "2026-03-02T09:15:31.000000Z",
        "payload": {
            "created_at": "2026-03-02T09:15:30.250000Z",
            "email": "Grace.Hopper@Example.com ",
            "name": "Grace Brewster Hopper",
            "first_name": null,
            "last_name": null,
            "status": "active",
            "text_reminder_number": "+1 404-555-0123",
            "timezone": "America/New_York",
            "uri": "https://api.calendly.com/scheduled_events/EV1/invitees/IN1",
            "tracking": { "utm_campaign": "spring", "utm_term": "trb_0123456789abcdefghjkmnpqrs" },
            "questions_and_answers": [
                { "question": "Company", "answer": "Navy", "position": 3 },
                { "question": "Budget?", "answer": "30.5", "position": 9 },
            ],
            "scheduled_event": { "name": "Demo", "start_time": "2026-03-09T15:00:00Z" },
        },
    })
}

/// The workflow for it.
pub(super) fn schedule() -> Value {
    let path = |jsonpath: &str| json!([{ "path": { "jsonpath": jsonpath } }]);
    json!({
        "filter": { "nodes": [{ "id": "is_active", "condition": {
            "left": { "path": { "jsonpath": "$.payload.status" } }, "op": "equals", "right": ["active"],
        } }] },
        "event_name": { "id": "name", "inputs": [{ "constant": "Schedule" }] },
        "event_time": { "id": "time", "inputs": path("$.payload.created_at") },
        "event_id": { "id": "dedupe", "inputs": path("$.payload.uri") },
        "identifiers": [
            { "id": "mail", "target": "email", "inputs": path("$.payload.email") },
            { "id": "visitor", "target": "cluid", "primary": true, "inputs": path("$.payload.tracking.utm_term") },
            { "id": "phone", "target": "phone", "inputs": path("$.payload.text_reminder_number") },
        ],
        "user_traits": [
            { "id": "first", "target": "first_name",
              "inputs": [{ "path": { "jsonpath": "$.payload.first_name" } }, { "path": { "jsonpath": "$.payload.name" } }],
              "steps": [{ "id": "split", "op": { "split_name": "first" } }] },
            { "id": "last", "target": "last_name", "inputs": path("$.payload.name"),
              "steps": [{ "id": "split_last", "op": { "split_name": "last" } }] },
            { "id": "company", "target": "company", "inputs": [{ "answer": { "question": "company" } }] },
            { "id": "city", "target": "city", "inputs": path("$.payload.city") },
            { "id": "zip", "target": "zip", "inputs": path("$.payload.zip"), "on_empty": "clear" },
        ],
        "event_attributes": [
            { "id": "value", "target": "value", "value_type": "number", "inputs": [{ "answer": { "question": "budget", "matching": "prefix" } }] },
            { "id": "label", "target": "content_name", "inputs": [{ "template": "{{ $.payload.scheduled_event.name }} ({{ $.payload.timezone }})" }] },
        ],
        "consents": [{ "id": "ads", "target": "ads", "inputs": [{ "constant": true }] }],
    })
}

/// Compiles a workflow that is known to be sound.
pub(super) fn compiled(spec: Value) -> CompiledWorkflow {
    let spec: WorkflowSpec = serde_json::from_value(spec).unwrap();
    let (workflow, problems) = CompiledWorkflow::compile(&spec);
    workflow.unwrap_or_else(|| panic!("{problems:?}"))
}

/// What a workflow makes of a body, with and without a trace.
pub(super) fn run(spec: Value, body: Value) -> RunOutcome {
    let fixture = Fixture::new(body);
    let workflow = compiled(spec);
    let outcome = workflow.evaluate(&fixture.message(), &fixture.tenant);
    assert_eq!(workflow.trace(&fixture.message(), &fixture.tenant).0, outcome, "a trace changes nothing");
    outcome
}

pub(super) fn events(spec: Value, body: Value) -> Vec<EventDraft> {
    match run(spec, body) {
        RunOutcome::Events(events) => events.into_iter().map(Arc::unwrap_or_clone).collect(),
        RunOutcome::Stopped(status, reason) => panic!("{status:?} {reason:?}"),
    }
}

pub(super) fn stopped(spec: Value, body: Value) -> (RunStatus, Reason) {
    match run(spec, body) {
        RunOutcome::Stopped(status, reason) => (status, reason),
        RunOutcome::Events(events) => panic!("{events:?}"),
    }
}

/// `base` with the value at a JSON pointer changed.
pub(super) fn with(mut base: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    base.pointer_mut(parent).unwrap()[name] = value;
    base
}

#[test]
fn a_booking_becomes_one_event() {
    let [event] = events(schedule(), booking()).try_into().unwrap();
    assert_eq!((event.index, event.name.as_str()), (0, "Schedule"));
    assert_eq!(event.time.to_string(), "2026-03-02T09:15:30.25Z");
    assert_eq!(
        event.dedupe_id.as_deref(),
        Some("https://api.calendly.com/scheduled_events/EV1/invitees/IN1")
    );
    let identifiers: Vec<_> =
        event.identifiers.iter().map(|one| (one.kind.as_str(), one.value.as_str())).collect();
    let expected = [
        ("cluid", "trb_0123456789abcdefghjkmnpqrs"),
        ("email", "grace.hopper@example.com"),
        ("phone", "+14045550123"),
    ];
    assert_eq!(identifiers, expected, "the primary one first, then the workflow's order");
    assert_eq!(
        Value::Object(event.traits),
        json!({ "first_name": "Grace Brewster", "last_name": "Hopper", "company": "Navy", "zip": null }),
    );
    assert_eq!(
        Value::Object(event.attributes),
        json!({ "value": 30.5, "content_name": "Demo (America/New_York)" })
    );
    assert_eq!(Value::Object(event.consents), json!({ "ads": true }));
    assert_eq!(event.rejected, []);
}

#[test]
fn an_event_without_a_readable_time_has_that_of_receipt() {
    let received = "2026-01-01T00:00:00Z";
    for (time, expected) in [
        (json!(null), received),
        (json!("next week"), received),
        (json!(1_772_442_930), "2026-03-02T09:15:30Z"),
        (json!("1772442930000"), "2026-03-02T09:15:30Z"),
        (json!("2026-03-02T10:15:30+01:00"), "2026-03-02T09:15:30Z"),
    ] {
        let body = with(booking(), "/payload/created_at", time.clone());
        assert_eq!(events(schedule(), body)[0].time.to_string(), expected, "{time}");
    }
}

#[test]
fn an_ad_keyword_is_no_visitor_and_the_event_still_lands() {
    let body = with(booking(), "/payload/tracking/utm_term", json!("clinic"));
    let event = events(schedule(), body).remove(0);
    assert_eq!(event.identifiers[0].kind.as_str(), "email");
    assert_eq!((event.rejected[0].kind.as_str(), event.rejected[0].value.as_str()), ("cluid", "clinic"));
    assert!(!event.rejected[0].rule.is_empty());
}

#[test]
fn a_trace_names_every_node_and_what_it_saw() {
    let fixture = Fixture::new(with(booking(), "/payload/tracking/utm_term", json!("clinic")));
    let (_, trace) = compiled(schedule()).trace(&fixture.message(), &fixture.tenant);
    let last = |id: &str| trace.iter().rfind(|entry| entry.node_id == id).unwrap();
    assert_eq!((last("is_active").section, last("is_active").outcome), ("filter", NodeOutcome::Holds));
    assert_eq!(last("visitor").outcome, NodeOutcome::Rejected);
    assert_eq!((last("visitor").target.as_str(), &last("visitor").input), ("cluid", &Some(json!("clinic"))));
    assert_eq!(
        (last("first").source.as_str(), &last("first").output),
        ("$.payload.name", &Some(json!("Grace Brewster")))
    );
    assert_eq!(
        (last("city").outcome, last("city").reason.as_str()),
        (NodeOutcome::Empty, "$.payload.city is absent")
    );
    assert_eq!(last("zip").outcome, NodeOutcome::Cleared);
    assert_eq!(last("company").source, "answer to \"company\"");
    assert_eq!(last("split").output, Some(json!("Grace Brewster")));
    assert!(trace.iter().all(|entry| entry.element.is_none()));
}

#[test]
fn a_trace_of_large_values_stays_small() {
    let body = with(booking(), "/payload/name", json!("x ".repeat(30_000)));
    let fixture = Fixture::new(body);
    let (_, trace) = compiled(schedule()).trace(&fixture.message(), &fixture.tenant);
    assert!(serde_json::to_string(&trace).unwrap().len() < 20_000);
}
