//! What is done to a value on its way.

use serde::Serialize;

use super::{Word, every};
use crate::workflow::spec::{CaseTo, NamePart, Op};

/// One kind of step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepDescription {
    /// Its name in a specification.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// What it does, in a sentence.
    pub help: &'static str,
    /// What it has to be told.
    pub parameters: Vec<Parameter>,
}

/// Something that a step has to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name in a specification; empty when the step is only this.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// What is written there.
    #[serde(rename = "type")]
    pub parameter_type: ParameterType,
    /// Whether it has to be given.
    pub required: bool,
    /// What can be chosen, for [`ParameterType::Choice`].
    pub choices: Vec<Word>,
}

/// What is written into a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// A text.
    Text,
    /// A whole number, also a negative one.
    WholeNumber,
    /// A regular expression.
    Pattern,
    /// A table from texts to values.
    Table,
    /// Any JSON value.
    Value,
    /// One of the choices; `pattern` among them is written with a strftime pattern.
    Choice,
    /// ISO 3166 alpha-2 code of a country.
    Country,
}

/// The kinds of step, one for each variant of [`Op`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepKind {
    Trim,
    Case,
    SplitName,
    Split,
    Join,
    Replace,
    Lookup,
    ToNumber,
    ToBool,
    ToDate,
    ToPhone,
    Default,
}

/// Ties the kinds to the variants: a new variant does not compile until it is described.
fn kind_of(op: &Op) -> StepKind {
    match op {
        Op::Trim => StepKind::Trim,
        Op::Case(_) => StepKind::Case,
        Op::SplitName(_) => StepKind::SplitName,
        Op::Split { .. } => StepKind::Split,
        Op::Join { .. } => StepKind::Join,
        Op::Replace { .. } => StepKind::Replace,
        Op::Lookup { .. } => StepKind::Lookup,
        Op::ToNumber => StepKind::ToNumber,
        Op::ToBool => StepKind::ToBool,
        Op::ToDate(_) => StepKind::ToDate,
        Op::ToPhone { .. } => StepKind::ToPhone,
        Op::Default(_) => StepKind::Default,
    }
}

/// Every kind of step.
pub(super) fn steps() -> Vec<StepDescription> {
    let all = every!(
        StepKind: Trim, Case, SplitName, Split, Join, Replace, Lookup, ToNumber, ToBool, ToDate, ToPhone, Default,
    );
    all.map(describe).into()
}

/// The description of what `op` does.
pub fn step(op: &Op) -> StepDescription {
    describe(kind_of(op))
}

fn describe(kind: StepKind) -> StepDescription {
    use ParameterType::{Country, Pattern, Table, Text, Value, WholeNumber};
    let step = |name, label, help, parameters| StepDescription { name, label, help, parameters };
    let separator = || parameter("separator", "Separator", Text, true);
    match kind {
        StepKind::Trim => step("trim", "Trim", "Takes white space off both ends.", vec![]),
        StepKind::Case => step("case", "Change case", "Makes letters small or capital.", vec![cases()]),
        StepKind::SplitName => step(
            "split_name",
            "Split name",
            "Takes the first or the last name out of a full name.",
            vec![name_parts()],
        ),
        StepKind::Split => step(
            "split",
            "Split",
            "Takes one part of a text, counted from 0 or, if negative, from the end; all parts without an index.",
            vec![separator(), parameter("index", "Which part", WholeNumber, false)],
        ),
        StepKind::Join => step("join", "Join", "Makes one text of a list.", vec![separator()]),
        StepKind::Replace => step(
            "replace",
            "Replace",
            "Replaces every match of a regular expression; $1 is its first group.",
            vec![parameter("pattern", "Find", Pattern, true), parameter("with", "Replace with", Text, true)],
        ),
        StepKind::Lookup => step(
            "lookup",
            "Look up",
            "Takes the value that a table has for this one.",
            vec![parameter("table", "Table", Table, true), parameter("otherwise", "Otherwise", Value, false)],
        ),
        StepKind::ToNumber => step("to_number", "To number", "Makes a number of a text.", vec![]),
        StepKind::ToBool => {
            step("to_bool", "To yes or no", "Makes true or false of a word or of 1 and 0.", vec![])
        }
        StepKind::ToDate => {
            step("to_date", "To time", "Makes a time in UTC of a text or a number.", vec![formats()])
        }
        StepKind::ToPhone => step(
            "to_phone",
            "To phone number",
            "Makes the international form of a phone number.",
            vec![parameter("country", "Country without a country code", Country, false)],
        ),
        StepKind::Default => step(
            "default",
            "Default",
            "Takes this value when there is none so far.",
            vec![parameter("", "Value", Value, true)],
        ),
    }
}

fn parameter(
    name: &'static str,
    label: &'static str,
    parameter_type: ParameterType,
    required: bool,
) -> Parameter {
    Parameter { name, label, parameter_type, required, choices: Vec::new() }
}

fn choice(label: &'static str, choices: Vec<Word>) -> Parameter {
    Parameter { choices, ..parameter("", label, ParameterType::Choice, true) }
}

fn cases() -> Parameter {
    let describe = |case| match case {
        CaseTo::Lower => Word { name: "lower", label: "lower case", help: "All letters small." },
        CaseTo::Upper => Word { name: "upper", label: "UPPER CASE", help: "All letters capital." },
        CaseTo::Title => Word { name: "title", label: "Title Case", help: "Each word with a capital." },
    };
    choice("Case", every!(CaseTo: Lower, Upper, Title).map(describe).into())
}

fn name_parts() -> Parameter {
    let describe = |part| match part {
        NamePart::First => Word { name: "first", label: "First name", help: "All but the last word." },
        NamePart::Last => Word { name: "last", label: "Last name", help: "The last of several words." },
    };
    choice("Part", every!(NamePart: First, Last).map(describe).into())
}

fn formats() -> Parameter {
    use crate::workflow::spec::DateFormat;
    let describe = |format: &DateFormat| match format {
        DateFormat::Auto => Word {
            name: "auto",
            label: "Usual forms",
            help: "RFC 3339, a date, or seconds or milliseconds since 1970, told apart by size.",
        },
        DateFormat::UnixSeconds => {
            Word { name: "unix_seconds", label: "Seconds since 1970", help: "A Unix time." }
        }
        DateFormat::UnixMillis => Word {
            name: "unix_millis",
            label: "Milliseconds since 1970",
            help: "A Unix time in milliseconds.",
        },
        DateFormat::Pattern(_) => Word {
            name: "pattern",
            label: "Pattern",
            help: "A pattern such as %d.%m.%Y %H:%M; the tenant's time zone where the text has none.",
        },
    };
    let all = [
        DateFormat::Auto,
        DateFormat::UnixSeconds,
        DateFormat::UnixMillis,
        DateFormat::Pattern(String::new()),
    ];
    choice("Format", all.iter().map(describe).collect())
}
