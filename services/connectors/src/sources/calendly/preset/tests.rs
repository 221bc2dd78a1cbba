use std::sync::Arc;

use serde_json::{Value, json};
use tributary_domain::workflow::{
    event::{EventDraft, RunOutcome},
    status::RunStatus,
};

use crate::sources::{Provider, calendly::Calendly, testing};

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../../../fixtures/calendly/", $name, ".json")))
            .unwrap()
    };
}

fn run(preset: &str, body: &Value) -> RunOutcome {
    testing::run(&Calendly, preset, &http::HeaderMap::new(), body)
}

fn event(preset: &str, body: &Value) -> Arc<EventDraft> {
    match run(preset, body) {
        RunOutcome::Events(mut events) if events.len() == 1 => events.remove(0),
        other => panic!("{other:?}"),
    }
}

fn identifiers(event: &EventDraft) -> Vec<(&str, &str)> {
    event.identifiers.iter().map(|identifier| (identifier.kind.as_str(), identifier.value.as_str())).collect()
}

#[test]
fn a_booking_becomes_a_schedule_event() {
    let body = fixture!("created");
    let event = event("calendly_booking", &body);
    assert_eq!(event.name, "Schedule");
    assert_eq!(event.time, "2026-03-10T14:02:30.512873Z".parse().unwrap());
    assert_eq!(event.dedupe_id.as_deref(), body["payload"]["uri"].as_str());
    assert_eq!(
        identifiers(&event),
        [
            ("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"),
            ("email", "nadia.okafor@brightwater-studio.example"),
            ("phone", "+14045550142"),
        ]
    );
    assert_eq!(event.rejected, []);
    assert_eq!(event.traits["first_name"], "Nadia");
    assert_eq!(event.traits["last_name"], "Okafor");
    assert_eq!(event.traits["phone"], "+14045550142");
    assert_eq!(event.traits["time_zone"], "America/New_York");
    assert_eq!(event.attributes["content_name"], "Discovery call");
    assert_eq!(event.attributes["start_time"], "2026-03-12T15:00:00.000000Z");
    assert_eq!(event.attributes["utm_source"], "facebook");
    for absent in ["utm_term", "value", "currency", "rescheduled_from", "questions_and_answers"] {
        assert!(!event.attributes.contains_key(absent), "{absent}");
    }
}

#[test]
fn what_was_paid_and_the_forms_own_names_are_taken_whole() {
    let mut body = fixture!("paid");
    let paid = event("calendly_booking", &body);
    assert_eq!((&paid.attributes["value"], &paid.attributes["currency"]), (&json!(120.5), &json!("EUR")));
    assert_eq!(paid.traits["first_name"], "Elena Sofia");
    assert_eq!(paid.traits["last_name"], "De Marchetti");

    body["payload"]["payment"]["successful"] = json!(false);
    let failed = event("calendly_booking", &body);
    assert!(!failed.attributes.contains_key("value") && !failed.attributes.contains_key("currency"));
}

#[test]
fn names_are_split_only_where_there_is_one_field() {
    let names = |first: Value, last: Value, name: Value| {
        let mut body = fixture!("created");
        body["payload"]["first_name"] = first;
        body["payload"]["last_name"] = last;
        body["payload"]["name"] = name;
        let traits = event("calendly_booking", &body).traits.clone();
        let text = |name: &str| traits.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        format!("{}|{}", text("first_name"), text("last_name"))
    };
    assert_eq!(names(json!(null), json!(null), json!("Mary Ann Smith")), "Mary Ann|Smith");
    assert_eq!(names(json!(null), json!(null), json!(" Betty ")), "Betty|-");
    assert_eq!(names(json!(null), json!(null), json!(null)), "-|-");
    assert_eq!(names(json!("Peter"), json!("van Dijk"), json!("Peter van Dijk")), "Peter|van Dijk");
    assert_eq!(names(json!("Mary Ann"), json!("Smith"), json!("Mary Ann Smith")), "Mary Ann|Smith");
}

#[test]
fn odd_bodies_are_events_too() {
    let old = event("calendly_booking", &fixture!("created_2020"));
    assert_eq!(old.time, "2020-09-03T08:21:46.204915Z".parse().unwrap());
    assert_eq!(old.traits["last_name"], "Haas");

    let abroad = event("calendly_booking", &fixture!("non_ascii"));
    assert_eq!(identifiers(&abroad)[1].1, "søren.ångström@xn--blbrgrden-62adj.example");
    assert_eq!(abroad.traits["last_name"], "Müller-Ångström");

    let group = event("calendly_booking", &fixture!("group"));
    assert_eq!(
        group.time,
        "2026-03-18T20:44:09.715502Z".parse().unwrap(),
        "not when the appointment was made"
    );
    assert_eq!(identifiers(&group).len(), 2);

    let body = fixture!("null_name");
    let nameless = event("calendly_canceled", &body);
    assert!(!nameless.traits.contains_key("first_name"));
    assert_eq!(identifiers(&nameless).len(), 2, "the host's number is nobody's identifier");
}

#[test]
fn both_halves_of_a_reschedule_are_events_of_one_person() {
    let (old, new) = (fixture!("canceled"), fixture!("rescheduled_created"));
    let canceled = event("calendly_canceled", &old);
    let booked = event("calendly_booking", &new);
    assert_eq!(canceled.name, "ScheduleCanceled");
    assert_eq!(canceled.time, "2026-03-11T09:17:04.861733Z".parse().unwrap());
    assert_eq!(identifiers(&canceled), identifiers(&booked));
    assert_eq!(canceled.attributes["rescheduled_to"], new["payload"]["uri"]);
    assert_eq!(booked.attributes["rescheduled_from"], old["payload"]["uri"]);
}

#[test]
fn only_its_own_event_in_its_own_shape_passes() {
    let nested = json!({
        "event": "invitee.created",
        "payload": {"invitee": {"email": "juan@example.com"}, "event": {"uuid": "X"}},
    });
    for body in [fixture!("canceled"), fixture!("no_show"), fixture!("routing_form"), nested] {
        let outcome = run("calendly_booking", &body);
        assert!(matches!(outcome, RunOutcome::Stopped(RunStatus::FilterConditionFailed, _)), "{outcome:?}");
    }
}

#[test]
fn a_keyword_in_utm_term_is_refused_by_name_and_the_rest_counts() {
    for term in ["dentist near me", "null", "{{cluid}}", "{\"rep\":\"tom\"}"] {
        let mut body = fixture!("created");
        body["payload"]["tracking"]["utm_term"] = json!(term);
        let event = event("calendly_booking", &body);
        assert_eq!(identifiers(&event)[0].0, "email", "{term}");
        assert_eq!((event.rejected.len(), event.rejected[0].value.as_str()), (1, term));
    }
}

/// The body of `invitee_no_show.deleted`: the same invitee, without the mark.
fn taken_back() -> Value {
    let mut body = fixture!("no_show");
    body["event"] = json!("invitee_no_show.deleted");
    body["created_at"] = json!("2026-03-13T08:00:02.000000Z");
    body["payload"]["updated_at"] = json!("2026-03-13T08:00:01.500000Z");
    body["payload"].as_object_mut().unwrap().remove("no_show");
    body
}

#[test]
fn a_no_show_happened_when_it_was_marked_and_can_be_taken_back() {
    let body = fixture!("no_show");
    let marked = event("calendly_no_show", &body);
    assert_eq!(marked.name, "ScheduleNoShow");
    assert_eq!(marked.time, "2026-03-12T15:21:39.670248Z".parse().unwrap());
    assert_eq!(marked.dedupe_id.as_deref(), body["payload"]["no_show"]["uri"].as_str());
    assert_eq!(marked.attributes["no_show_uri"], body["payload"]["no_show"]["uri"]);

    let body = taken_back();
    let undone = event("calendly_no_show_undone", &body);
    assert_eq!(
        (undone.name.as_str(), undone.time),
        ("ScheduleNoShowUndone", "2026-03-13T08:00:01.5Z".parse().unwrap())
    );
    assert_eq!(identifiers(&undone), identifiers(&marked), "of the same person");
    assert!(!undone.attributes.contains_key("no_show_uri"));
}

#[test]
fn a_reschedule_is_told_apart_from_a_booking() {
    let body = fixture!("rescheduled_created");
    let moved = event("calendly_rescheduled", &body);
    assert_eq!(moved.name, "ScheduleRescheduled");
    assert_eq!(moved.attributes["rescheduled_from"], body["payload"]["old_invitee"]);
    assert_eq!(
        moved.time,
        event("calendly_booking", &body).time,
        "when it was moved, not when it takes place"
    );
    let presets = Calendly.presets();
    let follow_up = |key: &str| presets.iter().find(|preset| preset.key == key).unwrap().spec.follow_up;
    assert!(follow_up("calendly_booking").is_some_and(|follow_up| follow_up.restate_rescheduled));
    assert_eq!(follow_up("calendly_rescheduled"), None, "that it was moved stays true");
    let outcome = run("calendly_rescheduled", &fixture!("paid"));
    assert!(matches!(outcome, RunOutcome::Stopped(RunStatus::FilterConditionFailed, _)), "{outcome:?}");
}

#[test]
fn a_routing_form_is_of_the_visitor_and_of_whom_its_answers_name() {
    let mut body = fixture!("routing_form");
    let submitted = event("calendly_routing_form", &body);
    assert_eq!(submitted.name, "SubmitForm");
    assert_eq!(submitted.time, "2026-03-09T19:40:11.381Z".parse().unwrap());
    assert_eq!(identifiers(&submitted), [("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0")]);
    assert_eq!(submitted.attributes["utm_campaign"], "spring-relaunch");

    let answers = body["payload"]["questions_and_answers"].as_array_mut().unwrap();
    for (question, answer) in [
        ("Your manager's email", "boss@example.com"),
        ("Work email", "Nadia@Brightwater-Studio.example"),
        ("Phone number", "+1 404-555-0142"),
        ("First name", "Nadia"),
    ] {
        answers.push(json!({ "question": question, "answer": answer, "question_uuid": "x" }));
    }
    let asked = event("calendly_routing_form", &body);
    let expected = [
        ("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"),
        ("email", "nadia@brightwater-studio.example"),
        ("phone", "+14045550142"),
    ];
    assert_eq!(identifiers(&asked), expected);
    assert_eq!(
        (&asked.traits["first_name"], &asked.traits["phone"]),
        (&json!("Nadia"), &json!("+14045550142"))
    );
}

#[test]
fn each_event_of_calendly_has_its_preset_and_never_happens_when_the_appointment_is() {
    let bodies = [
        fixture!("created"),
        fixture!("canceled"),
        fixture!("rescheduled_created"),
        fixture!("no_show"),
        taken_back(),
        fixture!("routing_form"),
    ];
    for preset in Calendly.presets() {
        let own: Vec<&Value> = bodies.iter().filter(|body| body["event"] == preset.provider_event).collect();
        assert!(!own.is_empty() && !preset.help.is_empty(), "{}", preset.key);
        let taken = own.iter().filter(|body| matches!(run(preset.key, body), RunOutcome::Events(_)));
        assert!(taken.count() > 0, "{} takes its own event", preset.key);
        for body in bodies.iter().filter(|body| body["event"] != preset.provider_event) {
            let outcome = run(preset.key, body);
            assert!(
                matches!(outcome, RunOutcome::Stopped(RunStatus::FilterConditionFailed, _)),
                "{}",
                preset.key
            );
        }
        let start = "$.payload.scheduled_event.start_time";
        let inputs = &preset.spec.event_time.as_ref().unwrap().inputs;
        assert!(!format!("{inputs:?}").contains(start), "{}", preset.key);
    }
}
