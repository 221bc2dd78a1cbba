//! One mapping: inputs, steps, type, and what happens when nothing is left.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    Scope,
    input::CompiledInput,
    loss::Loss,
    step::{self, CompiledStep},
    value,
};
use crate::{
    filter::CompiledGroup,
    workflow::{
        compile::{Problems, limits},
        spec::{DateFormat, Mapping, OnEmpty, Op, ValueType},
        trace::{Entry, NodeOutcome, Tracer},
    },
};

/// A mapping that is known to be sound.
#[derive(Debug)]
pub(crate) struct CompiledMapping {
    /// The node's id.
    pub(crate) id: String,
    /// What it fills.
    pub(crate) target: String,
    value_type: ValueType,
    when: Option<CompiledGroup>,
    inputs: Vec<CompiledInput>,
    steps: Vec<CompiledStep>,
    on_empty: OnEmpty,
}

/// What came out of a mapping.
#[derive(Debug, PartialEq)]
pub(crate) enum Mapped<'a> {
    /// A value that is not empty.
    Value(Cow<'a, Value>),
    /// Nothing.
    Empty(Loss),
    /// Its `when` does not hold, so it was not asked.
    NotWanted,
    /// What is known is to be erased.
    Cleared,
    /// Nothing, and there had to be something.
    Failed(Loss),
}

impl CompiledMapping {
    /// Compiles `mapping`; nothing, and a problem, when it is not sound.
    pub(crate) fn compile(mapping: &Mapping, problems: &mut Problems) -> Option<Self> {
        if mapping.inputs.is_empty() && !mapping.steps.iter().any(|step| matches!(step.op, Op::Default(_))) {
            problems.error(
                "the mapping has no input",
                "choose where the value comes from, or remove the mapping",
            );
        }
        limits::check_count("inputs", mapping.inputs.len(), limits::INPUTS, problems);
        limits::check_count("steps", mapping.steps.len(), limits::STEPS, problems);
        let when = mapping.when.as_ref().map(|when| CompiledGroup::compile(when, problems));
        let inputs: Vec<_> =
            mapping.inputs.iter().filter_map(|input| CompiledInput::compile(input, problems)).collect();
        let steps: Vec<_> = mapping
            .steps
            .iter()
            .filter_map(|step| {
                problems.node(&step.id, "step", |problems| CompiledStep::compile(step, problems))
            })
            .collect();
        Some(Self {
            id: mapping.id.clone(),
            target: mapping.target.clone(),
            value_type: mapping.value_type,
            when: when.map_or(Some(None), |when| when.map(Some))?,
            inputs,
            steps,
            on_empty: mapping.on_empty,
        })
    }

    /// What the mapping makes of the message.
    pub(crate) fn map<'a, T: Tracer>(&'a self, scope: &Scope<'a>, tracer: &mut T) -> Mapped<'a> {
        if let Some(when) = &self.when
            && !when.holds(scope, tracer)
        {
            tracer.record(|| self.entry(None, None, NodeOutcome::Skipped, "its condition does not hold"));
            return Mapped::NotWanted;
        }
        let (input, mut current) = self.first_input(scope);
        let kept = |value: &Result<Cow<'a, Value>, Loss>| value.as_ref().ok().filter(|_| T::RECORDS).cloned();
        let first = kept(&current);
        for step in &self.steps {
            let before = kept(&current);
            current = step.apply(current, scope);
            tracer.record(|| step_entry(step, before.as_deref(), &current));
        }
        let outcome = match current.and_then(|found| self.finish(found, scope)) {
            Ok(found) => Mapped::Value(found),
            Err(loss) => match self.on_empty {
                OnEmpty::Skip => Mapped::Empty(loss),
                OnEmpty::Clear => Mapped::Cleared,
                OnEmpty::Fail => Mapped::Failed(loss),
            },
        };
        tracer.record(|| self.outcome_entry(input, first.as_deref(), &outcome));
        outcome
    }

    /// The first input that is not empty, or what is said of the one that came nearest to a value.
    fn first_input<'a>(
        &'a self,
        scope: &Scope<'a>,
    ) -> (Option<&'a CompiledInput>, Result<Cow<'a, Value>, Loss>) {
        let mut nearest = Loss::NoInput;
        for input in &self.inputs {
            let loss = match input.find(scope) {
                Ok(found) if found.is_null() => Loss::Null,
                Ok(found) if value::is_blank(&found) => Loss::Blank,
                Ok(found) => return (Some(input), Ok(found)),
                Err(loss) => loss,
            };
            if matches!(nearest, Loss::NoInput | Loss::Absent) {
                nearest = loss;
            }
        }
        (None, Err(nearest))
    }

    /// Brings the value to the mapping's type; what is empty or too long is no value.
    fn finish<'a>(&self, found: Cow<'a, Value>, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Loss> {
        if found.is_null() {
            return Err(Loss::Null);
        }
        if value::is_blank(&found) {
            return Err(Loss::Blank);
        }
        value::size_within(&found, value::MAX_BYTES).ok_or(Loss::TooLong)?;
        match (self.value_type, &*found) {
            (ValueType::Any, _)
            | (ValueType::String, Value::String(_))
            | (ValueType::Number, Value::Number(_))
            | (ValueType::Bool, Value::Bool(_)) => Ok(found),
            (ValueType::String, other) => Ok(Cow::Owned(Value::String(value::any_text(other).into_owned()))),
            (ValueType::Number, other) => step::to_number(other).map(Cow::Owned),
            (ValueType::Bool, other) => step::to_bool(other).map(Cow::Owned),
            (ValueType::Time, other) => {
                step::to_time(other, &DateFormat::Auto, &scope.tenant.time_zone).map(Cow::Owned)
            }
        }
    }

    /// Where its value was looked for, such as `$.payload.email`.
    pub(crate) fn places(&self) -> String {
        self.inputs.iter().map(CompiledInput::label).collect::<Vec<_>>().join(", ")
    }

    /// What the mapping tells a tracer.
    pub(crate) fn entry<'a>(
        &'a self,
        input: Option<&'a Value>,
        output: Option<&'a Value>,
        outcome: NodeOutcome,
        reason: &str,
    ) -> Entry<'a> {
        Entry { node_id: &self.id, input, output, outcome, reason: reason.to_owned(), source: String::new() }
    }

    fn outcome_entry<'a>(
        &'a self,
        input: Option<&CompiledInput>,
        found: Option<&'a Value>,
        mapped: &'a Mapped<'_>,
    ) -> Entry<'a> {
        let places = || if self.inputs.is_empty() { "it".to_owned() } else { self.places() };
        let (output, outcome, reason) = match mapped {
            Mapped::Value(value) => (Some(&**value), NodeOutcome::Mapped, String::new()),
            Mapped::Empty(loss) => (None, NodeOutcome::Empty, format!("{} {loss}", places())),
            Mapped::NotWanted => (None, NodeOutcome::Skipped, String::new()),
            Mapped::Cleared => (None, NodeOutcome::Cleared, "nothing was found, so it is erased".to_owned()),
            Mapped::Failed(loss) => (None, NodeOutcome::Failed, format!("{} {loss}", places())),
        };
        let source = input.map(CompiledInput::label).unwrap_or_default();
        Entry { source, ..self.entry(found, output, outcome, &reason) }
    }
}

fn step_entry<'a>(
    step: &'a CompiledStep,
    before: Option<&'a Value>,
    after: &'a Result<Cow<'_, Value>, Loss>,
) -> Entry<'a> {
    let (output, outcome, reason) = match after {
        Ok(value) => (Some(&**value), NodeOutcome::Mapped, String::new()),
        Err(loss) => (None, NodeOutcome::Empty, format!("the value {loss}")),
    };
    Entry { node_id: &step.id, input: before, output, outcome, reason, source: String::new() }
}

#[cfg(test)]
mod tests;
