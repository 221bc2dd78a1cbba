//! What is to become of a message: the configuration of its source, compiled, and the plan that is made with it. Pure: it
//! reads no database and no clock, so that the same message with the same configuration gives the same plan, on its way
//! to the ledger and in a rehearsal.

mod backtest;
mod config;
mod message;
mod rehearsal;
mod run;

pub use backtest::Comparison;
pub use config::{Configuration, Route, SourceConfig, TenantConfig, WorkflowConfig};
pub use message::{Parsed, facts};
pub use rehearsal::{Arrival, rehearsed};
pub use run::{Panicked, RunResult, caught, is_test, passes, run, work};
