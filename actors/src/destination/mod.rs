//! Destinations: what was committed for them is sent, retried by the schedule, and every attempt is kept.

mod actor;
mod attempt;
mod credential;
mod dispatcher;
mod gate;
mod line;
mod message;
mod precedence;
mod queue;
mod record;
mod target;
#[cfg(test)]
mod tests;
mod tokens;
mod tried;
mod turns;

pub(crate) use dispatcher::{Dispatcher, Tail};
