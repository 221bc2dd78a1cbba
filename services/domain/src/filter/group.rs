//! Conditions joined by a logic.

use super::condition::CompiledCondition;
use crate::{
    mapping::Scope,
    workflow::{
        compile::{Problems, limits},
        spec::{Group, Logic, Test},
        trace::{Entry, NodeOutcome, Tracer},
    },
};

/// A group that is known to be sound. An empty group asks for nothing, so it holds, whatever its logic.
#[derive(Debug)]
pub(crate) struct CompiledGroup {
    /// How the nodes are joined.
    pub(super) logic: Logic,
    /// What is joined.
    pub(super) nodes: Vec<CompiledNode>,
}

/// One node of a group.
#[derive(Debug)]
pub(crate) struct CompiledNode {
    /// The node's id.
    pub(super) id: String,
    /// What it is.
    pub(super) test: CompiledTest,
}

/// A group or a condition.
#[derive(Debug)]
pub(crate) enum CompiledTest {
    /// More nodes.
    Group(CompiledGroup),
    /// One comparison.
    Condition(CompiledCondition),
}

impl CompiledGroup {
    /// Compiles `group`; nothing, and a problem, when it is not sound.
    pub(crate) fn compile(group: &Group, problems: &mut Problems) -> Option<Self> {
        Self::compile_nested(group, limits::NESTING, problems)
    }

    fn compile_nested(group: &Group, levels: usize, problems: &mut Problems) -> Option<Self> {
        let Some(levels) = levels.checked_sub(1) else {
            problems.error(
                format!("groups are nested more than {} deep", limits::NESTING),
                "put the conditions into fewer groups",
            );
            return None;
        };
        limits::check_count("conditions in a group", group.nodes.len(), limits::GROUP_NODES, problems);
        if group.nodes.is_empty() {
            problems.warn(
                "a group has no conditions, so it always holds",
                "add a condition, or remove the group",
            );
        }
        let mut nodes = Vec::with_capacity(group.nodes.len().min(limits::GROUP_NODES));
        for node in group.nodes.iter().take(limits::GROUP_NODES) {
            let test = problems.node(&node.id, "condition", |problems| match &node.test {
                Test::Group(inner) => Self::compile_nested(inner, levels, problems).map(CompiledTest::Group),
                Test::Condition(condition) => {
                    CompiledCondition::compile(condition, problems).map(CompiledTest::Condition)
                }
            });
            nodes.extend(test.map(|test| CompiledNode { id: node.id.clone(), test }));
        }
        Some(Self { logic: group.logic, nodes })
    }

    /// Whether the message passes. Nodes after the one that decides are not asked.
    pub(crate) fn holds<T: Tracer>(&self, scope: &Scope<'_>, tracer: &mut T) -> bool {
        let mut nodes = self.nodes.iter();
        let decided = nodes.by_ref().find_map(|node| self.decision(node.holds(scope, tracer)));
        if T::RECORDS {
            nodes.for_each(|node| node.record_not_reached(tracer));
        }
        decided.unwrap_or(self.nodes.is_empty() || self.logic != Logic::Any)
    }

    /// What one node decides about the whole group.
    fn decision(&self, node_holds: bool) -> Option<bool> {
        match (self.logic, node_holds) {
            (Logic::All, false) | (Logic::None, true) => Some(false),
            (Logic::Any, true) => Some(true),
            (Logic::All, true) | (Logic::Any | Logic::None, false) => None,
        }
    }
}

impl CompiledNode {
    /// Whether the node holds.
    pub(super) fn holds<T: Tracer>(&self, scope: &Scope<'_>, tracer: &mut T) -> bool {
        let outcome = |holds| if holds { NodeOutcome::Holds } else { NodeOutcome::DoesNotHold };
        match &self.test {
            CompiledTest::Group(group) => {
                let holds = group.holds(scope, tracer);
                tracer.record(|| self.entry(outcome(holds)));
                holds
            }
            CompiledTest::Condition(condition) => {
                let seen = condition.left.find(scope);
                let holds = condition.holds(&seen, scope);
                tracer.record(|| Entry {
                    input: seen.as_deref().ok(),
                    reason: condition.text(),
                    source: condition.left.label(),
                    ..self.entry(outcome(holds))
                });
                holds
            }
        }
    }

    fn record_not_reached<T: Tracer>(&self, tracer: &mut T) {
        tracer.record(|| self.entry(NodeOutcome::NotReached));
        if let CompiledTest::Group(group) = &self.test {
            group.nodes.iter().for_each(|node| node.record_not_reached(tracer));
        }
    }

    fn entry(&self, outcome: NodeOutcome) -> Entry<'_> {
        Entry {
            node_id: &self.id,
            input: None,
            output: None,
            outcome,
            reason: String::new(),
            source: String::new(),
        }
    }
}
