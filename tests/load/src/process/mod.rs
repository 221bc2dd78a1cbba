//! The processes that are measured, and what the system knows of them.

mod binary;
pub(crate) mod ceiling;
mod exposition;
mod server;
mod setup;
mod usage;

pub(crate) use binary::binary;
pub(crate) use ceiling::Ceiling;
pub(crate) use exposition::Counters;
pub(crate) use server::Server;
pub(crate) use setup::{Calling, Deliveries, Made, calling, make, pause, prepare};
pub(crate) use usage::{cpu_time, resident_bytes};
