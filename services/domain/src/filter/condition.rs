//! One comparison.

use std::{borrow::Cow, cmp::Ordering};

use regex::Regex;
use serde_json::{Number, Value};

use super::{compare::Literal, words::Operand};
use crate::{
    mapping::{
        CompiledInput, Loss, Scope,
        moment::{self, Moment},
        number, value,
    },
    workflow::{
        compile::{Problems, limits},
        spec::{Condition, DateFormat, Operator},
    },
};

/// How many right-hand values the text of a condition shows.
const TOLD: usize = 3;

/// A condition that is known to be sound.
#[derive(Debug)]
pub(crate) struct CompiledCondition {
    /// What is compared.
    pub(super) left: CompiledInput,
    op: Operator,
    right: Right,
    /// The right side as it was written.
    written: Vec<Value>,
}

/// The right side, prepared for the operator.
#[derive(Debug)]
enum Right {
    Nothing,
    Values(Vec<Literal>),
    Text(String),
    Pattern(Regex),
    Number(Number),
    Time(Moment),
}

impl CompiledCondition {
    /// Compiles `condition`; nothing, and a problem, when it is not sound.
    pub(crate) fn compile(condition: &Condition, problems: &mut Problems) -> Option<Self> {
        let right = compile_right(condition, problems);
        let left = CompiledInput::compile(&condition.left, problems)?;
        Some(Self { left, op: condition.op, right: right?, written: condition.right.clone() })
    }

    /// Whether it holds for the value that its left side found. What is absent is never equal to anything but null,
    /// contains nothing, and is neither less nor more.
    pub(super) fn holds(&self, seen: &Result<Cow<'_, Value>, Loss>, scope: &Scope<'_>) -> bool {
        let left = match seen {
            Ok(found) => found,
            // It is there, and more than can be compared.
            Err(Loss::TooLong) => {
                return matches!(
                    self.op,
                    Operator::Exists
                        | Operator::NotEmpty
                        | Operator::NotEquals
                        | Operator::NotContains
                        | Operator::NotIn
                );
            }
            Err(_) => &Value::Null,
        };
        match self.op {
            Operator::Equals | Operator::In => self.is_any(left),
            Operator::NotEquals | Operator::NotIn => !self.is_any(left),
            Operator::Contains => self.is_contained(left, scope),
            Operator::NotContains => !self.is_contained(left, scope),
            Operator::StartsWith | Operator::EndsWith | Operator::Matches => self.fits(left, scope),
            Operator::Exists => !left.is_null(),
            Operator::NotExists => left.is_null(),
            Operator::Empty => value::is_blank(left),
            Operator::NotEmpty => !value::is_blank(left),
            Operator::LessThan => self.order(left, scope) == Some(Ordering::Less),
            Operator::GreaterThan => self.order(left, scope) == Some(Ordering::Greater),
            Operator::AtMost => matches!(self.order(left, scope), Some(Ordering::Less | Ordering::Equal)),
            Operator::AtLeast => matches!(self.order(left, scope), Some(Ordering::Greater | Ordering::Equal)),
            Operator::Before => self.order(left, scope) == Some(Ordering::Less),
            Operator::After => self.order(left, scope) == Some(Ordering::Greater),
        }
    }

    fn values(&self) -> &[Literal] {
        if let Right::Values(values) = &self.right { values } else { &[] }
    }

    fn is_any(&self, left: &Value) -> bool {
        self.values().iter().any(|right| right.equals(left))
    }

    fn is_contained(&self, left: &Value, scope: &Scope<'_>) -> bool {
        let cost = left.as_array().map_or(0, Vec::len);
        pay(scope, cost) && self.values().iter().any(|right| right.is_in(left))
    }

    fn fits(&self, left: &Value, scope: &Scope<'_>) -> bool {
        let Some(left) = value::text(left) else { return false };
        match (&self.right, self.op) {
            (Right::Text(right), Operator::StartsWith) => left.starts_with(right.as_str()),
            (Right::Text(right), _) => left.ends_with(right.as_str()),
            // A longer text than a mapping carries matches no pattern.
            (Right::Pattern(pattern), _) => {
                left.len() <= value::MAX_BYTES && pay(scope, left.len() / 8) && pattern.is_match(&left)
            }
            _ => false,
        }
    }

    fn order(&self, left: &Value, scope: &Scope<'_>) -> Option<Ordering> {
        match &self.right {
            Right::Number(right) => number::compare(&number::read(left)?, right),
            Right::Time(right) => {
                let zone = &scope.tenant.time_zone;
                Some(moment::read_any(left, zone)?.cmp(&right.in_zone(zone)?))
            }
            _ => None,
        }
    }

    /// How it reads, such as `payload.status equals "active"`.
    pub(super) fn text(&self) -> String {
        let label = self.left.label();
        let place = label.strip_prefix("$.").unwrap_or(&label);
        let mut text = format!("{place} {}", self.op.words());
        for (index, right) in self.written.iter().take(TOLD).enumerate() {
            text.push_str(if index == 0 { " " } else { ", " });
            text.push_str(&value::excerpt(right));
        }
        if self.written.len() > TOLD {
            text.push_str(", …");
        }
        text
    }
}

fn pay(scope: &Scope<'_>, cost: usize) -> bool {
    cost == 0 || scope.budget.charge(cost as u64)
}

fn compile_right(condition: &Condition, problems: &mut Problems) -> Option<Right> {
    let words = condition.op.words();
    let operand = condition.op.operand();
    let count = condition.right.len();
    let is_counted = match operand {
        Operand::Nothing => count == 0,
        Operand::Values => (1..=limits::RIGHT_VALUES).contains(&count),
        _ => count == 1,
    };
    if !is_counted {
        let needed = match operand {
            Operand::Nothing => "no value".to_owned(),
            Operand::Values => format!("1 to {} values", limits::RIGHT_VALUES),
            _ => "one value".to_owned(),
        };
        problems.error(
            format!("`{words}` has {count} values on its right side"),
            format!("give {needed} to compare with"),
        );
        return None;
    }
    if !condition.right.iter().all(|right| limits::check_constant(right, problems)) {
        return None;
    }
    let Some(first) = condition.right.first() else { return Some(Right::Nothing) };
    let (right, needed) = match operand {
        Operand::Nothing | Operand::Value | Operand::Values => {
            (Some(Right::Values(condition.right.iter().map(Literal::new).collect())), "")
        }
        Operand::Text => {
            let text = value::text(first).filter(|text| !text.is_empty());
            (text.map(|text| Right::Text(text.into_owned())), "a text")
        }
        Operand::Pattern => match first.as_str() {
            Some(pattern) => return limits::compile_regex(pattern, problems).map(Right::Pattern),
            None => (None, "a regular expression"),
        },
        Operand::Number => (number::read(first).map(Right::Number), "a number, such as 10 or 2.5"),
        Operand::Time => (
            moment::read(first, &DateFormat::Auto).map(Right::Time),
            "a time, such as 2026-01-31T09:30:00Z or 2026-01-31",
        ),
    };
    if right.is_none() {
        problems.error(
            format!("`{words}` cannot compare with {}", value::excerpt(first)),
            format!("compare with {needed}"),
        );
    }
    right
}
