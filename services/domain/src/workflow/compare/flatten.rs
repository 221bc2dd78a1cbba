//! A specification as a list of parts, each with what it says: two such lists are easily compared.

use serde::Serialize;

use super::words;
use crate::workflow::spec::{Group, Mapping, Node, Step, Test, WorkflowSpec};

/// The sections in the order in which differences are told.
pub(super) const SECTIONS: [&str; 14] = [
    "kind",
    "for_each",
    "filter",
    "event_name",
    "event_time",
    "event_id",
    "identifiers",
    "user_traits",
    "event_attributes",
    "group_identities",
    "group_traits",
    "consents",
    "follow_up",
    "",
];

/// A node, or a list of nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    /// Where it stands; unique among the parts of a specification.
    pub(super) path: String,
    /// The node's id; empty for what is none.
    pub(super) node_id: String,
    /// What a person calls it.
    pub(super) name: String,
    /// What it says, in short.
    pub(super) summary: String,
    /// What it says.
    pub(super) facts: Vec<Fact>,
    /// The ids of its elements in order, where it is a list.
    pub(super) list: Option<Vec<String>>,
}

impl Part {
    /// Whether it is nothing but its elements.
    pub(super) fn is_list(&self) -> bool {
        self.list.is_some()
    }
}

/// One thing that a part says.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// Its field in the specification.
    pub(super) field: &'static str,
    /// What a person calls it.
    pub(super) label: &'static str,
    /// Exactly what it says.
    pub(super) exact: String,
    /// The same in words.
    pub(super) words: String,
}

fn fact(field: &'static str, label: &'static str, exact: &impl Serialize, words: String) -> Fact {
    // What a specification is made of can always be written as JSON.
    Fact { field, label, exact: serde_json::to_string(exact).unwrap_or_default(), words }
}

/// Every part, outer ones before those in them.
pub(super) fn parts(spec: &WorkflowSpec) -> Vec<Part> {
    let mut parts = Parts(Vec::new());
    parts.0.push(Part {
        facts: vec![
            fact("kind", "the kind of event", &spec.kind, words::kind(spec.kind).to_owned()),
            fact(
                "for_each",
                "the list that events are made of",
                &spec.for_each,
                spec.for_each.as_ref().map(words::path).unwrap_or_default(),
            ),
            fact(
                "follow_up",
                "what is told when the booking changes",
                &spec.follow_up,
                spec.follow_up.map(words::follow_up).unwrap_or_default(),
            ),
        ],
        ..Part::default()
    });
    if let Some(filter) = &spec.filter {
        parts.group("filter", "", "the filter", filter);
    }
    let singles = [
        ("event_name", "the event name", &spec.event_name),
        ("event_time", "the event time", &spec.event_time),
        ("event_id", "the event id", &spec.event_id),
    ];
    for (section, name, mapping) in singles {
        if let Some(mapping) = mapping {
            let id = fact("id", "the node's id", &mapping.id, mapping.id.clone());
            parts.mapping(section, name, mapping, Some(id));
        }
    }
    for (section, what, mappings) in [
        ("identifiers", "identifier", &spec.identifiers),
        ("user_traits", "user trait", &spec.user_traits),
        ("event_attributes", "event attribute", &spec.event_attributes),
        ("group_identities", "group identity", &spec.group_identities),
        ("group_traits", "group trait", &spec.group_traits),
        ("consents", "consent", &spec.consents),
    ] {
        let ids = distinct(mappings.iter().map(|mapping| mapping.id.as_str()));
        parts.list(section.to_owned(), format!("{what}s"), &ids);
        for (id, mapping) in ids.iter().zip(mappings) {
            let name = format!("{what} `{}`", mapping.target);
            parts.mapping(&format!("{section}[{id}]"), &name, mapping, None);
        }
    }
    parts.0
}

/// Ids that tell the elements of a list apart, whatever ids a draft has: those that come again are counted.
fn distinct<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = std::collections::HashMap::new();
    ids.map(|id| {
        let count = seen.entry(id).and_modify(|count| *count += 1).or_insert(1_u32);
        if *count == 1 && !id.is_empty() { id.to_owned() } else { format!("{id}#{count}") }
    })
    .collect()
}

struct Parts(Vec<Part>);

impl Parts {
    fn list(&mut self, path: String, name: String, ids: &[String]) {
        self.0.push(Part { path, name, list: Some(ids.to_vec()), ..Part::default() });
    }

    fn mapping(&mut self, path: &str, name: &str, mapping: &Mapping, id: Option<Fact>) {
        let mut facts: Vec<Fact> = id.into_iter().collect();
        facts.extend([
            fact("target", "what it fills", &mapping.target, format!("`{}`", mapping.target)),
            fact(
                "value_type",
                "the type",
                &mapping.value_type,
                words::value_type(mapping.value_type).to_owned(),
            ),
            fact(
                "primary",
                "whether it is primary",
                &mapping.primary,
                words::flag(mapping.primary).to_owned(),
            ),
            fact(
                "disabled",
                "whether it is left out",
                &mapping.disabled,
                words::flag(mapping.disabled).to_owned(),
            ),
            fact("inputs", "where it comes from", &mapping.inputs, words::inputs(&mapping.inputs)),
            fact(
                "on_empty",
                "what happens when it is empty",
                &mapping.on_empty,
                words::on_empty(mapping.on_empty).to_owned(),
            ),
        ]);
        self.0.push(Part {
            path: path.to_owned(),
            node_id: mapping.id.clone(),
            name: name.to_owned(),
            summary: words::mapping(mapping),
            facts,
            list: None,
        });
        if let Some(when) = &mapping.when {
            self.group(&format!("{path}.when"), &mapping.id, &format!("the condition of {name}"), when);
        }
        let ids = distinct(mapping.steps.iter().map(|step| step.id.as_str()));
        self.list(format!("{path}.steps"), format!("the steps of {name}"), &ids);
        for (id, step) in ids.iter().zip(&mapping.steps) {
            self.step(format!("{path}.steps[{id}]"), name, step);
        }
    }

    fn step(&mut self, path: String, of: &str, step: &Step) {
        let words = words::op(&step.op);
        self.0.push(Part {
            path,
            node_id: step.id.clone(),
            name: format!("a step of {of}"),
            summary: words.clone(),
            facts: vec![fact("op", "what it does", &step.op, words)],
            list: None,
        });
    }

    fn group(&mut self, path: &str, node_id: &str, name: &str, group: &Group) {
        self.0.push(Part {
            path: path.to_owned(),
            node_id: node_id.to_owned(),
            name: name.to_owned(),
            summary: words::group(group),
            facts: vec![fact(
                "logic",
                "how it is joined",
                &group.logic,
                words::logic(group.logic).to_owned(),
            )],
            list: None,
        });
        let ids = distinct(group.nodes.iter().map(|node| node.id.as_str()));
        self.list(format!("{path}.nodes"), format!("the conditions of {name}"), &ids);
        for (id, node) in ids.iter().zip(&group.nodes) {
            self.node(&format!("{path}.nodes[{id}]"), name, node);
        }
    }

    fn node(&mut self, path: &str, of: &str, node: &Node) {
        match &node.test {
            Test::Group(group) => self.group(path, &node.id, &format!("a group in {of}"), group),
            Test::Condition(condition) => {
                let words = words::condition(condition);
                self.0.push(Part {
                    path: path.to_owned(),
                    node_id: node.id.clone(),
                    name: format!("a condition of {of}"),
                    summary: words.clone(),
                    facts: vec![fact("condition", "it", condition, words)],
                    list: None,
                });
            }
        }
    }
}
