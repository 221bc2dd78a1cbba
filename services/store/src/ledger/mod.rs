//! The ledger's side of the store: plans in, one transaction, what was applied out. Only this writes identity
//! (invariant 5).

mod apply;
mod before;
mod blocked;
mod booking;
mod changes;
mod claim;
mod commands;
mod consent;
mod context;
mod count;
mod difference;
mod erase;
mod groups;
mod held;
mod load;
mod logged;
mod meetings;
mod meter;
mod names;
mod plan;
mod rehearse;
mod replay;
mod resolve;
mod suppress;
mod tell;
mod waiting;

pub use apply::{Attempt, LedgerBatch, LedgerState};
pub(crate) use before::Stood;
pub(crate) use claim::OWNERSHIP;
pub use claim::{Claim, JournalGap};
pub use commands::CommandOutcome;
pub use plan::{
    Applied, Destinations, Fate, MessageFacts, MessagePlan, Origin, ParkReason, PlannedRun, Quarantined,
    ReadyDelivery, StoredEvent, Work,
};
pub use rehearse::{EventBefore, Rehearsal, Rehearsed, RehearsedRun};
pub use replay::{Again, HoldAgain};
pub(crate) use suppress::erased_reason;
#[cfg(test)]
pub(crate) use waiting::Horizons;
