use super::*;

fn guests() -> Value {
    json!({
        "for_each": { "jsonpath": "$.guests[*]" },
        "event_name": { "id": "name", "inputs": [{ "path": { "jsonpath": "$$.event" } }] },
        "identifiers": [{ "id": "mail", "target": "email", "primary": true, "inputs": [{ "path": { "jsonpath": "$.email" } }] }],
        "event_attributes": [{ "id": "nick", "target": "nick", "inputs": [{ "path": { "jsonpath": "$.nick" } }] }],
    })
}

fn body(emails: &[Value]) -> Value {
    let guests: Vec<Value> = emails.iter().map(|email| json!({ "email": email })).collect();
    json!({ "event": "Guest", "email": "host@example.com", "guests": guests })
}

#[test]
fn one_event_is_made_of_each_element() {
    let made = events(guests(), body(&[json!("a@example.com"), json!("b@example.com")]));
    let seen: Vec<_> =
        made.iter().map(|one| (one.index, one.name.as_str(), one.identifiers[0].value.as_str())).collect();
    assert_eq!(seen, [(0, "Guest", "a@example.com"), (1, "Guest", "b@example.com")]);
}

#[test]
fn a_path_to_one_list_means_its_elements() {
    let spec = with(guests(), "/for_each/jsonpath", json!("$.guests"));
    assert_eq!(events(spec, body(&[json!("a@example.com"), json!("b@example.com")])).len(), 2);
}

#[test]
fn an_element_without_a_user_is_left_out_and_the_others_keep_their_numbers() {
    let made = events(guests(), body(&[json!(null), json!("b@example.com")]));
    assert_eq!(made.iter().map(|one| one.index).collect::<Vec<_>>(), [1]);
    let (status, reason) = stopped(guests(), body(&[json!(null), json!("")]));
    assert_eq!(status, RunStatus::UserIdMissing);
    assert_eq!(reason.message, "element 0: no valid user identifier: `email`: $.email is null");
}

#[test]
fn a_workflow_that_rewrites_more_than_is_allowed_fails() {
    let last = json!({ "id": "last", "op": { "split": { "separator": ",", "index": 1 } } });
    let steps: Vec<Value> = (0..10)
        .map(|index| json!({ "id": format!("s{index}"), "op": { "replace": { "pattern": "(a|b)y", "with": "" } } }))
        .chain([last])
        .collect();
    let spec = with(guests(), "/event_attributes/0/inputs/0/path/jsonpath", json!("$$.notes"));
    let spec = with(spec, "/event_attributes/0/steps", json!(steps));
    let emails: Vec<Value> = (0..100).map(|index| json!(format!("g{index}@example.com"))).collect();
    let mut body = body(&emails);
    body["notes"] = json!("x".repeat(2_000));
    assert_eq!(events(spec.clone(), body.clone()).len(), 100, "an ordinary text is far below");
    body["notes"] = json!("x".repeat(60_000));
    let (status, reason) = stopped(spec, body);
    assert_eq!(status, RunStatus::Failed);
    assert!(reason.message.contains("more of this message than is allowed"), "{}", reason.message);
}

#[test]
fn an_element_that_fails_fails_the_run() {
    let spec = with(guests(), "/event_attributes/0/on_empty", json!("fail"));
    let mut body = body(&[json!("a@example.com"), json!("b@example.com")]);
    body["guests"][0]["nick"] = json!("al");
    let (status, reason) = stopped(spec, body);
    assert_eq!(status, RunStatus::Failed);
    assert!(
        reason.message.starts_with("element 1: `nick` of event_attributes must not be empty"),
        "{}",
        reason.message
    );
}

#[test]
fn elements_are_counted() {
    let (status, reason) = stopped(guests(), body(&[]));
    assert_eq!(status, RunStatus::FilterConditionFailed);
    assert!(reason.message.contains("selects nothing"), "{}", reason.message);
    let emails = |count| (0..count).map(|index| json!(format!("g{index}@example.com"))).collect::<Vec<_>>();
    assert_eq!(events(guests(), body(&emails(100))).len(), 100);
    for path in ["$.guests[*]", "$.guests"] {
        let spec = with(guests(), "/for_each/jsonpath", json!(path));
        assert_eq!(stopped(spec, body(&emails(101))).0, RunStatus::Failed);
    }
}

#[test]
fn a_trace_tells_elements_apart() {
    let fixture = Fixture::new(body(&[json!("a@example.com"), json!(null)]));
    let (_, trace) = compiled(guests()).trace(&fixture.message(), &fixture.tenant);
    let mail: Vec<_> = trace
        .iter()
        .filter(|entry| entry.node_id == "mail")
        .map(|entry| (entry.element, entry.outcome))
        .collect();
    let expected =
        [(Some(0), NodeOutcome::Mapped), (Some(0), NodeOutcome::Mapped), (Some(1), NodeOutcome::Empty)];
    assert_eq!(mail, expected, "mapped, taken as an identifier; then empty");
}
