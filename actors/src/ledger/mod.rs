//! The ledger: applies plans strictly in journal order, one transaction a batch.

mod actor;
mod bisect;

pub(crate) use actor::{Apply, ApplyOutcome, Commands, Forget, Hold, LedgerActor};
