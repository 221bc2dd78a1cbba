//! Short forms for the nodes of a preset. A node's id says what it is, so that a trace can be read.

use serde_json::Value;
use tributary_domain::workflow::spec::{
    Condition, Group, Input, Logic, Mapping, MessageField, Node, Op, Operator, Path, Pick, Step, Test,
    ValueType,
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

/// The same mapping with `op` done to its value; the step's id is the mapping's and `name`.
pub(super) fn with_step(mut mapping: Mapping, name: &str, op: Op) -> Mapping {
    mapping.steps.push(Step { id: format!("{}_{name}", mapping.id), op });
    mapping
}

/// Conditions that all have to hold.
pub(super) fn all_of(nodes: Vec<Node>) -> Group {
    Group { logic: Logic::All, nodes }
}

/// A comparison of a place in the payload.
pub(super) fn condition(id: &str, jsonpath: &str, op: Operator, right: Vec<Value>) -> Node {
    Node { id: id.to_owned(), test: Test::Condition(Condition { left: path(jsonpath), op, right }) }
}
