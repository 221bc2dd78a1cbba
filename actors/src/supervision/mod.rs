//! Supervision: what starts an actor, and what starts it again.
//!
//! actix's own supervisor restarts the same instance, and only when it stops of itself; a panic ends it for good.
//! Here a factory is kept for each actor: after a panic a new instance is made from what is stored, after a wait
//! that grows with each panic.

mod arbiters;
mod supervised;

pub(crate) use arbiters::Arbiters;
pub(crate) use supervised::Supervised;
