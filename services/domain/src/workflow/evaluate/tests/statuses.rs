use super::*;

#[test]
fn a_filter_names_the_clause_and_the_value() {
    let (status, reason) = stopped(schedule(), with(booking(), "/payload/status", json!("canceled")));
    assert_eq!(status, RunStatus::FilterConditionFailed);
    assert_eq!(reason.node_id, "is_active");
    assert_eq!(reason.message, r#"`payload.status equals "active"` does not hold: the value is "canceled""#);
    assert_eq!(reason.value, Some(json!("canceled")));
    assert!(!reason.fix.is_empty());
}

#[test]
fn no_user_says_of_each_identifier_why() {
    let mut body = with(booking(), "/payload/email", json!(null));
    body = with(body, "/payload/tracking/utm_term", json!("{{cluid}}"));
    body["payload"].as_object_mut().unwrap().remove("text_reminder_number");
    let (status, reason) = stopped(schedule(), body);
    assert_eq!(status, RunStatus::UserIdMissing);
    assert_eq!(reason.node_id, "visitor");
    assert_eq!(
        reason.message,
        "no valid user identifier: `cluid`: \"{{cluid}}\" is rejected by rule TEMPLATE_MARKER; \
         `email`: $.payload.email is null; `phone`: $.payload.text_reminder_number is absent",
    );
    assert_eq!(reason.value, Some(json!("{{cluid}}")));
}

#[test]
fn a_group_event_needs_a_group_and_no_user() {
    let spec = || {
        json!({
            "kind": "group",
            "identifiers": [{ "id": "mail", "target": "email", "inputs": [{ "path": { "jsonpath": "$.email" } }] }],
            "group_identities": [{ "id": "acc", "target": "account_id", "inputs": [{ "path": { "jsonpath": "$.account" } }] }],
            "group_traits": [{ "id": "plan", "target": "plan", "inputs": [{ "path": { "jsonpath": "$.plan" } }], "on_empty": "clear" }],
        })
    };
    let event = events(spec(), json!({ "account": " A-17 " })).remove(0);
    assert_eq!(event.groups, [("account_id".to_owned(), "A-17".to_owned())].into());
    assert_eq!((event.name.as_str(), event.identifiers.len()), ("", 0));
    assert_eq!(Value::Object(event.group_traits), json!({ "plan": null }));

    for account in [json!(null), json!("undefined"), json!({})] {
        let (status, reason) = stopped(spec(), json!({ "email": "a@b.example", "account": account }));
        assert_eq!((status, reason.node_id.as_str()), (RunStatus::AccountIdMissing, "acc"));
        assert!(reason.message.starts_with("no valid group identity: `account_id`: "), "{}", reason.message);
    }
}

#[test]
fn an_event_without_a_name_says_where_it_was_looked_for() {
    let spec = with(schedule(), "/event_name/inputs", json!([{ "path": { "jsonpath": "$.payload.kind" } }]));
    let (status, reason) = stopped(spec, booking());
    assert_eq!((status, reason.node_id.as_str()), (RunStatus::EventNameMissing, "name"));
    assert_eq!(reason.message, "the event has no name: $.payload.kind is absent");
}

#[test]
fn a_mapping_that_must_not_be_empty_fails_the_run() {
    for pointer in
        ["/user_traits/3", "/event_time", "/event_id", "/event_name", "/identifiers/0", "/event_attributes/0"]
    {
        let spec = with(schedule(), &format!("{pointer}/on_empty"), json!("fail"));
        let spec = with(spec, &format!("{pointer}/inputs"), json!([{ "path": { "jsonpath": "$.nowhere" } }]));
        let id = spec.pointer(&format!("{pointer}/id")).unwrap().as_str().unwrap().to_owned();
        let (status, reason) = stopped(spec, booking());
        assert_eq!((status, reason.node_id), (RunStatus::Failed, id));
        assert!(reason.message.ends_with("must not be empty: $.nowhere is absent"), "{}", reason.message);
    }
}

#[test]
fn what_is_too_much_fails_the_run() {
    let whole = |index: usize| json!({ "id": format!("w{index}"), "target": format!("w{index}"), "inputs": [{ "path": { "jsonpath": "$.payload" } }] });
    let spec = with(schedule(), "/event_attributes", (0..6).map(whole).collect());
    let body = with(booking(), "/payload/notes", json!("n".repeat(60_000)));
    let (status, reason) = stopped(spec, body);
    assert_eq!((status, reason.node_id.as_str()), (RunStatus::Failed, "w4"));
    assert!(reason.message.contains("262144 bytes"), "{}", reason.message);

    let body = with(booking(), "/payload/uri", json!("u".repeat(600)));
    let (status, reason) = stopped(schedule(), body);
    assert_eq!((status, reason.node_id.as_str()), (RunStatus::Failed, "dedupe"));

    let search = |index: usize| json!({ "id": format!("s{index}"), "target": format!("s{index}"), "inputs": [{ "path": { "jsonpath": "$..x" } }] });
    let spec = with(schedule(), "/event_attributes", (0..60).map(search).collect());
    let (status, reason) = stopped(spec, with(booking(), "/payload/list", json!(vec![0; 90_000])));
    assert_eq!(status, RunStatus::Failed);
    assert!(reason.message.contains("search more"), "{}", reason.message);
}

#[test]
fn a_reason_never_carries_a_long_value() {
    let long = "9".repeat(4_000);
    let mut body = with(booking(), "/payload/email", json!(long));
    body = with(body, "/payload/tracking/utm_term", json!(long));
    body = with(body, "/payload/text_reminder_number", json!(null));
    let (_, reason) = stopped(schedule(), body);
    assert!(reason.message.matches('9').count() <= 400, "two values of at most 200 characters");
    assert!(reason.value.unwrap().as_str().unwrap().chars().count() <= 200);
}

#[test]
fn unusual_bodies_end_with_a_status() {
    for body in [
        json!(null),
        json!([]),
        json!("text"),
        json!({ "payload": [] }),
        json!({ "payload": { "status": "active", "name": null } }),
    ] {
        let (status, _) = stopped(schedule(), body);
        assert!(matches!(status, RunStatus::FilterConditionFailed | RunStatus::UserIdMissing));
    }
}

#[test]
fn a_blocked_visitor_is_nobody_even_where_the_source_took_it_for_one() {
    let cluid = "trb_0123456789abcdefghjkmnpqrs";
    let spec = json!({
        "event_name": { "id": "name", "inputs": [{ "constant": "Visit" }] },
        "identifiers": [{ "id": "visitor", "target": "cluid", "primary": true, "inputs": [{ "path": { "jsonpath": "$.id" } }] }],
    });
    let mut fixture = Fixture::new(json!({ "id": cluid }));
    let workflow = compiled(spec);
    let run = |fixture: &Fixture| {
        workflow.evaluate(&MessageView { cluid: Some(cluid), ..fixture.message() }, &fixture.tenant)
    };
    assert!(matches!(run(&fixture), RunOutcome::Events(_)));
    fixture.tenant.blocked_values = vec![cluid.to_owned()].into_iter().collect();
    match run(&fixture) {
        RunOutcome::Stopped(status, reason) => {
            assert_eq!(status, RunStatus::UserIdMissing);
            assert!(reason.message.contains("BLOCKED_VALUE"), "{}", reason.message);
        }
        RunOutcome::Events(events) => panic!("{events:?}"),
    }
}
