//! Accepted messages, in order, durable.
//!
//! [`Journal`] is what the rest of the house sees; [`log::LocalLog`] is the journal of a single node. Progress is
//! never kept here: whoever reads keeps (journal id, sequence) where the effects are.

mod accepted;
mod error;
mod id;
mod journal;
pub mod log;

pub use accepted::{Accepted, DecodeError};
pub use error::{AppendError, Fatal, ReadError, ReleaseError};
pub use id::{InvalidJournalId, JournalId};
pub use journal::{Batch, Entry, Journal, ReadLimit};
