//! Destinations: what was committed for them is sent, retried by the schedule, and every attempt is kept.

mod actor;
mod attempt;
mod credential;
mod dispatcher;
mod load;
mod message;
mod precedence;
mod queue;
#[cfg(test)]
mod tests;
mod tokens;

pub(crate) use dispatcher::{Dispatcher, Tail};
