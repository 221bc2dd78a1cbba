//! How a condition reads.

use crate::workflow::spec::Operator;

impl Operator {
    /// How the operator reads between its two sides.
    pub fn words(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::NotEquals => "does not equal",
            Self::Contains => "contains",
            Self::NotContains => "does not contain",
            Self::StartsWith => "starts with",
            Self::EndsWith => "ends with",
            Self::Matches => "matches",
            Self::In => "is one of",
            Self::NotIn => "is none of",
            Self::Exists => "exists",
            Self::NotExists => "does not exist",
            Self::Empty => "is empty",
            Self::NotEmpty => "is not empty",
            Self::LessThan => "is less than",
            Self::AtMost => "is at most",
            Self::GreaterThan => "is greater than",
            Self::AtLeast => "is at least",
            Self::Before => "is before",
            Self::After => "is after",
        }
    }

    /// What the operator needs on its right side.
    pub fn operand(self) -> Operand {
        match self {
            Self::Exists | Self::NotExists | Self::Empty | Self::NotEmpty => Operand::Nothing,
            Self::Equals | Self::NotEquals | Self::Contains | Self::NotContains => Operand::Value,
            Self::StartsWith | Self::EndsWith => Operand::Text,
            Self::Matches => Operand::Pattern,
            Self::In | Self::NotIn => Operand::Values,
            Self::LessThan | Self::AtMost | Self::GreaterThan | Self::AtLeast => Operand::Number,
            Self::Before | Self::After => Operand::Time,
        }
    }
}

/// What stands on the right side of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// No value.
    Nothing,
    /// One value of any type.
    Value,
    /// One text.
    Text,
    /// One regular expression.
    Pattern,
    /// One number.
    Number,
    /// One time: RFC 3339, a date, or seconds or milliseconds since the epoch.
    Time,
    /// One value or several.
    Values,
}
