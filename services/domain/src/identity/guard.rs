//! The guard against values that many people share: a decorated link must not glue a thousand bookings together.

use std::{collections::BTreeMap, time::Duration};

use super::{Identifier, Occasion};
use crate::{id::ProfileId, time::Timestamp};

/// When a value that meets other people is quarantined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How many other people a value may meet within the window; 0: any number.
    pub people: u32,
    /// The window, by when messages were accepted.
    pub window: Duration,
}

/// Somebody whom a value belonged to another than: an event of theirs had it, and they joined the value's owner or were
/// refused to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// The value, without how it came.
    pub identifier: Identifier,
    /// Whom it met.
    pub person: ProfileId,
    /// When it met them last.
    pub at: Timestamp,
}

/// A value that met more people than the guard allows: it is no evidence from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The value, without how it came.
    pub identifier: Identifier,
    /// How many people it met within the window.
    pub people: u32,
    /// The event that was one too many.
    pub occasion: Occasion,
}

/// Whom one value met, and when last.
#[derive(Debug, Clone, Default)]
pub(super) struct Met(BTreeMap<ProfileId, Timestamp>);

impl Met {
    /// Notes that the value met somebody, and returns when it met them last.
    pub(super) fn note(&mut self, person: ProfileId, at: Timestamp) -> Timestamp {
        let last = self.0.entry(person).or_insert(at);
        *last = (*last).max(at);
        *last
    }

    /// By which names it knows those whom it met.
    pub(super) fn names(&self) -> impl Iterator<Item = ProfileId> {
        self.0.keys().copied()
    }

    /// How many it met in the window that ends at `at`; where it met others since, because the message is late, in the
    /// fullest window that holds `at`.
    pub(super) fn people(&self, at: Timestamp, window: Duration) -> u32 {
        let width = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let times = || self.0.values().map(|last| last.micros());
        let end_of_last = at.micros().saturating_add(width);
        let ends = times().filter(|end| (at.micros()..end_of_last).contains(end));
        let met =
            ends.map(|end| times().filter(|last| *last > end.saturating_sub(width) && *last <= end).count());
        u32::try_from(met.max().unwrap_or_default()).unwrap_or(u32::MAX)
    }
}
