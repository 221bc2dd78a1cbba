//! How a condition compares.

use serde::Serialize;

use super::every;
use crate::{filter::Operand, workflow::spec::Operator};

/// One operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OperatorDescription {
    /// Its name in a specification.
    pub name: &'static str,
    /// How it reads between its two sides.
    pub label: &'static str,
    /// What it needs on its right side.
    pub operand: Operand,
}

/// Every operator.
pub(super) fn operators() -> Vec<OperatorDescription> {
    let describe = |operator: Operator| OperatorDescription {
        name: name(operator),
        label: operator.words(),
        operand: operator.operand(),
    };
    let all = every!(
        Operator: Equals, NotEquals, Contains, NotContains, StartsWith, EndsWith, Matches, In, NotIn, Exists,
        NotExists, Empty, NotEmpty, LessThan, AtMost, GreaterThan, AtLeast, Before, After,
    );
    all.map(describe).to_vec()
}

fn name(operator: Operator) -> &'static str {
    match operator {
        Operator::Equals => "equals",
        Operator::NotEquals => "not_equals",
        Operator::Contains => "contains",
        Operator::NotContains => "not_contains",
        Operator::StartsWith => "starts_with",
        Operator::EndsWith => "ends_with",
        Operator::Matches => "matches",
        Operator::In => "in",
        Operator::NotIn => "not_in",
        Operator::Exists => "exists",
        Operator::NotExists => "not_exists",
        Operator::Empty => "empty",
        Operator::NotEmpty => "not_empty",
        Operator::LessThan => "less_than",
        Operator::AtMost => "at_most",
        Operator::GreaterThan => "greater_than",
        Operator::AtLeast => "at_least",
        Operator::Before => "before",
        Operator::After => "after",
    }
}
