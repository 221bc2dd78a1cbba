//! Destinations: what was committed for them is sent, retried by the schedule, and every attempt is kept.

mod actor;
mod attempt;
mod dispatcher;
mod message;
mod precedence;
mod queue;
#[cfg(test)]
mod tests;

pub(crate) use dispatcher::{Dispatcher, Tail};
