use prost_types::{Duration, Timestamp, Value, value::Kind};
use tributary_proto::admin::v1::{
    Cluid, Conversion, Delivery, DeliveryAttempt, DeliveryTrace, Event, EventTrace, HeldMessage,
    IdentityDecision, IdentityStep, Message, MessageTrace, NodeTrace, ParkedMessage, Reason, Run, RunStatus,
    RunTrace, cluid,
    conversion::{self, Stage},
    delivery, event, identity_step,
    message::Signature,
    node_trace::Outcome,
    run_status::Code,
};

use super::tree;

fn time(millis: i32) -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_769_851_800, nanos: millis * 1_000_000 })
}

fn text(text: &str) -> Option<Value> {
    Some(Value { kind: Some(Kind::StringValue(text.to_owned())) })
}

fn status(code: Code, display_name: &str) -> Option<RunStatus> {
    Some(RunStatus { code: code.into(), display_name: display_name.to_owned(), reason: None })
}

fn node(section: &str, target: &str, outcome: Outcome) -> NodeTrace {
    NodeTrace {
        section: section.into(),
        target: target.into(),
        outcome: outcome.into(),
        ..NodeTrace::default()
    }
}

fn message() -> Message {
    Message {
        message_id: "msg_1".into(),
        source: "t/sources/s".into(),
        receive_time: time(0),
        process_time: time(7),
        status: status(Code::Succeeded, "Succeeded"),
        provider_event: "invitee.created".into(),
        cluid: Some(Cluid {
            status: cluid::Status::Found.into(),
            value: "trb_9".into(),
            path: "$.payload.tracking.utm_term".into(),
        }),
        dedupe_key: "key".into(),
        signature: Signature::Valid.into(),
        body: "{}".into(),
        ..Message::default()
    }
}

fn nodes() -> Vec<NodeTrace> {
    vec![
        NodeTrace {
            reason: r#"$.event equals "invitee.created""#.into(),
            input: text("invitee.created"),
            ..node("filter", "", Outcome::Holds)
        },
        NodeTrace { output: text("Schedule"), ..node("event_name", "event_name", Outcome::Mapped) },
        // What was mapped, and what became of it as an identifier.
        NodeTrace {
            node_id: "mail".into(),
            source: "$.payload.email".into(),
            input: text("A@b.c"),
            output: text("A@b.c"),
            ..node("identifiers", "email", Outcome::Mapped)
        },
        NodeTrace {
            node_id: "mail".into(),
            input: text("A@b.c"),
            output: text("A@b.c"),
            reason: "normalised to a@b.c".into(),
            ..node("identifiers", "email", Outcome::Mapped)
        },
        NodeTrace {
            node_id: "phone".into(),
            input: text("none"),
            reason: "rejected by rule not_a_number".into(),
            ..node("identifiers", "phone", Outcome::Rejected)
        },
        // A step, and then the mapping's own last word.
        NodeTrace { output: text("Ann"), ..node("user_traits", "first_name", Outcome::Mapped) },
        NodeTrace {
            source: "$.payload.name".into(),
            input: text("Ann Lee"),
            output: text("Ann"),
            ..node("user_traits", "first_name", Outcome::Mapped)
        },
        node("user_traits", "city", Outcome::Empty),
        node("user_traits", "zip", Outcome::Skipped),
    ]
}

fn schedule() -> EventTrace {
    let created = IdentityStep {
        action: identity_step::Action::Created.into(),
        text: "nobody was found: prf_1 was made".into(),
        ..IdentityStep::default()
    };
    let attempt = DeliveryAttempt {
        number: 1,
        duration: Some(Duration { seconds: 0, nanos: 3_000_000 }),
        http_status: 200,
        response_body: br#"{"received":"Schedule"}"#.to_vec(),
        ..DeliveryAttempt::default()
    };
    EventTrace {
        event: Some(Event {
            name: "t/events/evt_1".into(),
            event_name: "Schedule".into(),
            event_time: time(0),
            ..Event::default()
        }),
        identity: Some(IdentityDecision {
            profile: "t/profiles/prf_1".into(),
            created: true,
            steps: vec![created],
            ..IdentityDecision::default()
        }),
        deliveries: vec![DeliveryTrace {
            delivery: Some(Delivery {
                name: "t/deliveries/dlv_1".into(),
                state: delivery::State::Delivered.into(),
                attempts: vec![attempt],
                ..Delivery::default()
            }),
            destination_display_name: "Echo".into(),
            platform: "webhook".into(),
        }],
    }
}

fn conversion() -> Conversion {
    let step = |message: &str, millis, stages: &[Stage]| conversion::Step {
        message: format!("t/messages/{message}"),
        stages: stages.iter().map(|stage| (*stage).into()).collect(),
        time: time(millis),
        ..conversion::Step::default()
    };
    let made = conversion::Step {
        value: Some(49.5),
        currency: "EUR".into(),
        ..step("msg_1", 0, &[Stage::Created, Stage::Paid])
    };
    let told = conversion::Told {
        event_name: "Schedule".into(),
        event: "t/events/evt_1".into(),
        retraction: "t/events/evt_2".into(),
        ..conversion::Told::default()
    };
    Conversion {
        name: "t/conversions/cnv_1".into(),
        state: conversion::State::Cancelled.into(),
        paid_time: time(0),
        steps: vec![made, step("msg_2", 500, &[Stage::Cancelled])],
        told: vec![told],
        ..Conversion::default()
    }
}

fn retraction() -> EventTrace {
    let follows = event::Follows {
        kind: event::follows::Kind::Retract.into(),
        event: "t/events/evt_1".into(),
        reason: "cancelled".into(),
    };
    let event = Event {
        name: "t/events/evt_2".into(),
        event_name: "Schedule".into(),
        event_time: time(0),
        follows: Some(follows),
        ..Event::default()
    };
    EventTrace { event: Some(event), ..EventTrace::default() }
}

#[test]
fn a_booking_is_told_from_the_door_to_the_answer() {
    let run = Run { version: 1, status: status(Code::Succeeded, "Succeeded"), ..Run::default() };
    let trace = MessageTrace {
        message: Some(message()),
        source_display_name: "Calendly".into(),
        runs: vec![RunTrace {
            run: Some(run),
            workflow_display_name: "Booking".into(),
            nodes: nodes(),
            events: vec![schedule()],
        }],
        conversion: Some(conversion()),
        follow_ups: vec![retraction()],
        ..MessageTrace::default()
    };
    let expected = r#"
msg_1 · Succeeded
├─ accepted  2026-01-31 09:30:00.000 UTC · signature valid · 2 bytes of JSON · processed after 7 ms
├─ source    Calendly · invitee.created
│  ├─ cluid       found · trb_9  ← $.payload.tracking.utm_term
│  └─ dedupe key  key
├─ booking   cancelled · paid · cnv_1
│  ├─ created, paid  2026-01-31 09:30:00.000 UTC · 49.5 EUR · msg_1
│  ├─ cancelled   2026-01-31 09:30:00.500 UTC · msg_2
│  └─ told        Schedule · taken back · evt_1
├─ workflow  Booking · version 1 · Succeeded
│  ├─ filter
│  │  └─ ✓ $.event equals "invitee.created"  it saw "invitee.created"
│  ├─ event
│  │  └─ event_name  "Schedule"
│  ├─ identifiers
│  │  ├─ email  "A@b.c"  ← $.payload.email · normalised to a@b.c
│  │  └─ phone  not an identifier was "none" · rejected by rule not_a_number
│  ├─ user traits
│  │  ├─ first_name  "Ann"  ← $.payload.name was "Ann Lee"
│  │  └─ nothing for city, zip
│  └─ event     Schedule · evt_1 · happened 2026-01-31 09:30:00.000 UTC
│     ├─ identity  a new person · prf_1
│     │  └─ + nobody was found: prf_1 was made
│     └─ delivery  Echo · webhook · delivered · dlv_1
│        └─ attempt 1  200 · 3 ms · {"received":"Schedule"}
└─ event     Schedule · evt_2 · happened 2026-01-31 09:30:00.000 UTC
   └─ follows   takes back · evt_1 · the booking was cancelled"#;
    assert_eq!(tree(&trace).render(false), expected.trim_start());
}

#[test]
fn what_stood_in_the_way_is_told() {
    let reason = Reason {
        message: "the filter did not let it through".into(),
        fix: "change the filter".into(),
        value: text("x"),
        ..Reason::default()
    };
    let failed = RunStatus {
        reason: Some(reason),
        ..status(Code::FilterConditionFailed, "Filter condition failed").unwrap()
    };
    let trace = MessageTrace {
        message: Some(Message { duplicate_of: "t/messages/msg_0".into(), ..message() }),
        runs: vec![RunTrace {
            run: Some(Run { status: Some(failed), ..Run::default() }),
            ..RunTrace::default()
        }],
        parked: Some(ParkedMessage {
            reason: "EVALUATION_PANICKED".into(),
            detail: "why".into(),
            ..ParkedMessage::default()
        }),
        held: Some(HeldMessage { reason: "SUSPENDED".into(), ..HeldMessage::default() }),
        ..MessageTrace::default()
    };
    let told = tree(&trace).render(false);
    for words in [
        "held      SUSPENDED · since",
        "duplicate the same message came before: msg_0",
        "nothing published · Filter condition failed",
        "why         the filter did not let it through",
        "it saw  \"x\"",
        "to do   change the filter",
        "parked    EVALUATION_PANICKED",
    ] {
        assert!(told.contains(words), "{words} in\n{told}");
    }
}

#[test]
fn a_message_that_is_only_accepted_says_so() {
    let accepted = Message {
        message_id: "msg_1".into(),
        status: status(Code::DataNotFound, "Data not found"),
        ..Message::default()
    };
    let told = tree(&MessageTrace { message: Some(accepted), ..MessageTrace::default() }).render(false);
    assert!(
        told.starts_with("msg_1 · Data not found") && told.ends_with("it is not processed yet"),
        "{told}"
    );
}

#[test]
fn what_a_stranger_sent_cannot_speak_to_the_terminal() {
    let hostile = Message { provider_event: "\u{1b}[2J".into(), dedupe_key: "a\nb".into(), ..message() };
    let told = tree(&MessageTrace { message: Some(hostile), ..MessageTrace::default() }).render(false);
    assert!(!told.contains('\u{1b}') && !told.contains("a\nb"), "{told}");
}
