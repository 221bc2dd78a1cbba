use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::*;
use crate::{
    id::MessageId,
    identity::IdentifierType,
    normalise,
    workflow::{
        compile::CompiledWorkflow,
        evaluate::{MessageView, arbitrary::any_value},
        event::{EventDraft, RunOutcome},
        spec::Input,
        status::RunStatus,
    },
};

/// When all samples were received.
const RECEIVED: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn samples(bodies: &[Value]) -> Vec<Sample<'_>> {
    bodies.iter().map(|body| Sample { body, received: RECEIVED, provider_event: None, cluid: None }).collect()
}

fn tenant() -> TenantSettings {
    TenantSettings { default_country: "US".to_owned(), ..TenantSettings::default() }
}

fn of(bodies: &[Value]) -> Suggestions {
    suggest(&samples(bodies), &tenant(), |_| true)
}

/// The sections, targets and paths of a draft's proposals.
fn drafted(suggestions: &Suggestions) -> Vec<(&'static str, &str, &str)> {
    let in_spec = suggestions.list.iter().filter(|suggestion| suggestion.in_spec);
    in_spec.map(|found| (found.section.as_str(), found.target.as_str(), found.path.as_str())).collect()
}

fn find<'a>(suggestions: &'a Suggestions, target: &str) -> &'a Suggestion {
    suggestions.list.iter().find(|found| found.target == target).unwrap_or_else(|| panic!("no {target}"))
}

fn run(spec: &WorkflowSpec, body: &Value) -> RunOutcome {
    let (workflow, problems) = CompiledWorkflow::compile(spec);
    let message = MessageView {
        id: MessageId::new(1, 1),
        received: RECEIVED,
        body,
        provider_event: None,
        cluid: None,
        source_name: "A form",
        booking: None,
    };
    workflow.unwrap_or_else(|| panic!("{problems:?}")).evaluate(&message, &tenant())
}

fn event(spec: &WorkflowSpec, body: &Value) -> EventDraft {
    match run(spec, body) {
        RunOutcome::Events(events) => events[0].as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

fn order() -> Value {
    json!({
        "topic": "orders/paid",
        "created_at": "2026-09-01T10:00:00Z",
        "id": 991,
        "order_number": "A-1001",
        "total_price": "129.90",
        "currency": "EUR",
        "customer": {
            "id": 4711,
            "email": "Ada@Example.com",
            "firstName": "Ada",
            "lastName": "Lovelace",
            "phone": "+1 404-555-0142",
            "created_at": "2020-01-01T00:00:00Z",
            "accepts_marketing": true,
        },
        "billing_address": { "city": "London", "zip": "N1 9GU", "country": "GB" },
        "merchant": { "email": "shop@example.com", "phone": "+1 404-555-0100", "city": "Leeds" },
        "utm_source": "newsletter",
        "note_attributes": { "cl": "trb_01h8xkq7v2m3n4p5r6s7t8v9w0" },
        "ships_at": "2031-09-01T10:00:00Z",
    })
}

#[test]
fn an_order_is_a_purchase_of_its_customer() {
    let body = order();
    let found = of(std::slice::from_ref(&body));
    let spec = found.spec.as_ref().expect("it can be published");
    let event = event(spec, &body);
    let identifiers: Vec<_> =
        event.identifiers.iter().map(|one| (one.kind.as_str(), one.value.as_str())).collect();
    let expected = [
        ("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"),
        ("email", "ada@example.com"),
        ("phone", "+14045550142"),
    ];
    assert_eq!(identifiers, expected);
    assert_eq!(event.name, "Purchase");
    assert_eq!(event.time, "2026-09-01T10:00:00Z".parse().unwrap(), "of the order, not of the customer");
    assert_eq!(event.dedupe_id.as_deref(), Some("A-1001"));
    assert_eq!((&event.attributes["value"], &event.attributes["currency"]), (&json!(129.9), &json!("EUR")));
    assert_eq!(event.attributes["utm_source"], "newsletter");
    for (target, value) in
        [("first_name", "Ada"), ("last_name", "Lovelace"), ("city", "London"), ("phone", "+14045550142")]
    {
        assert_eq!(event.traits[target], value, "{target}");
    }
    assert_eq!(event.consents["marketing"], json!(true));
    assert_eq!(find(&found, "cluid_path").path, "$.note_attributes.cl");
    let crm = find(&found, "external_id:customer");
    assert!(!crm.in_spec, "three identifiers are taken, and it is told as a fourth");
    assert!(drafted(&found).contains(&("filter", "equals", "$.topic")));
    let other = json!({ "topic": "orders/cancelled", "customer": { "email": "ada@example.com" } });
    let outcome = run(spec, &other);
    assert!(matches!(outcome, RunOutcome::Stopped(RunStatus::FilterConditionFailed, _)), "{outcome:?}");
}

#[test]
fn every_proposal_says_why() {
    let bodies: Vec<Value> = (0..5)
        .map(|number| json!({ "email": format!("p{number}@example.com"), "ref": "a@example.com" }))
        .collect();
    let found = of(&bodies);
    let email = find(&found, "email");
    assert_eq!((email.path.as_str(), email.confidence), ("$.email", Confidence::High));
    assert_eq!(email.reason, "named like an e-mail address, and every one of 5 samples is one");
    let shaped = found.list.iter().find(|found| found.path == "$.ref").unwrap();
    assert_eq!((shaped.confidence, shaped.in_spec), (Confidence::Low, false));
    assert_eq!(shaped.reason, "it only looks like an e-mail address: it is not named like one");
    assert!(found.list.iter().all(|found| !found.reason.is_empty()));
}

#[test]
fn one_sample_with_something_else_is_enough_not_to_propose_it() {
    let found = of(&[json!({ "email": "ada@example.com" }), json!({ "email": "call me" })]);
    assert!(found.list.iter().all(|found| found.target != "email"));
    assert_eq!(found.spec, None, "nothing tells who it is");
}

#[test]
fn what_is_of_somebody_else_is_not_the_persons() {
    let body = json!({
        "host": { "email": "host@example.com", "name": "Hanna Host", "phone": "+1 404-555-0100" },
        "event_memberships": [{ "user_email": "member@example.com" }],
        "owner_email": "owner@example.com",
        "organizer": { "email": "o@example.com" },
        "assigned_to": { "email": "rep@example.com", "contact_id": "7" },
        "created_by": "maker@example.com",
    });
    let found = of(std::slice::from_ref(&body));
    let of_person = found.list.iter().filter(|found| found.section.is_of_the_person());
    assert_eq!(of_person.count(), 0, "{:?}", found.list);
    assert_eq!(found.spec, None);
}

#[test]
fn the_answers_of_a_form_are_found_by_their_questions() {
    let body = json!({ "payload": { "questions_and_answers": [
        { "question": "What is your email?", "answer": "ada@example.com", "position": 3 },
        { "question": "Your manager's email", "answer": "boss@example.com" },
        { "question": "Full name", "answer": "Ada King Lovelace" },
        { "question": "Company", "answer": "Analytical Engines" },
    ] } });
    let found = of(std::slice::from_ref(&body));
    let spec = found.spec.as_ref().unwrap();
    assert!(matches!(spec.identifiers[0].inputs[0], Input::Answer(_)), "never by position");
    let event = event(spec, &body);
    assert_eq!(event.identifiers[0].value, "ada@example.com");
    assert_eq!(
        (&event.traits["first_name"], &event.traits["last_name"]),
        (&json!("Ada King"), &json!("Lovelace"))
    );
    assert_eq!(event.traits["company"], "Analytical Engines");
    assert!(found.list.iter().all(|found| found.sample_value != "boss@example.com"));
}

#[test]
fn what_is_still_to_come_is_not_when_it_happened() {
    let body =
        json!({ "email": "a@example.com", "created_at": "2031-01-01T00:00:00Z", "timestamp": 1_789_000_000 });
    let found = of(std::slice::from_ref(&body));
    assert_eq!(find(&found, "event_time").path, "$.timestamp");
}

#[test]
fn a_place_that_may_not_be_shown_is_neither_proposed_nor_drafted() {
    let body = json!({
        "email": "a@example.com",
        "by": {"ann@example.com": {"phone": "+14045550142"}},
        "questions_and_answers": [{"question": "Is ann@example.com your partner?", "answer": "b@example.com"}],
    });
    let bodies = [body];
    let all = format!("{:?}", of(&bodies));
    assert!(all.contains("$.by['ann@example.com'].phone"), "{all}");
    let shown = suggest(&samples(&bodies), &tenant(), |text| !text.contains('@'));
    assert!(!format!("{shown:?}").contains("ann@"), "{shown:?}");
    assert_eq!(shown.spec.unwrap().identifiers.len(), 1);
}

#[test]
fn what_the_source_finds_comes_first() {
    let body = json!({ "email": "a@example.com" });
    let cluid = "trb_01h8xkq7v2m3n4p5r6s7t8v9w0";
    let sample = Sample {
        body: &body,
        received: RECEIVED,
        provider_event: Some("invitee.created"),
        cluid: Some(cluid),
    };
    let found = suggest(&[sample], &tenant(), |_| true);
    let spec = found.spec.as_ref().unwrap();
    assert_eq!((spec.identifiers[0].target.as_str(), spec.identifiers[0].primary), ("cluid", true));
    assert_eq!(
        find(&found, "Schedule").reason,
        "the sender calls it `invitee.created`, which is the standard event Schedule"
    );
}

#[test]
fn no_samples_are_no_proposals() {
    assert_eq!(of(&[]), Suggestions { list: Vec::new(), spec: None });
}

/// Bodies with the names that are looked for, and those that are of others.
fn any_body() -> impl Strategy<Value = Value> {
    let names = select(vec![
        "email",
        "customerEmail",
        "host",
        "owner_email",
        "phone",
        "name",
        "first_name",
        "city",
        "created_at",
        "amount",
        "currency",
        "cluid",
        "user_id",
        "account_id",
        "event",
        "type",
        "payload",
        "consent",
        "questions_and_answers",
        "it's [0]",
        "",
    ]);
    let leaf = prop_oneof![
        select(vec![
            "a@example.com",
            "b@example.org",
            "not @ mail",
            "+14045550142",
            "trb_01h8xkq7v2m3n4p5r6s7t8v9w0",
            "EUR",
            "12.5",
            "2026-01-31T09:30:00Z",
            "Ada Lovelace",
            "order.paid",
            "yes",
            "fb.1.1.2",
            " ",
        ])
        .prop_map(Value::from),
        any_value(),
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            4 => vec((names.clone(), inner.clone()), 0..7)
                .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            1 => vec(inner.clone(), 0..3).prop_map(Value::from),
            1 => vec(("(Your |Host )?(email|name|phone)", inner), 0..3).prop_map(|asked| {
                asked.into_iter().map(|(question, answer)| json!({ "question": question, "answer": answer })).collect()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_is_proposed_can_be_published_and_is_what_it_is_said_to_be(bodies in vec(any_body(), 0..4)) {
        let found = of(&bodies);
        if let Some(spec) = &found.spec {
            let (workflow, problems) = CompiledWorkflow::compile(spec);
            prop_assert!(workflow.is_some(), "{:?}", problems);
            for body in &bodies {
                // Whatever comes, it is a run with a status that says why.
                if let RunOutcome::Stopped(status, reason) = run(spec, body) {
                    prop_assert_ne!(status, RunStatus::Failed, "{}", reason.message);
                }
            }
            for mapping in spec.identifiers.iter().chain(&spec.user_traits) {
                prop_assert!(mapping.inputs.len() == 1);
            }
        }
        let email = IdentifierType::parse("email").unwrap();
        for suggestion in found.list.iter().filter(|found| found.target == "email") {
            let is_one = normalise::identifier(&email, &json!(suggestion.sample_value), &tenant()).is_ok();
            prop_assert!(is_one, "{:?}", suggestion);
            for of_others in ["host", "owner"] {
                prop_assert!(!suggestion.path.contains(of_others), "{:?}", suggestion);
            }
        }
    }
}
