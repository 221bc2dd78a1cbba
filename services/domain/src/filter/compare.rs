//! Whether two values are the same.
//!
//! Providers write the same thing as a number here and as a text there, and people type texts into forms; so the
//! right side, which a person wrote, says as what both are compared:
//! - a number, or a text that is one while the left side is a number: as numbers, `5` is `"5"` and `5.0`;
//! - true or false: also as the words `true` and `false`, in any case;
//! - a time in RFC 3339: as points in time, where the left side is one too;
//! - any other text: letter by letter, case counts;
//! - null: what is null or absent;
//! - a list or an object: as a whole.

use std::cmp::Ordering;

use serde_json::Value;

use crate::{
    mapping::{moment, number, value},
    time::Timestamp,
};

/// A value on the right side of a condition.
#[derive(Debug)]
pub(super) struct Literal {
    /// The value.
    pub(super) value: Value,
    instant: Option<Timestamp>,
}

impl Literal {
    /// Prepares a value for comparing.
    pub(super) fn new(value: &Value) -> Self {
        let instant = value.as_str().and_then(moment::instant_of);
        Self { value: value.clone(), instant }
    }

    /// Whether `left` is the same.
    pub(super) fn equals(&self, left: &Value) -> bool {
        match (&self.value, left) {
            (Value::Number(_), _) | (Value::String(_), Value::Number(_)) => self.equals_number(left),
            (Value::Bool(right), Value::String(left)) => {
                left.trim().eq_ignore_ascii_case(if *right { "true" } else { "false" })
            }
            (Value::String(right), Value::String(left)) => {
                left == right
                    || self.instant.is_some_and(|right| moment::instant_of(left.trim()) == Some(right))
            }
            (Value::String(right), Value::Bool(_)) => {
                value::text(left).is_some_and(|left| left == right.as_str())
            }
            (right, left) => right == left,
        }
    }

    fn equals_number(&self, left: &Value) -> bool {
        number::read(left)
            .zip(number::read(&self.value))
            .is_some_and(|(left, right)| number::compare(&left, &right) == Some(Ordering::Equal))
    }

    /// Whether `left` has it in it: a text in a text, an element in a list.
    pub(super) fn is_in(&self, left: &Value) -> bool {
        match left {
            Value::Array(items) => items.iter().any(|item| self.equals(item)),
            left => value::text(left)
                .zip(value::text(&self.value))
                .is_some_and(|(left, right)| left.contains(right.as_ref())),
        }
    }
}
