//! The ledger's side of the store: plans in, one transaction, what was applied out. Only this writes identity
//! (invariant 5).

mod apply;
mod before;
mod booking;
mod changes;
mod claim;
mod commands;
mod context;
mod count;
mod difference;
mod groups;
mod held;
mod load;
mod meter;
mod names;
mod plan;
mod replay;
mod resolve;

pub use apply::{Attempt, LedgerBatch, LedgerState};
pub(crate) use before::Stood;
pub(crate) use claim::OWNERSHIP;
pub use claim::{Claim, JournalGap};
pub use commands::CommandOutcome;
pub use plan::{
    Applied, Fate, MessageFacts, MessagePlan, Origin, ParkReason, PlannedRun, ReadyDelivery, StoredEvent,
    Work,
};
pub use replay::{Again, HoldAgain};
