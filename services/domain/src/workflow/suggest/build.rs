//! A draft of what was chosen.

use serde_json::Value;

use super::{choose::Candidate, event::Called, known::Section};
use crate::workflow::spec::{
    Condition, DateFormat, Group, Input, Kind, Logic, Mapping, NamePart, Node, Op, Operator, Step, Test,
    ValueType, WorkflowSpec,
};

/// Of the identifiers that were chosen, which a workflow takes first: at most three are taken.
const PREFERRED: [&str; 3] = ["cluid", "email", "phone"];
/// How many identifiers a workflow takes.
pub(super) const MOST_IDENTIFIERS: usize = 3;

/// How much a target is preferred as an identifier; smaller is better.
pub(super) fn preference(target: &str) -> usize {
    PREFERRED.iter().position(|known| *known == target).unwrap_or(PREFERRED.len())
}

/// The draft; nothing without an identifier.
pub(super) fn spec(chosen: &[Candidate], called: Option<&Called>, event_name: &str) -> Option<WorkflowSpec> {
    let of =
        |section: Section| chosen.iter().filter(move |candidate| candidate.suggestion.section == section);
    let mut identifiers: Vec<Mapping> =
        of(Section::Identifiers).map(|candidate| mapping("identifier", candidate)).collect();
    identifiers.sort_by_key(|mapping| preference(&mapping.target));
    identifiers.first_mut()?.primary = true;
    let single = |section: Section, value_type| {
        of(section).next().map(|candidate| Mapping {
            id: section.as_str().to_owned(),
            target: section.as_str().to_owned(),
            value_type,
            inputs: vec![candidate.input.clone()],
            ..Mapping::default()
        })
    };
    let event_time = single(Section::EventTime, ValueType::Time)
        .map(|mapping| with_step(mapping, "to_date", Op::ToDate(DateFormat::Auto)));
    Some(WorkflowSpec {
        kind: Kind::Track,
        filter: called.map(only),
        event_name: Some(Mapping {
            id: "event_name".to_owned(),
            target: "event_name".to_owned(),
            value_type: ValueType::String,
            inputs: vec![Input::Constant(Value::String(event_name.to_owned()))],
            ..Mapping::default()
        }),
        event_time,
        event_id: single(Section::EventId, ValueType::String),
        identifiers,
        user_traits: of(Section::UserTraits).map(user_trait).collect(),
        event_attributes: of(Section::EventAttributes).map(attribute).collect(),
        group_identities: of(Section::GroupIdentities).map(|candidate| mapping("group", candidate)).collect(),
        consents: of(Section::Consents)
            .map(|candidate| Mapping { value_type: ValueType::Bool, ..mapping("consent", candidate) })
            .map(|mapping| with_step(mapping, "to_bool", Op::ToBool))
            .collect(),
        ..WorkflowSpec::default()
    })
}

fn only(called: &Called) -> Group {
    let condition = Condition {
        left: called.input.clone(),
        op: Operator::Equals,
        right: vec![Value::String(called.text.clone())],
    };
    Group {
        logic: Logic::All,
        nodes: vec![Node { id: "filter_event".to_owned(), test: Test::Condition(condition) }],
    }
}

fn mapping(part: &str, candidate: &Candidate) -> Mapping {
    let target = &candidate.suggestion.target;
    Mapping {
        id: format!("{part}_{}", target.replace(':', "_")),
        target: target.clone(),
        inputs: vec![candidate.input.clone()],
        ..Mapping::default()
    }
}

fn with_step(mut mapping: Mapping, name: &str, op: Op) -> Mapping {
    mapping.steps.push(Step { id: format!("{}_{name}", mapping.id), op });
    mapping
}

/// A trait of the person; what is proposed as a part of the full name is taken out of it.
fn user_trait(candidate: &Candidate) -> Mapping {
    let plain = mapping("trait", candidate);
    match (candidate.suggestion.target.as_str(), candidate.part) {
        (_, Some(part)) => with_step(plain, "split_name", Op::SplitName(part)),
        ("phone", None) => with_step(plain, "to_phone", Op::ToPhone { country: None }),
        _ => plain,
    }
}

fn attribute(candidate: &Candidate) -> Mapping {
    let plain = mapping("attribute", candidate);
    if candidate.suggestion.target == "value" {
        return Mapping { value_type: ValueType::Number, ..plain };
    }
    plain
}

/// The first and the last name, taken out of the full one.
pub(super) fn name_parts(full: &Candidate) -> [Candidate; 2] {
    [("first_name", NamePart::First), ("last_name", NamePart::Last)].map(|(target, part)| {
        let mut candidate = full.clone();
        target.clone_into(&mut candidate.suggestion.target);
        "taken out of the full name".clone_into(&mut candidate.suggestion.reason);
        candidate.part = Some(part);
        candidate
    })
}
