//! From the contract to the domain: what a client sent as a workflow's specification, checked for what can be
//! written down at all. Whether it makes sense is for the compiler to say.

use tributary_domain::{
    booking::FollowUp,
    workflow::spec::{
        Answer, Condition, Group, Input, Kind, Logic, Mapping, Match, MessageField, Node, OnEmpty, Operator,
        Path, Pick, Test, ValueType, WorkflowSpec,
    },
};
use tributary_proto::admin::v1 as proto;

use super::step;
use crate::{
    convert::{enums::Twin, value},
    violations::Violations,
};

/// Groups may be nested this deep; deeper ones could not be stored as JSON and read again.
const MAX_NESTING: usize = 12;
/// More mappings in one section make no event that any platform takes.
const MAX_MAPPINGS: usize = 500;

/// Reads specifications; everything that is wrong goes to the violations.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) violations: &'a mut Violations,
}

impl Reader<'_> {
    pub(super) fn spec(&mut self, spec: &proto::WorkflowSpec, at: &str) -> WorkflowSpec {
        let mut one = |mapping: &Option<proto::Mapping>, field: &str| {
            mapping.as_ref().map(|mapping| self.mapping(mapping, &format!("{at}.{field}")))
        };
        let (event_name, event_time, event_id) = (
            one(&spec.event_name, "event_name"),
            one(&spec.event_time, "event_time"),
            one(&spec.event_id, "event_id"),
        );
        let mut many =
            |mappings: &[proto::Mapping], field: &str| self.mappings(mappings, &format!("{at}.{field}"));
        let (identifiers, user_traits, event_attributes) = (
            many(&spec.identifiers, "identifiers"),
            many(&spec.user_traits, "user_traits"),
            many(&spec.event_attributes, "event_attributes"),
        );
        let (group_identities, group_traits, consents) = (
            many(&spec.group_identities, "group_identities"),
            many(&spec.group_traits, "group_traits"),
            many(&spec.consents, "consents"),
        );
        WorkflowSpec {
            kind: self.known::<Kind>(spec.kind, &format!("{at}.kind")).unwrap_or_default(),
            for_each: spec.for_each.as_ref().map(|path| self.path(path, &format!("{at}.for_each"))),
            filter: spec.filter.as_ref().map(|group| self.group(group, &format!("{at}.filter"), MAX_NESTING)),
            event_name,
            event_time,
            event_id,
            identifiers,
            user_traits,
            event_attributes,
            group_identities,
            group_traits,
            consents,
            follow_up: spec.follow_up.map(|follow_up| FollowUp {
                retract_cancelled: follow_up.retract_cancelled,
                retract_no_show: follow_up.retract_no_show,
                restate_rescheduled: follow_up.restate_rescheduled,
                restate_paid: follow_up.restate_paid,
            }),
        }
    }

    fn mappings(&mut self, mappings: &[proto::Mapping], at: &str) -> Vec<Mapping> {
        if mappings.len() > MAX_MAPPINGS {
            self.violations.add(at, format!("at most {MAX_MAPPINGS} mappings"));
            return Vec::new();
        }
        mappings
            .iter()
            .enumerate()
            .map(|(index, mapping)| self.mapping(mapping, &format!("{at}[{index}]")))
            .collect()
    }

    fn mapping(&mut self, mapping: &proto::Mapping, at: &str) -> Mapping {
        let indexed = |field: &str, index: usize| format!("{at}.{field}[{index}]");
        let inputs = mapping.inputs.iter().enumerate();
        let inputs =
            inputs.filter_map(|(index, input)| self.input(input, &indexed("inputs", index))).collect();
        let steps = mapping.steps.iter().enumerate();
        let steps =
            steps.filter_map(|(index, step)| step::read(self, step, &indexed("steps", index))).collect();
        Mapping {
            id: mapping.id.clone(),
            target: mapping.target.clone(),
            value_type: self
                .known::<ValueType>(mapping.value_type, &format!("{at}.value_type"))
                .unwrap_or_default(),
            primary: mapping.primary,
            disabled: mapping.disabled,
            when: mapping.when.as_ref().map(|group| self.group(group, &format!("{at}.when"), MAX_NESTING)),
            inputs,
            steps,
            on_empty: self.known::<OnEmpty>(mapping.on_empty, &format!("{at}.on_empty")).unwrap_or_default(),
        }
    }

    fn input(&mut self, input: &proto::Input, at: &str) -> Option<Input> {
        use proto::input::From;
        let Some(from) = &input.from else {
            self.violations.add(at, "one of path, constant, template, answer and field has to be set");
            return None;
        };
        Some(match from {
            From::Path(path) => Input::Path(self.path(path, &format!("{at}.path"))),
            From::Constant(constant) => {
                let at = format!("{at}.constant");
                Input::Constant(self.violations.take(&at, value::from_proto(constant))?)
            }
            From::Template(template) => Input::Template(template.clone()),
            From::Answer(answer) => Input::Answer(Answer {
                question: answer.question.clone(),
                matching: self
                    .known::<Match>(answer.matching, &format!("{at}.answer.matching"))
                    .unwrap_or_default(),
            }),
            From::Field(field) => {
                Input::Field(self.required::<MessageField>(*field, &format!("{at}.field"))?)
            }
        })
    }

    fn path(&mut self, path: &proto::Path, at: &str) -> Path {
        Path {
            jsonpath: path.jsonpath.clone(),
            pick: self.known::<Pick>(path.pick, &format!("{at}.pick")).unwrap_or_default(),
        }
    }

    pub(super) fn group(&mut self, group: &proto::Group, at: &str, left: usize) -> Group {
        if left == 0 {
            self.violations.add(at, format!("groups may be nested {MAX_NESTING} deep"));
            return Group::default();
        }
        let nodes = group.nodes.iter().enumerate();
        Group {
            logic: self.known::<Logic>(group.logic, &format!("{at}.logic")).unwrap_or_default(),
            nodes: nodes
                .filter_map(|(index, node)| self.node(node, &format!("{at}.nodes[{index}]"), left))
                .collect(),
        }
    }

    /// A group that stands alone, with all the nesting that is allowed.
    pub(super) fn whole_group(&mut self, group: &proto::Group, at: &str) -> Group {
        self.group(group, at, MAX_NESTING)
    }

    fn node(&mut self, node: &proto::Node, at: &str, left: usize) -> Option<Node> {
        use proto::node::Node as Kind;
        let test = match &node.node {
            Some(Kind::Group(group)) => Test::Group(self.group(group, &format!("{at}.group"), left - 1)),
            Some(Kind::Condition(condition)) => {
                Test::Condition(self.condition(condition, &format!("{at}.condition"))?)
            }
            None => {
                self.violations.add(at, "one of group and condition has to be set");
                return None;
            }
        };
        Some(Node { id: node.id.clone(), test })
    }

    fn condition(&mut self, condition: &proto::Condition, at: &str) -> Option<Condition> {
        let left = match &condition.left {
            Some(left) => self.input(left, &format!("{at}.left")),
            None => {
                self.violations.add(format!("{at}.left"), "has to be set");
                None
            }
        };
        let op = self.required::<Operator>(condition.op, &format!("{at}.op"));
        let right = condition.right.iter().enumerate();
        let right = right
            .filter_map(|(index, right)| {
                self.violations.take(&format!("{at}.right[{index}]"), value::from_proto(right))
            })
            .collect();
        Some(Condition { left: left?, op: op?, right })
    }

    /// The value of an enumeration; nothing when it is not set, or not known (which is a violation).
    pub(super) fn known<T: Twin>(&mut self, number: i32, at: &str) -> Option<T> {
        match T::of_number(number) {
            Ok(value) => value,
            Err(number) => {
                self.violations.add(at, format!("{number} is not a value of this enumeration"));
                None
            }
        }
    }

    /// The value of an enumeration that has to be set.
    pub(super) fn required<T: Twin>(&mut self, number: i32, at: &str) -> Option<T> {
        if number == 0 {
            self.violations.add(at, "has to be set");
            return None;
        }
        self.known(number, at)
    }
}
