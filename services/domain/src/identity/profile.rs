//! A profile as identity sees it.

use serde::{Deserialize, Serialize};

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
    /// The live profile that it is an alias of.
    pub merged_into: Option<ProfileId>,
    /// What it holds. Of a live profile, with what its aliases hold; of an alias, what belongs to it alone.
    pub held: Held,
    /// Its traits, in the same way.
    pub traits: Traits,
    /// What belongs to a live profile alone; nothing while it has no aliases: then that is all of it.
    pub own: Option<Part>,
}

/// What belongs to one profile alone, whatever it was merged with: what events brought whose strongest identifier was
/// attached to it. A person is the sum of their parts, so that a merge can be taken back exactly.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The identifiers that were attached to it.
    pub held: Held,
    /// The traits that were written to it.
    pub traits: Traits,
}

impl ProfileState {
    /// What decides which of two stays in a merge: the smaller.
    pub(super) fn age(&self) -> (u64, ProfileId) {
        (self.created_seq, self.id)
    }

    /// What belongs to it alone.
    pub fn part(&self) -> Part {
        let all = || Part { held: self.held.clone(), traits: self.traits.clone() };
        self.own.clone().unwrap_or_else(all)
    }

    /// Becomes an alias, which keeps what belongs to it alone. Returns what it was with its own aliases.
    pub(super) fn become_alias_of(&mut self, live: ProfileId) -> Part {
        let own = self.part();
        self.merged_into = Some(live);
        self.own = None;
        Part {
            held: std::mem::replace(&mut self.held, own.held),
            traits: std::mem::replace(&mut self.traits, own.traits),
        }
    }

    /// Takes over what another was.
    pub(super) fn absorb(&mut self, other: &Part) {
        self.own = Some(self.part());
        self.held.absorb(&other.held);
        self.traits.merge(&other.traits);
    }

    /// Changes what it holds and its traits, and with `is_own` what belongs to it alone; says whether anything changed.
    pub(super) fn give(&mut self, is_own: bool, change: impl Fn(&mut Held, &mut Traits) -> bool) -> bool {
        let own = self.own.as_mut().filter(|_| is_own);
        let is_own_changed = own.is_some_and(|own| change(&mut own.held, &mut own.traits));
        change(&mut self.held, &mut self.traits) | is_own_changed
    }
}
