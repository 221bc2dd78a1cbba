//! The actors: they read the journal, evaluate, apply and deliver.
//!
//! ```text
//! feed ──► source ──► its workflows        evaluate, in parallel
//!   │ plans, back in journal order
//!   ▼
//! ledger                                   apply, in order, one transaction a batch
//!   │ after the commit
//!   ▼
//! destination × n                          send, retry, record
//! ```
//! Supervision keeps a factory for each actor and makes it anew after a panic; [`House::drain`] ends it all in order.

mod config;
mod destination;
mod faults;
mod feed;
mod house;
mod ledger;
mod plan;
mod registry;
mod source;
mod supervision;
#[cfg(test)]
mod testing;
mod workflow;

pub use faults::Faults;
pub use house::{House, HouseParts};
