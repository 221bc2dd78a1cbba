//! Workflows: their shape, their statuses, how they are checked and evaluated, and the events they make.

pub mod catalogue;
pub mod compile;
pub mod describe;
pub mod evaluate;
pub mod event;
pub mod spec;
pub mod status;
pub mod trace;
