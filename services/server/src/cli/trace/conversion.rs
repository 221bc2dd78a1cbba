//! The booking that a message is about.

use tributary_proto::admin::v1::{
    Conversion,
    conversion::{Stage, State, Step, Told},
};

use super::message::heading;
use crate::cli::{
    output::{Style, Text, Tree, id, time::moment},
    resources::conversions::{stage_words, state_words},
};

/// A booking with what was heard and told of it.
pub(super) fn tree(conversion: &Conversion) -> Tree {
    let style = match conversion.state() {
        State::Booked | State::Rescheduled => Style::Good,
        State::Cancelled | State::NoShow | State::Unspecified => Style::Warn,
    };
    let label = heading("booking").with(style, state_words(conversion.state()));
    let label = match conversion.paid_time {
        Some(_) => label.and(Style::Good, "paid"),
        None => label,
    };
    Tree::new(label.and(Style::Dim, id(&conversion.name)))
        .with(conversion.steps.iter().map(step))
        .with(conversion.told.iter().map(told))
}

fn step(step: &Step) -> Tree {
    let stages: Vec<_> = step.stages().map(|stage: Stage| stage_words(stage)).collect();
    let mut line = Text::new().plain(format!("{:<10}  ", stages.join(", ")));
    line = line.plain(format!("{} UTC", moment(step.time.as_ref())));
    if let Some(value) = step.value {
        line = line.and(Style::Plain, format!("{value} {}", step.currency));
    }
    Tree::new(line.and(Style::Dim, id(&step.message)))
}

fn told(told: &Told) -> Tree {
    let line = Text::new().plain("told        ").with(Style::Accent, &told.event_name);
    let line = match (told.retraction.is_empty(), told.restatements.len()) {
        (false, _) => line.and(Style::Warn, "taken back"),
        (true, 0) => line.and(Style::Good, "stands"),
        (true, times) => line.and(Style::Good, format!("stands, restated {times} times")),
    };
    Tree::new(line.and(Style::Dim, id(&told.event)))
}
