//! What a rehearsal changed of identity and nobody wrote: carried from one view to the next, in the place of what would be
//! stored by then.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Changes, Identifier, IdentifierType, Meeting, ProfileState, Quarantine, View};
use crate::{id::ProfileId, time::Timestamp};

/// The identifiers that were attached, the profiles that are others by now, and whom values met, of **one** tenant. Traits are
/// left out: no rule asks for them. Consents are kept, as the rules of destinations do.
#[derive(Default)]
pub struct Carried {
    owners: BTreeMap<IdentifierType, BTreeMap<String, ProfileId>>,
    profiles: BTreeMap<ProfileId, ProfileState>,
    /// Where profiles went that were merged; never more than one step.
    merged: BTreeMap<ProfileId, ProfileId>,
    /// Whom values met, and when last.
    met: BTreeMap<(IdentifierType, String), BTreeMap<ProfileId, Timestamp>>,
    /// What went into quarantine.
    quarantined: BTreeSet<(IdentifierType, String)>,
    size: usize,
}

impl Carried {
    /// How many identifiers, profiles and meetings are carried.
    pub fn len(&self) -> usize {
        self.size
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The live profile that `profile` is part of, as far as the rehearsal changed that.
    pub fn live(&self, profile: ProfileId) -> ProfileId {
        self.merged.get(&profile).copied().unwrap_or(profile)
    }

    /// Takes over what the events of a view changed.
    pub fn note(&mut self, changes: Changes) {
        let mut changed: BTreeSet<ProfileId> = changes.identifiers.iter().map(|new| new.profile).collect();
        for merge in &changes.merges {
            changed.extend([merge.winner, merge.loser]);
            for live in self.merged.values_mut().filter(|live| **live == merge.loser) {
                *live = merge.winner;
            }
            self.merged.insert(merge.loser, merge.winner);
        }
        for new in changes.identifiers {
            let Identifier { kind, value, .. } = new.identifier;
            self.size +=
                usize::from(self.owners.entry(kind).or_default().insert(value, new.profile).is_none());
        }
        for Meeting { identifier, person, at } in changes.meetings {
            let met = self.met.entry((identifier.kind, identifier.value)).or_default();
            // The view counted from what was laid over it.
            self.size += usize::from(met.insert(person, at).is_none());
        }
        for Quarantine { identifier, .. } in changes.quarantines {
            self.size += usize::from(self.quarantined.insert((identifier.kind, identifier.value)));
        }
        // What an alias holds, the live profile holds too.
        let parts = changes.profiles.iter().filter(|change| changed.contains(&change.state.id));
        let live: Vec<ProfileId> = parts.filter_map(|change| change.state.merged_into).collect();
        changed.extend(live);
        for change in changes.profiles {
            let mut state = change.state;
            state.traits.keep_consents();
            if let Some(own) = &mut state.own {
                own.traits.keep_consents();
            }
            let is_other = change.is_new || changed.contains(&state.id) || !state.traits.is_empty();
            // Of what was carried before, all is: it may have been merged since.
            if is_other || self.profiles.contains_key(&state.id) {
                self.size += usize::from(self.profiles.insert(state.id, state).is_none());
            }
        }
    }

    /// Brings `view`, which has what is stored of `identifiers`, to where the rehearsal is.
    pub fn lay_over<'a>(&self, view: &mut View, identifiers: impl IntoIterator<Item = &'a Identifier>) {
        if self.is_empty() {
            return;
        }
        for Identifier { kind, value, .. } in identifiers {
            self.lay_over_guard(view, kind, value);
            let Some(owner) = self.owners.get(kind).and_then(|owners| owners.get(value)) else { continue };
            view.insert_owner(kind.clone(), value.clone(), *owner);
            if let Some(state) = self.profiles.get(owner).filter(|_| view.profile(*owner).is_none()) {
                view.insert_profile(state.clone());
            }
        }
        let mut needed = BTreeSet::new();
        view.relay(|stored| {
            let mut state = self.profiles.get(&stored.id).cloned().unwrap_or(stored);
            let live = self.live(state.merged_into.unwrap_or(state.id));
            if live != state.id {
                state.merged_into = Some(live);
                needed.insert(live);
            }
            state
        });
        for live in needed {
            if let Some(state) = self.profiles.get(&live).filter(|_| view.profile(live).is_none()) {
                view.insert_profile(state.clone());
            }
        }
        if view.names_any() {
            for (alias, live) in &self.merged {
                view.redirect(*alias, *live);
            }
        }
    }
}

impl Carried {
    /// Adds whom a value met, and whether that were too many.
    fn lay_over_guard(&self, view: &mut View, kind: &IdentifierType, value: &str) {
        if self.met.is_empty() {
            return;
        }
        let key = (kind.clone(), value.to_owned());
        for (person, at) in self.met.get(&key).into_iter().flatten() {
            view.insert_meeting(kind.clone(), value.to_owned(), (*person, self.live(*person)), *at);
        }
        if self.quarantined.contains(&key) {
            view.insert_quarantined(kind.clone(), value.to_owned());
        }
    }
}

impl fmt::Debug for Carried {
    /// Names no person: identifiers are only counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried").field("profiles", &self.profiles.len()).field("size", &self.size).finish()
    }
}
