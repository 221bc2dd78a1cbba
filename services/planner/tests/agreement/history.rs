//! Random histories: workflows that differ in what people notice, and messages with few values.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_domain::{
    consent::ConsentRule,
    workflow::spec::{Group, WorkflowSpec},
};

/// Two workflows of a source, one of them before and after a change, and what the source received.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) before: Option<WorkflowSpec>,
    pub(crate) after: WorkflowSpec,
    pub(crate) other: Option<WorkflowSpec>,
    pub(crate) filter: Option<Group>,
    /// What the first destination asks people for.
    pub(crate) consent: Option<ConsentRule>,
    pub(crate) bodies: Vec<Value>,
    pub(crate) batch: usize,
}

fn path(of: &str) -> Value {
    json!({"path": {"jsonpath": of}})
}

fn mapping(target: &str, of: &str) -> Value {
    json!({"id": format!("{target}_node"), "target": target, "inputs": [path(of)]})
}

fn is(of: &str, value: &str) -> Value {
    let condition = json!({"left": path(of), "op": "equals", "right": [value]});
    json!({"nodes": [{"id": "clause", "condition": condition}]})
}

/// Workflows that differ in what people notice: which messages pass, who an event is about, what is known of it.
fn spec() -> impl Strategy<Value = WorkflowSpec> {
    let identifiers = prop::sample::subsequence(vec!["email", "phone", "cluid", "external_id:crm"], 1..=3);
    let traits = prop::sample::subsequence(vec!["first_name", "last_name", "plan"], 0..=3);
    let clause = prop::option::of(prop::sample::select(vec!["a", "b"]));
    let name = (prop::sample::select(vec!["Lead", "Sale"]), any::<bool>());
    (identifiers.prop_shuffle(), traits, clause, name, any::<bool>()).prop_map(
        |(identifiers, traits, clause, (name, mapped), agreed)| {
            let fields = BTreeMap::from([
                ("email", "$.email"),
                ("phone", "$.phone"),
                ("cluid", "$.cluid"),
                ("external_id:crm", "$.crm"),
            ]);
            let mut identifiers: Vec<Value> =
                identifiers.iter().map(|kind| mapping(kind, fields[kind])).collect();
            identifiers[0]["primary"] = json!(true);
            let name = if mapped { path("$.name") } else { json!({"constant": name}) };
            let spec = json!({
                "filter": clause.map(|value| is("$.kind", value)),
                "event_name": {"id": "event_name", "target": "event_name", "inputs": [name]},
                "identifiers": identifiers,
                "user_traits": traits.iter().map(|name| mapping(name, "$.name")).collect::<Vec<_>>(),
                "consents": agreed.then(|| mapping("ads", "$.ads")).into_iter().collect::<Vec<_>>(),
            });
            serde_json::from_value(spec).expect("a spec")
        },
    )
}

fn body() -> impl Strategy<Value = Value> {
    let one_of = |values: &[&str]| {
        prop::option::of(prop::sample::select(
            values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>(),
        ))
    };
    (
        one_of(&["ann@example.com", "bob@example.com", "null"]),
        one_of(&["+14045550142", "+14045550143"]),
        one_of(&["trb_01h8xkq7v2m3n4p5r6s7t8v9w0", "trb_01h8xkq7v2m3n4p5r6s7t8v9w1"]),
        one_of(&["7", "8"]),
        one_of(&["Ann", "Bob"]),
        one_of(&["a", "b"]),
        one_of(&["once", "twice"]),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(email, phone, cluid, crm, name, kind, key, ads)| {
            json!({
                "email": email, "phone": phone, "cluid": cluid, "crm": crm, "name": name, "kind": kind, "key": key,
                "ads": ads,
            })
        })
}

/// Any history.
pub(crate) fn history() -> impl Strategy<Value = History> {
    let filter = prop::option::of(prop::sample::select(vec!["Lead", "Sale", "Ann"]));
    (
        prop::option::of(spec()),
        spec(),
        prop::option::of(spec()),
        filter,
        prop::collection::vec(body(), 1..14),
        1_usize..6,
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(before, after, other, filter, bodies, batch, consent)| {
            let rule = |allow_unknown| ConsentRule { purposes: vec!["ads".to_owned()], allow_unknown };
            let consent = consent.map(rule);
            let filter = filter.map(|name| serde_json::from_value(is("$.name", name)).expect("a filter"));
            History { before, after, other, filter, consent, bodies, batch }
        })
}
