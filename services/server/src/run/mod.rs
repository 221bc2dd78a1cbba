//! Wiring: the parts of the house are made, joined, started in order, and stopped in the reverse one.

mod api;
mod backtest;
mod calendly;
pub(crate) mod descriptors;
mod door;
pub(crate) mod echo;
mod keys;
mod parts;
mod priority;
mod providers;
mod purge;
mod retention;
mod running;
mod system;
mod tls;
mod worker;

pub(crate) use parts::{make_folder, start};
pub(crate) use running::{ADDRESSES, Running};
pub(crate) use system::on_system;
