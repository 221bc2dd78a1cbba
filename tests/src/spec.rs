//! Workflows, in few words.

use serde_json::Value;
use tributary_proto::admin::v1::{
    Condition, Group, Input, Mapping, Node, Path, WorkflowSpec, condition::Operator, input::From, node,
    workflow_spec::Kind,
};

use crate::to_value;

/// A workflow that is being written.
#[derive(Debug, Clone, Default)]
pub struct Spec(WorkflowSpec);

/// A value of the payload.
pub fn path(jsonpath: &str) -> Input {
    Input { from: Some(From::Path(Path { jsonpath: jsonpath.to_owned(), pick: 0 })) }
}

/// Always the same value.
pub fn constant(value: &Value) -> Input {
    Input { from: Some(From::Constant(to_value(value))) }
}

/// A comparison with the id `id`.
pub fn condition(id: &str, left: Input, op: Operator, right: &[Value]) -> Node {
    let condition =
        Condition { left: Some(left), op: op.into(), right: right.iter().map(to_value).collect() };
    Node { id: id.to_owned(), node: Some(node::Node::Condition(condition)) }
}

impl Spec {
    /// Makes track events with this name.
    pub fn track(name: &str) -> Self {
        let event_name = mapping("event_name", "event_name", constant(&name.into()));
        Self(WorkflowSpec { kind: Kind::Track.into(), event_name: Some(event_name), ..Default::default() })
    }

    /// Makes events of another kind, without a name.
    pub fn of(kind: Kind) -> Self {
        Self(WorkflowSpec { kind: kind.into(), ..Default::default() })
    }

    /// Maps the id by which platforms know the event again.
    #[must_use]
    pub fn event_id(mut self, jsonpath: &str) -> Self {
        self.0.event_id = Some(mapping("event_id", "event_id", path(jsonpath)));
        self
    }

    /// Maps a user identifier; the first one is the primary one.
    #[must_use]
    pub fn identifier(mut self, target: &str, jsonpath: &str) -> Self {
        let primary = self.0.identifiers.is_empty();
        let id = format!("identifier_{target}");
        self.0.identifiers.push(Mapping { primary, ..mapping(&id, target, path(jsonpath)) });
        self
    }

    /// Maps a trait.
    #[must_use]
    pub fn user_trait(mut self, target: &str, jsonpath: &str) -> Self {
        self.0.user_traits.push(mapping(&format!("trait_{target}"), target, path(jsonpath)));
        self
    }

    /// Maps an attribute.
    #[must_use]
    pub fn attribute(mut self, target: &str, jsonpath: &str) -> Self {
        self.0.event_attributes.push(mapping(&format!("attribute_{target}"), target, path(jsonpath)));
        self
    }

    /// Maps when the event happened.
    #[must_use]
    pub fn time(mut self, jsonpath: &str) -> Self {
        self.0.event_time = Some(mapping("event_time", "event_time", path(jsonpath)));
        self
    }

    /// Maps what the person agreed to.
    #[must_use]
    pub fn consent(mut self, target: &str, jsonpath: &str) -> Self {
        self.0.consents.push(mapping(&format!("consent_{target}"), target, path(jsonpath)));
        self
    }

    /// Maps a group's identity.
    #[must_use]
    pub fn group(mut self, target: &str, jsonpath: &str) -> Self {
        self.0.group_identities.push(mapping(&format!("group_{target}"), target, path(jsonpath)));
        self
    }

    /// Lets only those pass for which all of `nodes` hold.
    #[must_use]
    pub fn only(mut self, nodes: Vec<Node>) -> Self {
        self.0.filter = Some(Group { logic: 0, nodes });
        self
    }

    /// The whole.
    pub fn build(self) -> WorkflowSpec {
        self.0
    }
}

impl std::convert::From<WorkflowSpec> for Spec {
    fn from(spec: WorkflowSpec) -> Self {
        Self(spec)
    }
}

fn mapping(id: &str, target: &str, input: Input) -> Mapping {
    // An id is letters, digits and underscores.
    let id = id.replace(':', "_");
    Mapping { id, target: target.to_owned(), inputs: vec![input], ..Default::default() }
}
