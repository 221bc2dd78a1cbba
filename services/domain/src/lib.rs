//! Pure rules: no I/O, no clock, no random numbers; what a function needs of those is handed in.

pub mod access;
pub mod backtest;
pub mod booking;
pub mod breaker;
pub mod bucket;
pub mod caller;
pub mod committed;
pub mod consent;
pub mod context;
pub mod error;
pub mod event;
pub mod filter;
pub mod health;
pub mod id;
pub mod identity;
mod mapping;
pub mod normalise;
pub mod outbound;
pub mod partition;
pub mod quota;
pub mod retention;
pub mod retry;
pub mod sample;
pub mod scan;
pub mod stats;
pub mod subnet;
pub mod tenant;
pub mod test_rule;
pub mod time;
pub mod workflow;

pub use mapping::{PathFault, json_path};
