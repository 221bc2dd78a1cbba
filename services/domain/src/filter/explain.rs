//! Which clause stopped a message, in words.

use serde_json::Value;

use super::{
    condition::CompiledCondition,
    group::{CompiledGroup, CompiledNode, CompiledTest},
};
use crate::{
    mapping::{Scope, value},
    workflow::{spec::Logic, trace::Silent},
};

/// How many clauses of a group are told.
const TOLD: usize = 3;

/// The clause that stopped a message.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The node that decided it.
    pub(crate) node_id: String,
    /// What it asked for, and what it saw.
    pub(crate) message: String,
    /// The value it saw, cut to a readable length.
    pub(crate) value: Option<Value>,
}

impl CompiledGroup {
    /// Says why the group, which does not hold, does not.
    pub(crate) fn explain(&self, scope: &Scope<'_>) -> Failure {
        let is_to_blame = |node: &&CompiledNode| match self.logic {
            Logic::All => !node.holds(scope, &mut Silent),
            Logic::None => node.holds(scope, &mut Silent),
            Logic::Any => true,
        };
        let told = if self.logic == Logic::Any { TOLD } else { 1 };
        let causes: Vec<Failure> = self
            .nodes
            .iter()
            .filter(is_to_blame)
            .take(told)
            .map(|node| node.explain(self.logic, scope))
            .collect();
        let count = causes.len();
        let more = if self.logic == Logic::Any { self.nodes.len() - count } else { 0 };
        let mut messages: Vec<String> = causes.iter().map(|cause| cause.message.clone()).collect();
        if more > 0 {
            messages.push(format!("and {more} more"));
        }
        let first = causes.into_iter().next();
        let message = if count > 1 {
            format!("none of these holds: {}", messages.join("; "))
        } else {
            messages.join("; ")
        };
        let (node_id, value) = first.map(|first| (first.node_id, first.value)).unwrap_or_default();
        Failure { node_id, message, value }
    }
}

impl CompiledNode {
    fn explain(&self, joined_by: Logic, scope: &Scope<'_>) -> Failure {
        let must_not_hold = joined_by == Logic::None;
        match &self.test {
            CompiledTest::Condition(condition) => {
                let (saw, value) = seen(condition, scope);
                let clause = condition.text();
                let message = if must_not_hold {
                    format!("`{clause}` must not hold, and {saw}")
                } else {
                    format!("`{clause}` does not hold: {saw}")
                };
                Failure { node_id: self.id.clone(), message, value }
            }
            CompiledTest::Group(_) if must_not_hold => Failure {
                node_id: self.id.clone(),
                message: "a group of conditions holds that must not hold".to_owned(),
                value: None,
            },
            CompiledTest::Group(group) => {
                let failure = group.explain(scope);
                // Of several clauses none alone is to blame: the group is.
                let node_id = if group.logic == Logic::Any { self.id.clone() } else { failure.node_id };
                Failure { node_id, ..failure }
            }
        }
    }
}

fn seen(condition: &CompiledCondition, scope: &Scope<'_>) -> (String, Option<Value>) {
    match condition.left.find(scope) {
        Ok(found) => (format!("the value is {}", value::excerpt(&found)), Some(value::shown(&found))),
        Err(loss) => (format!("the value {loss}"), None),
    }
}
