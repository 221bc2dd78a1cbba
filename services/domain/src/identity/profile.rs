//! A profile as identity sees it.

use super::{Held, Traits};
use crate::{id::ProfileId, time::Timestamp};

/// The state of one profile: a row.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileState {
    /// Its id, for ever.
    pub id: ProfileId,
    /// When the message was accepted that made it.
    pub created_at: Timestamp,
    /// The place of that message in the log.
    pub created_seq: u64,
    /// The live profile that it is an alias of. Of an alias everything else is as it was when it was merged.
    pub merged_into: Option<ProfileId>,
    /// What it holds, of those merged into it too.
    pub held: Held,
    /// Its traits, of those merged into it too.
    pub traits: Traits,
}

impl ProfileState {
    /// What decides which of two stays in a merge: the smaller.
    pub(super) fn age(&self) -> (u64, ProfileId) {
        (self.created_seq, self.id)
    }
}
