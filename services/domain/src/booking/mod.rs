//! Bookings: what a provider says of one message by message becomes one conversion, whichever order the messages arrive
//! in; and what was told of it is followed up once.

mod conversion;
mod facts;
mod follow_up;
mod lineage;

pub use conversion::{Conversion, Due, Made, Told, Verdict};
pub use facts::{BookingFacts, KeyScope, Paid, Stage};
pub use follow_up::{FollowUp, FollowUpKind, Role, Why};
pub use lineage::{Fact, KeyHash, Lineage, State};

#[cfg(test)]
mod tests;
