use serde_json::{Value, json};

use super::*;
use crate::workflow::spec::{Group, Input, Path};

fn spec(changes: &Value) -> WorkflowSpec {
    let mut spec = json!({
        "kind": "track",
        "event_name": { "id": "name", "inputs": [{ "constant": "Schedule" }] },
        "identifiers": [mapping("email", "email", true)],
    });
    for (name, value) in changes.as_object().unwrap() {
        spec[name] = value.clone();
    }
    serde_json::from_value(spec).unwrap()
}

fn mapping(id: &str, target: &str, primary: bool) -> Value {
    json!({ "id": id, "target": target, "primary": primary, "inputs": [{ "path": { "jsonpath": "$.a" } }] })
}

fn problems(changes: impl std::borrow::Borrow<Value>) -> Vec<Problem> {
    let (workflow, problems) = CompiledWorkflow::compile(&spec(changes.borrow()));
    let has_error = problems.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(workflow.is_none(), has_error, "{problems:?}");
    for problem in &problems {
        assert!(!problem.reason.is_empty() && !problem.fix.is_empty(), "{problem:?}");
    }
    problems
}

#[test]
fn a_workflow_is_shared_between_threads() {
    fn is_shared<T: Send + Sync + std::fmt::Debug>() {}
    is_shared::<CompiledWorkflow>();
    assert_eq!(problems(json!({})), []);
}

#[test]
fn a_standard_event_without_what_is_expected_of_it_is_warned_of() {
    let name = |constant: &str| json!({ "id": "name", "inputs": [{ "constant": constant }] });
    let found = problems(
        json!({ "event_name": name("Purchase"), "event_attributes": [mapping("v", "value", false)] }),
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].node_id.as_str(), found[0].severity), ("name", Severity::Warning));
    assert!(found[0].reason.starts_with("the event Purchase has no currency: "), "{}", found[0].reason);
    let both = [mapping("v", "value", false), mapping("c", "currency", false)];
    assert_eq!(problems(json!({ "event_name": name("Purchase"), "event_attributes": both })), []);
    assert_eq!(problems(json!({ "event_name": name("Schedule") })), []);
    let mut off = mapping("v", "value", false);
    off["disabled"] = json!(true);
    let found = problems(json!({ "event_name": name("Donate"), "event_attributes": [off] }));
    assert!(found[0].reason.contains("no value and currency"), "{found:?}");
}

#[test]
fn each_rule_is_an_error_at_its_node_that_says_what_to_do() {
    let many: Vec<Value> =
        (0..101).map(|index| mapping(&format!("m{index}"), &format!("t{index}"), false)).collect();
    let table = [
        (json!({ "event_name": null }), "", "no event name"),
        (json!({ "identifiers": [] }), "", "no user identifier"),
        (json!({ "identifiers": [mapping("a", "email", false)] }), "", "0 user identifiers are primary"),
        (
            json!({ "identifiers": [mapping("a", "email", true), mapping("b", "phone", true)] }),
            "",
            "2 user identifiers are primary",
        ),
        (json!({ "identifiers": [mapping("a", "e-mail", true)] }), "a", "not a type of user identifier"),
        (
            json!({ "identifiers": [mapping("a", "external_id:CRM", true)] }),
            "a",
            "not a type of user identifier",
        ),
        (
            json!({ "identifiers": [
                mapping("a", "email", true), mapping("b", "phone", false), mapping("c", "fbp", false), mapping("d", "ttp", false),
            ] }),
            "",
            "4 user identifiers, at most 3",
        ),
        (
            json!({ "identifiers": [mapping("a", "email", true), mapping("b", "email", false)] }),
            "b",
            "mapped twice",
        ),
        (
            json!({ "user_traits": [mapping("x", "city", false), mapping("y", "city", false)] }),
            "y",
            "mapped twice",
        ),
        (json!({ "user_traits": [mapping("email", "city", false)] }), "email", "another node has the id"),
        (json!({ "user_traits": [mapping("", "city", false)] }), "", "a user_traits has no id"),
        (json!({ "user_traits": [mapping(&"i".repeat(65), "city", false)] }), "i", "more than 64 bytes"),
        (json!({ "user_traits": [mapping("x", "", false)] }), "x", "is not a name"),
        (json!({ "user_traits": [mapping("x", &"n".repeat(101), false)] }), "x", "is not a name"),
        (json!({ "user_traits": many }), "", "101 user_traits"),
        (json!({ "user_traits": [{ "id": "x", "target": "city" }] }), "x", "has no input"),
        (
            json!({ "consents": [{ "id": "x", "target": "ads", "inputs": [{ "path": { "jsonpath": "a" } }] }] }),
            "x",
            "is not a JSONPath",
        ),
        (
            json!({ "event_attributes": [{ "id": "x", "target": "v", "inputs": [{ "constant": 1 }], "steps": [
                { "id": "s", "op": { "replace": { "pattern": "a{1000}{1000}", "with": "" } } },
            ] }] }),
            "s",
            "when compiled",
        ),
        (json!({ "kind": "group" }), "", "no group identity"),
        (
            json!({ "group_identities": [mapping("g", "Account Id", false)] }),
            "g",
            "not a type of group identity",
        ),
        (json!({ "for_each": { "jsonpath": "items" } }), "", "is not a JSONPath"),
        (
            json!({ "filter": { "nodes": [{ "id": "f", "condition": { "left": { "constant": 1 }, "op": "in" } }] } }),
            "f",
            "0 values",
        ),
        (
            json!({ "filter": { "nodes": [{ "condition": { "left": { "constant": 1 }, "op": "exists" } }] } }),
            "",
            "a condition has no id",
        ),
    ];
    for (changes, node, reason) in table {
        let found = problems(&changes);
        let is_named = found.iter().any(|problem| {
            problem.severity == Severity::Error
                && problem.node_id.starts_with(node)
                && problem.reason.contains(reason)
                && (!node.is_empty() || problem.node_id.is_empty())
        });
        assert!(is_named, "{changes}: {found:?}");
    }
}

#[test]
fn what_is_disabled_is_left_out_and_only_warned_of() {
    let mut broken = mapping("x", "", false);
    broken["disabled"] = json!(true);
    let found = problems(json!({ "user_traits": [broken] }));
    assert!(
        !found.is_empty() && found.iter().all(|problem| problem.severity == Severity::Warning),
        "{found:?}"
    );
    let mut off = mapping("x", "phone", true);
    off["disabled"] = json!(true);
    assert_eq!(problems(json!({ "identifiers": [mapping("a", "email", true), off] })), []);
}

#[test]
fn what_does_nothing_is_warned_of() {
    let warned = |changes: Value, reason: &str| {
        let found = problems(changes);
        assert!(
            found.iter().any(|one| one.severity == Severity::Warning && one.reason.contains(reason)),
            "{found:?}"
        );
    };
    warned(json!({ "filter": { "nodes": [] } }), "has no conditions");
    warned(json!({ "kind": "identify" }), "only an event of kind TRACK");
    let mut clearing = mapping("x", "city", false);
    clearing["on_empty"] = json!("clear");
    warned(json!({ "event_attributes": [clearing.clone()] }), "only traits can be cleared");
    assert_eq!(problems(json!({ "user_traits": [clearing] })), []);
}

#[test]
fn a_group_workflow_needs_no_user() {
    let changes = json!({
        "kind": "group", "event_name": null, "identifiers": [], "group_identities": [mapping("g", "account_id", false)],
    });
    assert_eq!(problems(changes), []);
}

#[test]
fn a_workflow_that_is_too_large_or_too_deep_is_refused() {
    let constant = "x".repeat(15_000);
    let large: Vec<Value> = (0..20)
        .map(|index| json!({ "id": format!("m{index}"), "target": format!("t{index}"), "inputs": [{ "constant": constant }] }))
        .collect();
    assert!(problems(json!({ "user_traits": large }))[0].reason.contains("bytes, at most 262144"));

    let leaf = Group::default();
    let deep = (0..5_000).fold(leaf, |inner, index| {
        let node = crate::workflow::spec::Node {
            id: index.to_string(),
            test: crate::workflow::spec::Test::Group(inner),
        };
        Group { nodes: vec![node], ..Group::default() }
    });
    let (workflow, found) =
        CompiledWorkflow::compile(&WorkflowSpec { filter: Some(deep), ..spec(&json!({})) });
    assert!(workflow.is_none() && found[0].reason.contains("nested"), "{found:?}");
}

#[test]
fn regular_expressions_are_counted() {
    let nodes: Vec<Value> = (0..51)
        .map(|index| json!({ "id": index.to_string(), "condition": { "left": { "constant": 1 }, "op": "matches", "right": ["a"] } }))
        .collect();
    let found = problems(json!({ "filter": { "nodes": nodes } }));
    assert!(found.iter().any(|problem| problem.reason.contains("50 regular expressions")), "{found:?}");
}

#[test]
fn a_draft_with_a_thousand_mistakes_does_not_answer_with_all_of_them() {
    let bad = |index: usize| Mapping {
        id: format!("{index}"),
        inputs: vec![Input::Path(Path::default()); 8],
        ..Mapping::default()
    };
    let broken = WorkflowSpec { user_traits: (0..100).map(bad).collect(), ..spec(&json!({})) };
    assert_eq!(CompiledWorkflow::compile(&broken).1.len(), 200);
}

#[test]
fn only_track_events_are_followed_up() {
    let follow_up = json!({ "retract_cancelled": true });
    let (workflow, _) = CompiledWorkflow::compile(&spec(&json!({ "follow_up": follow_up.clone() })));
    let follow_up_of = workflow.unwrap().follow_up();
    assert_eq!(follow_up_of, Some(FollowUp { retract_cancelled: true, ..FollowUp::default() }));
    let identify = json!({ "kind": "identify", "event_name": null, "follow_up": follow_up });
    assert!(problems(identify).iter().any(|problem| problem.severity == Severity::Error));
}
