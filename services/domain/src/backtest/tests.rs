use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    id::WorkflowId,
    identity::{Identifier, IdentifierType, Refusal},
    time::Timestamp,
    workflow::spec::Kind,
};

fn message(number: u64) -> MessageId {
    MessageId::new(number, 0)
}

fn event_id(number: u64) -> EventId {
    EventId::derive(message(number), WorkflowId::new(1, 1), 0)
}

fn profile(number: u128) -> ProfileId {
    ProfileId::new(1, number)
}

fn email(value: &str) -> Identifier {
    Identifier { kind: IdentifierType::parse("email").unwrap(), value: value.to_owned(), raw: None }
}

fn data(name: &str, traits: &Value, steps: Vec<Step>) -> EventData {
    let draft = EventDraft {
        index: 0,
        kind: Kind::Track,
        name: name.to_owned(),
        time: Timestamp::from_seconds(1),
        dedupe_id: None,
        identifiers: vec![email("ann@example.com")],
        rejected: Vec::new(),
        traits: traits.as_object().unwrap().clone(),
        attributes: Map::new(),
        groups: BTreeMap::new(),
        group_traits: Map::new(),
        consents: Map::new(),
    };
    EventData {
        is_test: false,
        draft: Arc::new(draft),
        created: false,
        steps,
        context: Arc::default(),
        withheld: Vec::new(),
        role: None,
    }
}

fn stand(status: RunStatus, event: Option<(u64, Option<ProfileId>, &EventData)>) -> Stand<'_> {
    let events = event.map(|(number, profile, data)| (event_id(number), (profile, data)));
    Stand { status: Some(status), events: events.into_iter().collect(), ..Stand::default() }
}

#[test]
fn what_is_as_it_was_is_the_same() {
    let known = Step::Matched { profile: profile(1), by: email("ann@example.com") };
    let event = data("Schedule", &json!({"a": 1}), vec![known]);
    let mut report = Report::default();
    assert!(!report.is_same(), "nothing was compared");
    let then = stand(RunStatus::Succeeded, Some((1, Some(profile(1)), &event)));
    report.compare(message(1), &then, &then);
    let filtered = stand(RunStatus::FilterConditionFailed, None);
    report.compare(message(2), &filtered, &filtered);
    assert!(report.is_same() && report.examples.is_empty());
    assert_eq!((report.messages, report.same, report.events.same, report.identity.same), (2, 2, 1, 1));
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    report.waiting = 1;
    assert!(!report.is_same(), "what waits was not compared");
}

#[test]
fn events_that_come_go_and_change_are_counted_apart() {
    let mut report = Report::default();
    let (one, two) =
        (data("Schedule", &json!({"a": 1, "b": 2}), vec![]), data("Lead", &json!({"a": 2}), vec![]));
    let none = stand(RunStatus::FilterConditionFailed, None);
    report.compare(message(1), &none, &stand(RunStatus::Succeeded, Some((1, Some(profile(1)), &one))));
    report.compare(message(2), &stand(RunStatus::Succeeded, Some((2, Some(profile(1)), &one))), &none);
    let then = stand(RunStatus::Succeeded, Some((3, Some(profile(1)), &one)));
    report.compare(message(3), &then, &stand(RunStatus::Succeeded, Some((3, Some(profile(1)), &two))));
    assert_eq!(report.events, Tally { same: 0, added: 1, lost: 1, changed: 1 });
    let fields: Vec<&str> = report.fields.keys().map(String::as_str).collect();
    assert_eq!(fields, ["event_name", "user_traits.a", "user_traits.b"]);
    assert_eq!(report.statuses["FILTER_CONDITION_FAILED"]["SUCCEEDED"], 1);
    assert_eq!(report.same, 0);
    let text = serde_json::to_string(&report).unwrap();
    assert!(!text.contains("ann@"), "a report tells no values: {text}");
}

#[test]
fn whose_an_event_would_be_is_told() {
    let mut report = Report::default();
    let was = data("Schedule", &json!({}), vec![Step::Created { profile: profile(1) }]);
    let then = |number| stand(RunStatus::Succeeded, Some((number, Some(profile(1)), &was)));
    let made = |more: Vec<Step>| data("Schedule", &json!({}), [was.steps.clone(), more].concat());
    let new = made(vec![Step::Created { profile: profile(2) }]);
    report.compare(message(1), &then(1), &stand(RunStatus::Succeeded, Some((1, Some(profile(2)), &new))));
    let other = made(vec![]);
    report.compare(message(2), &then(2), &stand(RunStatus::Succeeded, Some((2, Some(profile(3)), &other))));
    let joined = made(vec![
        Step::Merged { winner: profile(1), loser: profile(4), by: email("ann@example.com") },
        Step::Refused { identifier: email("bob@example.com"), rule: Refusal::StrongLimit, other: profile(5) },
    ]);
    report.compare(message(3), &then(3), &stand(RunStatus::Succeeded, Some((3, Some(profile(1)), &joined))));
    let identity = &report.identity;
    assert_eq!((identity.new, identity.other, identity.same), (1, 1, 1));
    assert_eq!((identity.merges, identity.conflicts), (1, 1));
    assert_eq!((report.same, report.messages), (0, 3));
}

#[test]
fn an_example_has_no_name_that_may_be_of_a_message() {
    let mut report = Report::default();
    let none = stand(RunStatus::FilterConditionFailed, None);
    let (mapped, own) = (data("Call with Ann", &json!({}), vec![]), data("VIP lead", &json!({}), vec![]));
    let standard = data("Schedule", &json!({}), vec![]);
    for (number, event) in [(1, &mapped), (2, &own), (3, &standard)] {
        let some = stand(RunStatus::Succeeded, Some((number, None, event)));
        report.compare(message(number), &none, &Stand { name: Some("VIP lead"), ..some });
    }
    report.compare(message(4), &stand(RunStatus::Succeeded, Some((4, None, &mapped))), &none);
    let told = report.examples.iter().filter(|example| example.difference != Difference::Status);
    let told: Vec<&str> = told.map(|example| example.text.as_str()).collect();
    let expected = [
        "an event would be made",
        "VIP lead would be made",
        "Schedule would be made",
        "an event would not be made",
    ];
    assert_eq!(told, expected);
}

#[test]
fn deliveries_are_compared_by_their_ids_and_examples_are_few() {
    let mut report = Report::default();
    let event = data("Schedule", &json!({}), vec![]);
    let (here, there) = (DestinationId::new(1, 1), DestinationId::new(1, 2));
    for number in 1..=30 {
        let mut then = stand(RunStatus::Succeeded, Some((number, Some(profile(1)), &event)));
        let mut now = stand(RunStatus::Succeeded, Some((number, Some(profile(1)), &event)));
        then.deliveries.insert(DeliveryId::derive(event_id(number), here, 0), here);
        now.deliveries.insert(DeliveryId::derive(event_id(number), there, 0), there);
        report.compare(message(number), &then, &now);
    }
    assert_eq!(report.deliveries, Tally { same: 0, added: 30, lost: 30, changed: 0 });
    assert_eq!(report.examples.len(), 2 * EXAMPLES);
}

#[test]
fn what_an_earlier_run_left_is_made_anew_and_nobody_is() {
    let made = data("Schedule", &json!({}), vec![Step::Created { profile: profile(1) }]);
    let left = BTreeMap::from([(event_id(1), (Some(profile(1)), &made))]);
    let then = Stand { earlier: left, ..stand(RunStatus::FilterConditionFailed, None) };
    let mut report = Report::default();
    report.compare(message(1), &then, &stand(RunStatus::Succeeded, Some((1, Some(profile(1)), &made))));
    assert_eq!((report.events.added, report.identity.known, report.identity.new), (1, 1, 0));
    // One that stays as it was left differs in nothing.
    let mut report = Report::default();
    report.compare(message(1), &then, &stand(RunStatus::FilterConditionFailed, None));
    assert!(report.is_same());
}
