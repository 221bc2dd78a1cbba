//! Workflows: their shape, their statuses, how they are checked, compared and evaluated, and the events they make.

pub mod catalogue;
pub mod compare;
pub mod compile;
pub mod describe;
pub mod evaluate;
pub mod event;
pub mod needs;
pub mod spec;
pub mod status;
pub mod suggest;
pub mod trace;
