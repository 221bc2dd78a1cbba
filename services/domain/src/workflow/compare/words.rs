//! How the parts of a specification read.

use serde_json::Value;

use crate::{
    booking::FollowUp,
    workflow::{
        describe,
        spec::{
            Condition, Group, Input, Kind, Logic, Mapping, Match, MessageField, Node, OnEmpty, Op, Path,
            Pick, Test, ValueType,
        },
    },
};

/// Longer values are cut, in characters.
const SHOWN: usize = 300;
/// How many nodes and values of a list are told.
const TOLD: usize = 20;
/// Groups in groups that are told.
const NESTING: usize = 4;

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn value(value: &Value) -> String {
    cut(&value.to_string())
}

fn some<T>(items: &[T], between: &str, words: impl Fn(&T) -> String) -> String {
    let told: Vec<String> = items.iter().take(TOLD).map(words).collect();
    let more = items.len().saturating_sub(TOLD);
    let more = if more == 0 { String::new() } else { format!("{between}and {more} more") };
    format!("{}{more}", told.join(between))
}

pub(super) fn flag(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Track => "track",
        Kind::Identify => "identify",
        Kind::Group => "group",
    }
}

pub(super) fn value_type(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Any => "as it comes",
        ValueType::String => "text",
        ValueType::Number => "number",
        ValueType::Bool => "yes or no",
        ValueType::Time => "time",
    }
}

pub(super) fn on_empty(on_empty: OnEmpty) -> &'static str {
    match on_empty {
        OnEmpty::Skip => "it is left out",
        OnEmpty::Clear => "what is known is erased",
        OnEmpty::Fail => "the run fails",
    }
}

pub(super) fn logic(logic: Logic) -> &'static str {
    match logic {
        Logic::All => "all of them hold",
        Logic::Any => "any of them holds",
        Logic::None => "none of them holds",
    }
}

pub(super) fn path(path: &Path) -> String {
    let which = match path.pick {
        Pick::First => "",
        Pick::Last => " (the last)",
        Pick::Only => " (the only one)",
        Pick::All => " (all)",
    };
    format!("{}{which}", cut(&path.jsonpath))
}

fn input(input: &Input) -> String {
    match input {
        Input::Path(place) => path(place),
        Input::Constant(constant) => format!("constant {}", value(constant)),
        Input::Template(template) => format!("template \"{}\"", cut(template)),
        Input::Answer(answer) => {
            let which = match answer.matching {
                Match::Exact => "",
                Match::Prefix => "what starts with ",
                Match::Contains => "what contains ",
            };
            format!("the answer to {which}\"{}\"", cut(&answer.question))
        }
        Input::Field(field) => match field {
            MessageField::MessageId => "the message's id",
            MessageField::ReceivedAt => "when it was received",
            MessageField::ProviderEvent => "the provider's event",
            MessageField::Cluid => "the cluid that the source found",
            MessageField::SourceName => "the source's name",
            MessageField::BookingStage => "what happened to the booking",
            MessageField::BookingKey => "the booking's key",
            MessageField::BookingPreviousKey => "the key of the booking before",
        }
        .to_owned(),
    }
}

/// What is told when a booking changes.
pub(super) fn follow_up(follow_up: FollowUp) -> String {
    let told = [
        (follow_up.retract_cancelled, "taken back when it is cancelled"),
        (follow_up.retract_no_show, "taken back when nobody came"),
        (follow_up.restate_rescheduled, "told anew when it is moved"),
        (follow_up.restate_paid, "told anew when it is paid"),
    ];
    let told: Vec<&str> = told.into_iter().filter(|(is_told, _)| *is_told).map(|(_, words)| words).collect();
    if told.is_empty() { "once for a booking".to_owned() } else { told.join(", ") }
}

pub(super) fn inputs(inputs: &[Input]) -> String {
    some(inputs, ", or else ", input)
}

/// The label of what is done, with its parameters.
pub(super) fn op(op: &Op) -> String {
    let label = describe::step(op).label;
    match serde_json::to_value(op) {
        Ok(Value::Object(fields)) => {
            let parameters = fields.values().next().map(value).unwrap_or_default();
            format!("{label} {parameters}")
        }
        _ => label.to_owned(),
    }
}

pub(super) fn condition(condition: &Condition) -> String {
    let left = input(&condition.left);
    let right = some(&condition.right, ", ", value);
    format!("{left} {} {right}", condition.op.words()).trim_end().to_owned()
}

pub(super) fn group(group: &Group) -> String {
    nested(group, NESTING)
}

fn nested(group: &Group, left: usize) -> String {
    let joined = match group.logic {
        Logic::All => " and ",
        Logic::Any => " or ",
        Logic::None => " nor ",
    };
    let not = if group.logic == Logic::None { "neither " } else { "" };
    let nodes = some(&group.nodes, joined, |node: &Node| match &node.test {
        Test::Condition(one) => condition(one),
        Test::Group(_) if left == 0 => "(…)".to_owned(),
        Test::Group(inner) => format!("({})", nested(inner, left - 1)),
    });
    format!("{not}{nodes}")
}

/// A mapping in a line: where its value comes from, and what is done to it.
pub(super) fn mapping(mapping: &Mapping) -> String {
    let mut words = inputs(&mapping.inputs);
    if !mapping.steps.is_empty() {
        words = format!("{words}, then {}", some(&mapping.steps, ", ", |step| op(&step.op)));
    }
    if let Some(when) = &mapping.when {
        words = format!("{words}, if {}", group(when));
    }
    for (holds, note) in [(mapping.primary, "primary"), (mapping.disabled, "left out")] {
        if holds {
            words = format!("{words}, {note}");
        }
    }
    words
}
