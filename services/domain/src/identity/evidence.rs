//! What one event says about identity.

use std::fmt;

use serde_json::{Map, Value};

use super::{Identifier, Occasion, Step, View};
use crate::{
    id::{EventId, ProfileId},
    time::Timestamp,
};

/// One event as the fold sees it.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// The event.
    pub event: EventId,
    /// Its message's place in the log. A replay keeps the original one.
    pub sequence: u64,
    /// When its message was accepted. A replay keeps the original time.
    pub received: Timestamp,
    /// When it happened, as its sender says.
    pub event_time: Timestamp,
    /// Its valid identifiers in the workflow's order, the primary one first.
    pub identifiers: &'a [Identifier],
    /// Traits of the person; null means CLEAR.
    pub traits: &'a Map<String, Value>,
    /// The id of the profile that is made if nobody is found. The caller derives it from the message, so that a
    /// replay makes the same one; no two events share it.
    pub new_profile: ProfileId,
    /// What the event came to before, where it is processed again.
    pub earlier: Option<Earlier<'a>>,
}

/// What an event came to when it was processed before.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// Whose it was.
    pub profile: Option<ProfileId>,
    /// Whether it made that profile.
    pub created: bool,
    /// How it came to that.
    pub steps: &'a [Step],
}

impl Earlier<'_> {
    /// Whether a step of the same event, which lands on `profile` now, says nothing new. What was refused then and is refused
    /// now is one refusal, whatever those people are called by now, and whichever rule comes first; so it is where nobody
    /// owned the identifier then and somebody does by now.
    pub fn tells(&self, view: &View, profile: Option<ProfileId>, step: &Step) -> bool {
        let Step::Refused { identifier, other, .. } = step else {
            return matches!(step, Step::Matched { .. }) || self.steps.contains(step);
        };
        let is_same = |known: ProfileId| {
            let known = view.now(known);
            known == *other || Some(known) == profile
        };
        let was_refused = |known: &Step| match known {
            Step::Refused { identifier: by, other, .. } => by == identifier && is_same(*other),
            _ => false,
        };
        self.profile.map(|profile| view.now(profile)) == profile && self.steps.iter().any(was_refused)
    }
}

impl Evidence<'_> {
    /// What the rows that follow from this event say about their origin.
    pub(super) fn occasion(&self) -> Occasion {
        Occasion { event: self.event, sequence: self.sequence, at: self.received }
    }
}

impl fmt::Debug for Evidence<'_> {
    /// Names no person: identifiers and traits are only counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("event", &self.event)
            .field("sequence", &self.sequence)
            .field("identifiers", &self.identifiers.len())
            .field("traits", &self.traits.len())
            .finish_non_exhaustive()
    }
}
