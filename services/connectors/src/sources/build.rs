//! Short forms for the nodes of a preset. A node's id says what it is, so that a trace can be read.

use serde_json::{Value, json};
use tributary_domain::workflow::spec::{
    Condition, DateFormat, Group, Input, Logic, Mapping, MessageField, NamePart, Node, Op, Operator, Path,
    Pick, Step, Test, ValueType, WorkflowSpec,
};

/// A place in the payload.
pub(super) fn path(jsonpath: &str) -> Input {
    Input::Path(Path { jsonpath: jsonpath.to_owned(), pick: Pick::First })
}

/// Always the same text.
pub(super) fn constant(text: &str) -> Input {
    Input::Constant(Value::String(text.to_owned()))
}

/// Something known of the message itself.
pub(super) fn field(field: MessageField) -> Input {
    Input::Field(field)
}

/// What fills `target`; its node's id is `part` and `target`, such as `trait_email`.
pub(super) fn mapping(part: &str, target: &str, inputs: Vec<Input>) -> Mapping {
    Mapping { id: format!("{part}_{target}"), target: target.to_owned(), inputs, ..Mapping::default() }
}

/// A part of the event that is one mapping; its node's id is its name.
pub(super) fn single(name: &str, value_type: ValueType, inputs: Vec<Input>) -> Mapping {
    Mapping { id: name.to_owned(), target: name.to_owned(), value_type, inputs, ..Mapping::default() }
}

/// A trait of the person.
pub(super) fn user_trait(target: &str, inputs: Vec<Input>) -> Mapping {
    mapping("trait", target, inputs)
}

/// An attribute of the event, at one place of the payload.
pub(super) fn attribute(target: &str, jsonpath: &str) -> Mapping {
    mapping("attribute", target, vec![path(jsonpath)])
}

/// An attribute of the event: everything that a path finds, as a list.
pub(super) fn all_at(target: &str, jsonpath: &str) -> Mapping {
    mapping("attribute", target, vec![Input::Path(every(jsonpath))])
}

/// The same mapping with `op` done to its value; the step's id is the mapping's and `name`.
pub(super) fn with_step(mut mapping: Mapping, name: &str, op: Op) -> Mapping {
    mapping.steps.push(Step { id: format!("{}_{name}", mapping.id), op });
    mapping
}

/// Several places in the payload; the first that is not empty wins.
pub(super) fn paths(jsonpaths: &[&str]) -> Vec<Input> {
    jsonpaths.iter().map(|jsonpath| path(jsonpath)).collect()
}

/// What somebody is known by. The first of an event is to be made [`primary`].
pub(super) fn identifier(target: &str, inputs: Vec<Input>) -> Mapping {
    mapping("identifier", target, inputs)
}

/// The identifier that a person is looked for by first.
pub(super) fn primary(mapping: Mapping) -> Mapping {
    Mapping { primary: true, ..mapping }
}

/// The cluid that the source found, or else what stands at the place where it usually does, so that the run's log shows it.
pub(super) fn cluid(jsonpath: &str) -> Mapping {
    primary(identifier("cluid", vec![field(MessageField::Cluid), path(jsonpath)]))
}

/// A phone number as a trait, in E.164.
pub(super) fn phone(jsonpaths: &[&str]) -> Mapping {
    with_step(user_trait("phone", paths(jsonpaths)), "to_phone", Op::ToPhone { country: None })
}

/// The first name: from fields of its own, or else from those of a whole name. The word after the former is what the step
/// takes off, so that `Mary Ann` stays whole.
pub(super) fn first_name(own: &[&str], whole: &[&str]) -> Mapping {
    let own = own.iter().map(|path| Input::Template(format!("{{{{ {path} }}}} =")));
    let inputs = own.chain(paths(whole)).collect();
    with_step(user_trait("first_name", inputs), "split_name", Op::SplitName(NamePart::First))
}

/// The last name: from fields of its own, or else the last word of a whole name, where it has several. The sign before the
/// former is what the step takes off, so that `van Dijk` stays whole.
pub(super) fn last_name(own: &[&str], whole: &[&str]) -> Mapping {
    let own = own.iter().map(|path| Input::Template(format!("={{{{ {path} }}}}")));
    let inputs = own.chain(paths(whole)).collect();
    let mapping = with_step(user_trait("last_name", inputs), "trim", Op::Trim);
    let last_word = Op::Replace { pattern: r"^(?:=|.*\s|\S+$)".to_owned(), with: String::new() };
    with_step(mapping, "last_word", last_word)
}

/// Every element that a path finds, to make an event of each.
pub(super) fn every(jsonpath: &str) -> Path {
    Path { jsonpath: jsonpath.to_owned(), pick: Pick::All }
}

/// A number that may be written as a text.
pub(super) fn number(target: &str, jsonpath: &str) -> Mapping {
    with_step(attribute(target, jsonpath), "to_number", Op::ToNumber)
}

/// Currencies without a smaller unit, and with one of a thousandth, as card processors count them.
const WHOLE: &str = "bif|clp|djf|gnf|jpy|kmf|krw|mga|pyg|rwf|vnd|vuv|xaf|xof|xpf";
const THOUSANDTHS: &str = "bhd|jod|kwd|omr|tnd";

/// An amount that is counted in the smallest unit of its currency, in whole units. The currency decides where the point
/// goes, so both are put into one text first.
pub(super) fn from_smallest_unit(target: &str, amount: &str, currency: &str) -> Mapping {
    let both = Input::Template(format!("{{{{ {amount} }}}} {{{{ {currency} }}}}"));
    let replace = |pattern: String, with: &str| Op::Replace { pattern, with: with.to_owned() };
    let steps = [
        ("whole", replace(format!(r"(?i)^(-?\d+) (?:{WHOLE})$"), "$1")),
        // So many zeros that there is something on both sides of the point.
        ("zeros", replace(r"^(-?)(\d+) ".to_owned(), "${1}0000$2 ")),
        ("thousandths", replace(format!(r"(?i)^(-?\d+)(\d{{3}}) (?:{THOUSANDTHS})$"), "$1.$2")),
        ("hundredths", replace(r"^(-?\d+)(\d{2}) .*$".to_owned(), "$1.$2")),
        ("to_number", Op::ToNumber),
    ];
    let mapping = mapping("attribute", target, vec![both]);
    steps.into_iter().fold(mapping, |mapping, (name, op)| with_step(mapping, name, op))
}

/// An event that is always called `name`, of messages that `filter` lets pass; it happened at the first of the places
/// `times`, and the first of `ids` tells it from others.
pub(super) fn track(name: &str, filter: Group, times: &[&str], ids: &[&str]) -> WorkflowSpec {
    WorkflowSpec {
        filter: (!filter.nodes.is_empty()).then_some(filter),
        event_name: Some(single("event_name", ValueType::String, vec![constant(name)])),
        event_time: (!times.is_empty()).then(|| time(paths(times))),
        event_id: (!ids.is_empty()).then(|| single("event_id", ValueType::String, paths(ids))),
        ..WorkflowSpec::default()
    }
}

/// When an event happened.
pub(super) fn time(inputs: Vec<Input>) -> Mapping {
    with_step(single("event_time", ValueType::Time, inputs), "to_date", Op::ToDate(DateFormat::Auto))
}

/// Lets one of the provider's events pass, whether its body or a header names it.
pub(super) fn only(event: &str) -> Group {
    by_event(Operator::Equals, vec![json!(event)])
}

/// Lets some of the provider's events pass.
pub(super) fn any_of(events: &[&str]) -> Group {
    by_event(Operator::In, events.iter().map(|event| json!(event)).collect())
}

fn by_event(op: Operator, right: Vec<Value>) -> Group {
    let condition = Condition { left: field(MessageField::ProviderEvent), op, right };
    all_of(vec![Node { id: "filter_event".to_owned(), test: Test::Condition(condition) }])
}

/// Conditions that all have to hold.
pub(super) fn all_of(nodes: Vec<Node>) -> Group {
    Group { logic: Logic::All, nodes }
}

/// A comparison of a place in the payload.
pub(super) fn condition(id: &str, jsonpath: &str, op: Operator, right: Vec<Value>) -> Node {
    Node { id: id.to_owned(), test: Test::Condition(Condition { left: path(jsonpath), op, right }) }
}
