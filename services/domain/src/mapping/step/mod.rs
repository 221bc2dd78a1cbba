//! Steps: what is done to a value on its way.
//!
//! A step gets a value and gives one, or says why there is none. Text steps work on each text of a list. Once a
//! value is lost only a default brings one back.

mod convert;
mod text;

use std::{borrow::Cow, collections::BTreeMap};

use regex::Regex;
use serde_json::Value;

use super::{Scope, loss::Loss, value};
use crate::workflow::{
    compile::{Problems, limits},
    spec::{CaseTo, DateFormat, NamePart, Op, Step},
};

pub(crate) use convert::{to_bool, to_number, to_time};

/// Bytes that cost one unit of the budget.
const BYTES: u64 = 8;
/// What the rules for phone numbers cost, however short the number is.
const PHONE: u64 = 500;

/// A step that is known to be sound.
#[derive(Debug)]
pub(crate) struct CompiledStep {
    /// The node's id.
    pub(crate) id: String,
    op: CompiledOp,
}

#[derive(Debug)]
enum CompiledOp {
    Trim,
    Case(CaseTo),
    SplitName(NamePart),
    Split { separator: String, index: Option<i32> },
    Join { separator: String },
    Replace { pattern: Regex, with: String },
    Lookup { table: BTreeMap<String, Value>, otherwise: Option<Value> },
    ToNumber,
    ToBool,
    ToDate(DateFormat),
    ToPhone { country: Option<String> },
    Default(Value),
}

impl CompiledStep {
    /// Compiles `step`; nothing, and a problem, when it is not sound.
    pub(crate) fn compile(step: &Step, problems: &mut Problems) -> Option<Self> {
        let op = match &step.op {
            Op::Trim => CompiledOp::Trim,
            Op::Case(case) => CompiledOp::Case(*case),
            Op::SplitName(part) => CompiledOp::SplitName(*part),
            Op::Split { separator, index } => {
                if separator.is_empty() {
                    problems.error(
                        "a split has no separator",
                        "write what stands between the parts, such as a comma",
                    );
                    return None;
                }
                limits::check_text("separator", separator, limits::SEPARATOR_BYTES, problems)?;
                CompiledOp::Split { separator: separator.clone(), index: *index }
            }
            Op::Join { separator } => {
                limits::check_text("separator", separator, limits::SEPARATOR_BYTES, problems)?;
                CompiledOp::Join { separator: separator.clone() }
            }
            Op::Replace { pattern, with } => {
                limits::check_text("replacement", with, limits::REPLACEMENT_BYTES, problems)?;
                CompiledOp::Replace { pattern: limits::compile_regex(pattern, problems)?, with: with.clone() }
            }
            Op::Lookup { table, otherwise } => {
                limits::check_table(table, otherwise.as_ref(), problems)?;
                CompiledOp::Lookup { table: table.clone(), otherwise: otherwise.clone() }
            }
            Op::ToNumber => CompiledOp::ToNumber,
            Op::ToBool => CompiledOp::ToBool,
            Op::ToDate(format) => {
                limits::check_date_format(format, problems)?;
                CompiledOp::ToDate(format.clone())
            }
            Op::ToPhone { country } => {
                limits::check_country(country.as_deref(), problems)?;
                CompiledOp::ToPhone { country: country.clone() }
            }
            Op::Default(value) => {
                limits::check_constant(value, problems).then_some(())?;
                CompiledOp::Default(value.clone())
            }
        };
        Some(Self { id: step.id.clone(), op })
    }

    /// What becomes of `before`.
    pub(crate) fn apply<'a>(
        &'a self,
        before: Result<Cow<'a, Value>, Loss>,
        scope: &Scope<'a>,
    ) -> Result<Cow<'a, Value>, Loss> {
        if let CompiledOp::Default(default) = &self.op {
            return Ok(before.ok().filter(|value| !value::is_blank(value)).unwrap_or(Cow::Borrowed(default)));
        }
        let before = before?;
        if matches!(&*before, Value::Null) {
            return Err(Loss::Null);
        }
        if !scope.budget.charge(self.cost(&before)) {
            return Err(Loss::TooMuchWork);
        }
        match &self.op {
            CompiledOp::Trim => text::each(&before, |text| Ok(text.trim().to_owned())).map(Cow::Owned),
            CompiledOp::Case(case) => {
                text::each(&before, |text| Ok(text::to_case(text, *case))).map(Cow::Owned)
            }
            CompiledOp::Replace { pattern, with } => {
                text::each(&before, |text| text::replace(text, pattern, with, scope.budget)).map(Cow::Owned)
            }
            CompiledOp::SplitName(part) => text::split_name(&before, *part).map(Cow::Owned),
            CompiledOp::Split { separator, index } => text::split(&before, separator, *index).map(Cow::Owned),
            CompiledOp::Join { separator } => text::join(before, separator),
            CompiledOp::Lookup { table, otherwise } => {
                let key = value::text(&before).ok_or(Loss::NotText)?;
                table.get(&*key).or(otherwise.as_ref()).map(Cow::Borrowed).ok_or(Loss::NotInTable)
            }
            CompiledOp::ToNumber => to_number(&before).map(Cow::Owned),
            CompiledOp::ToBool => to_bool(&before).map(Cow::Owned),
            CompiledOp::ToDate(format) => to_time(&before, format, &scope.tenant.time_zone).map(Cow::Owned),
            CompiledOp::ToPhone { country } => {
                let country = country.as_deref().unwrap_or(&scope.tenant.default_country);
                convert::to_phone(&before, country).map(Cow::Owned)
            }
            CompiledOp::Default(_) => Ok(before),
        }
    }

    /// What it costs to do this to `before`, in units of the budget.
    fn cost(&self, before: &Value) -> u64 {
        let read = 1 + value::bytes(before) / BYTES;
        match &self.op {
            CompiledOp::Replace { pattern, .. } => read.saturating_mul(text::weight(pattern)),
            CompiledOp::ToPhone { .. } => read + PHONE,
            _ => read,
        }
    }
}

#[cfg(test)]
mod tests;
