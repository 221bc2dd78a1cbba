//! From the domain to the contract: a specification as clients see it.

use tributary_domain::workflow::spec::{Condition, Group, Input, Mapping, Node, Path, Test, WorkflowSpec};
use tributary_proto::admin::v1 as proto;

use super::step;
use crate::convert::{enums::Twin, value};

/// A specification as the contract has it.
pub(super) fn spec(spec: &WorkflowSpec) -> proto::WorkflowSpec {
    let one = |given: &Option<Mapping>| given.as_ref().map(mapping);
    let many = |mappings: &[Mapping]| mappings.iter().map(mapping).collect::<Vec<_>>();
    proto::WorkflowSpec {
        kind: spec.kind.number(),
        for_each: spec.for_each.as_ref().map(path),
        filter: spec.filter.as_ref().map(group),
        event_name: one(&spec.event_name),
        event_time: one(&spec.event_time),
        event_id: one(&spec.event_id),
        identifiers: many(&spec.identifiers),
        user_traits: many(&spec.user_traits),
        event_attributes: many(&spec.event_attributes),
        group_identities: many(&spec.group_identities),
        group_traits: many(&spec.group_traits),
        consents: many(&spec.consents),
        follow_up: spec.follow_up.map(|follow_up| proto::FollowUp {
            retract_cancelled: follow_up.retract_cancelled,
            retract_no_show: follow_up.retract_no_show,
            restate_rescheduled: follow_up.restate_rescheduled,
            restate_paid: follow_up.restate_paid,
        }),
    }
}

fn mapping(mapping: &Mapping) -> proto::Mapping {
    proto::Mapping {
        id: mapping.id.clone(),
        target: mapping.target.clone(),
        value_type: mapping.value_type.number(),
        primary: mapping.primary,
        disabled: mapping.disabled,
        when: mapping.when.as_ref().map(group),
        inputs: mapping.inputs.iter().map(input).collect(),
        steps: mapping.steps.iter().map(step::write).collect(),
        on_empty: mapping.on_empty.number(),
    }
}

fn input(input: &Input) -> proto::Input {
    use proto::input::From;
    let from = match input {
        Input::Path(place) => From::Path(path(place)),
        Input::Constant(constant) => From::Constant(value::to_proto(constant)),
        Input::Template(template) => From::Template(template.clone()),
        Input::Answer(answer) => From::Answer(proto::Answer {
            question: answer.question.clone(),
            matching: answer.matching.number(),
        }),
        Input::Field(field) => From::Field(field.number()),
    };
    proto::Input { from: Some(from) }
}

fn path(path: &Path) -> proto::Path {
    proto::Path { jsonpath: path.jsonpath.clone(), pick: path.pick.number() }
}

/// A group of conditions as the contract has it.
pub(super) fn group(group: &Group) -> proto::Group {
    proto::Group { logic: group.logic.number(), nodes: group.nodes.iter().map(node).collect() }
}

fn node(node: &Node) -> proto::Node {
    use proto::node::Node as Kind;
    let test = match &node.test {
        Test::Group(inner) => Kind::Group(group(inner)),
        Test::Condition(inner) => Kind::Condition(condition(inner)),
    };
    proto::Node { id: node.id.clone(), node: Some(test) }
}

fn condition(condition: &Condition) -> proto::Condition {
    proto::Condition {
        left: Some(input(&condition.left)),
        op: condition.op.number(),
        right: condition.right.iter().map(value::to_proto).collect(),
    }
}
