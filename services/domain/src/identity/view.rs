//! What is known of one tenant while a batch is resolved.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, mem,
};

use super::{
    Changes, Conflict, Decision, Evidence, EvidenceRow, Held, Identifier, IdentifierType, Meeting, Merge,
    NewIdentifier, Occasion, ProfileChange, ProfileState, Quarantine, Repoint, Rules, Traits, fold,
    guard::{Guard, Met},
    never_join::NeverJoin,
};
use crate::{id::ProfileId, time::Timestamp};

/// The view lacks a profile that one of its identifiers, or an alias, points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the identity view lacks profile {0}: load every owner of the identifiers, and what it was merged into"
)]
pub struct MissingProfile(pub ProfileId);

/// The identifiers, profiles and never-join pairs of **one** tenant that a batch touches.
///
/// Before the first event it needs, of all the batch's identifiers: the owners as stored, the states of those
/// profiles, the states of what they were merged into, and the tenant's never-join pairs; and whom those values met that
/// may meet somebody. No other profile is ever asked for.
#[derive(Default)]
pub struct View {
    owners: BTreeMap<IdentifierType, BTreeMap<String, ProfileId>>,
    profiles: BTreeMap<ProfileId, ProfileState>,
    aliases: BTreeMap<ProfileId, Vec<ProfileId>>,
    never_join: NeverJoin,
    meetings: BTreeMap<(IdentifierType, String), Met>,
    /// What those whom values met were merged into, as far as their own states are not here.
    met_aliases: BTreeMap<ProfileId, ProfileId>,
    /// What went into quarantine while this view was in use.
    quarantined: BTreeSet<(IdentifierType, String)>,
    touched: Touched,
}

/// Whom an identifier belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    /// The profile that it is attached to.
    pub(super) part: ProfileId,
    /// The same, or the live profile that it is an alias of.
    pub(super) live: ProfileId,
}

/// What happened since the changes were taken last.
#[derive(Debug, Default)]
struct Touched {
    created: BTreeSet<ProfileId>,
    changed: BTreeSet<ProfileId>,
    identifiers: Vec<NewIdentifier>,
    merges: Vec<Merge>,
    conflicts: BTreeMap<[u8; 16], Conflict>,
    evidence: Vec<EvidenceRow>,
    meetings: BTreeMap<(Identifier, ProfileId), Timestamp>,
    quarantines: Vec<Quarantine>,
}

impl View {
    /// A view of a tenant of which nothing is stored.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a stored identifier and the profile it was attached to, which may be an alias by now.
    pub fn insert_owner(&mut self, kind: IdentifierType, value: String, profile: ProfileId) {
        self.owners.entry(kind).or_default().insert(value, profile);
    }

    /// Adds a stored profile or alias.
    pub fn insert_profile(&mut self, state: ProfileState) {
        if let Some(live) = state.merged_into {
            self.aliases.entry(live).or_default().push(state.id);
            self.never_join.redirect(state.id, live);
        }
        self.profiles.insert(state.id, state);
    }

    /// Adds a pair that must not be joined. Where a side is an alias whose state is not inserted, the caller names
    /// what it was merged into instead.
    pub fn insert_never_join(&mut self, one: ProfileId, other: ProfileId) {
        let live = |id| self.profiles.get(&id).and_then(|state| state.merged_into).unwrap_or(id);
        self.never_join.insert(live(one), live(other));
    }

    /// Adds that a value met somebody, who is `live` by now, and when last.
    pub fn insert_meeting(
        &mut self,
        kind: IdentifierType,
        value: String,
        (person, live): (ProfileId, ProfileId),
        at: Timestamp,
    ) {
        self.meetings.entry((kind, value)).or_default().note(person, at);
        if person != live {
            self.met_aliases.insert(person, live);
        }
    }

    /// Adds a value that is no evidence any more.
    pub(super) fn insert_quarantined(&mut self, kind: IdentifierType, value: String) {
        self.quarantined.insert((kind, value));
    }

    /// The profiles that are still missing: owners and merge winners whose state was not inserted. Empty when the
    /// view can resolve every event whose identifiers were looked up.
    pub fn missing_profiles(&self) -> BTreeSet<ProfileId> {
        let owners = self.owners.values().flat_map(BTreeMap::values);
        let needed = owners.chain(self.aliases.keys());
        needed.filter(|id| !self.profiles.contains_key(id)).copied().collect()
    }

    /// Decides whose this event is and takes over what follows from it.
    ///
    /// # Errors
    /// When the view was not loaded completely; nothing is changed then.
    pub fn resolve(&mut self, rules: &Rules, evidence: &Evidence<'_>) -> Result<Decision, MissingProfile> {
        fold::resolve(self, rules, evidence)
    }

    /// The live profile that an identifier belongs to; nothing when it belongs to nobody, or the view does not know whom.
    pub fn owner_of(&self, identifier: &Identifier) -> Option<ProfileId> {
        self.owner(identifier).ok().flatten().map(|owner| owner.live)
    }

    /// The profile that an identifier is attached to, which may be an alias; nothing when it belongs to nobody.
    pub fn attached_to(&self, kind: &str, value: &str) -> Option<ProfileId> {
        let kind = IdentifierType::parse(kind)?;
        self.owners.get(&kind)?.get(value).copied()
    }

    /// The state of a profile or an alias, if the view has it.
    pub fn profile(&self, id: ProfileId) -> Option<&ProfileState> {
        self.profiles.get(&id)
    }

    /// Hands over what changed since the last time; the view stays usable.
    pub fn take_changes(&mut self) -> Changes {
        let touched = mem::take(&mut self.touched);
        // A profile of this batch has no aliases beside those of this batch, which are among the changed ones.
        let stored_losers =
            touched.merges.iter().map(|merge| merge.loser).filter(|id| !touched.created.contains(id));
        let repoints = stored_losers
            .filter_map(|from| Some(Repoint { from, to: self.profiles.get(&from)?.merged_into? }));
        let profiles = touched.changed.iter().filter_map(|id| {
            let state = self.profiles.get(id)?.clone();
            Some(ProfileChange { state, is_new: touched.created.contains(id) })
        });
        Changes {
            repoints: repoints.collect(),
            profiles: profiles.collect(),
            identifiers: touched.identifiers,
            merges: touched.merges,
            conflicts: touched.conflicts.into_values().collect(),
            evidence: touched.evidence,
            meetings: touched
                .meetings
                .into_iter()
                .map(|((identifier, person), at)| Meeting { identifier, person, at })
                .collect(),
            quarantines: touched.quarantines,
        }
    }

    /// Puts each profile and alias in again as `change` makes it of what it was.
    pub(super) fn relay(&mut self, mut change: impl FnMut(ProfileState) -> ProfileState) {
        self.aliases.clear();
        for state in mem::take(&mut self.profiles).into_values() {
            self.insert_profile(change(state));
        }
    }

    /// What is known of `alias` is known of `live` from now on: what is forbidden for it, and that values met it.
    pub(super) fn redirect(&mut self, alias: ProfileId, live: ProfileId) {
        self.never_join.redirect(alias, live);
        if !self.meetings.is_empty() {
            self.met_aliases.values_mut().filter(|known| **known == alias).for_each(|known| *known = live);
            self.met_aliases.insert(alias, live);
        }
    }

    /// Whether anything is known of profiles by their names: a pair that must not be joined, or a meeting.
    pub(super) fn names_any(&self) -> bool {
        !self.never_join.is_empty() || !self.meetings.is_empty()
    }

    /// The live profile that this one is by now, as far as the view knows it.
    pub fn now(&self, profile: ProfileId) -> ProfileId {
        let merged_into = match self.profiles.get(&profile) {
            Some(state) => state.merged_into,
            None => self.met_aliases.get(&profile).copied(),
        };
        merged_into.unwrap_or(profile)
    }

    /// Whom an identifier belongs to.
    pub(super) fn owner(&self, identifier: &Identifier) -> Result<Option<Owner>, MissingProfile> {
        let stored = self.owners.get(&identifier.kind).and_then(|owners| owners.get(&identifier.value));
        let Some(&part) = stored else { return Ok(None) };
        Ok(Some(Owner { part, live: self.live(part)? }))
    }

    /// The live profile that this one is, or is an alias of.
    pub(super) fn live(&self, part: ProfileId) -> Result<ProfileId, MissingProfile> {
        let live = self.state(part)?.merged_into.unwrap_or(part);
        self.state(live).map(|state| state.id)
    }

    /// Which of two live profiles stays in a merge, and which does not.
    pub(super) fn by_age(
        &self,
        one: ProfileId,
        other: ProfileId,
    ) -> Result<(ProfileId, ProfileId), MissingProfile> {
        let is_older = self.state(one)?.age() < self.state(other)?.age();
        Ok(if is_older { (one, other) } else { (other, one) })
    }

    /// Whether a value is no evidence.
    pub(super) fn blocks(&self, rules: &Rules, identifier: &Identifier) -> bool {
        let is_quarantined = || {
            !self.quarantined.is_empty()
                && self.quarantined.contains(&(identifier.kind.clone(), identifier.value.clone()))
        };
        rules.blocks(identifier) || is_quarantined()
    }

    /// What is known of a profile that has to be there.
    pub(super) fn state(&self, id: ProfileId) -> Result<&ProfileState, MissingProfile> {
        self.profiles.get(&id).ok_or(MissingProfile(id))
    }

    /// Whether a person decided that these live profiles are two.
    pub(super) fn never_joins(&self, one: ProfileId, other: ProfileId) -> bool {
        self.never_join.forbids(one, other)
    }

    /// Adds a new profile.
    pub(super) fn create(&mut self, state: ProfileState) {
        self.touched.created.insert(state.id);
        self.touched.changed.insert(state.id);
        self.profiles.insert(state.id, state);
    }

    /// Gives an identifier that nobody owns to a profile.
    pub(super) fn attach(&mut self, identifier: &Identifier, profile: ProfileId, occasion: Occasion) {
        self.insert_owner(identifier.kind.clone(), identifier.value.clone(), profile);
        let only = Held::only(identifier);
        self.give(profile, |held, _| {
            held.absorb(&only);
            true
        });
        self.touched.identifiers.push(NewIdentifier { identifier: identifier.clone(), profile, occasion });
    }

    /// Makes the loser an alias of the winner, and its aliases with it.
    pub(super) fn merge(&mut self, merge: Merge) {
        let (winner, loser) = (merge.winner, merge.loser);
        let Some(state) = self.profiles.get_mut(&loser) else { return };
        let whole = state.become_alias_of(winner);
        if let Some(state) = self.profiles.get_mut(&winner) {
            state.absorb(&whole);
            self.touched.changed.insert(winner);
        }
        let mut followers = self.aliases.remove(&loser).unwrap_or_default();
        for alias in &followers {
            if let Some(state) = self.profiles.get_mut(alias) {
                state.merged_into = Some(winner);
            }
        }
        followers.push(loser);
        self.aliases.entry(winner).or_default().append(&mut followers);
        self.redirect(loser, winner);
        self.touched.changed.insert(loser);
        self.touched.merges.push(merge);
    }

    /// Changes what belongs to a profile, and to the live one that it is an alias of; `change` says whether it did.
    pub(super) fn give(&mut self, part: ProfileId, change: impl Fn(&mut Held, &mut Traits) -> bool) {
        let live = self.profiles.get(&part).and_then(|state| state.merged_into);
        for id in std::iter::once(part).chain(live) {
            let changed = self.profiles.get_mut(&id).is_some_and(|state| state.give(id == part, &change));
            if changed {
                self.touched.changed.insert(id);
            }
        }
    }

    /// Notes that a value met somebody whom it does not belong to, at the event of `occasion`; it is quarantined when
    /// those were too many. Whom it met under another name already is nobody else.
    pub(super) fn note_meeting(
        &mut self,
        guard: Guard,
        identifier: &Identifier,
        person: ProfileId,
        occasion: Occasion,
    ) {
        if guard.people == 0 {
            return;
        }
        let key = (identifier.kind.clone(), identifier.value.clone());
        let known =
            self.meetings.get(&key).and_then(|met| met.names().find(|name| self.now(*name) == person));
        let person = known.unwrap_or(person);
        let met = self.meetings.entry(key.clone()).or_default();
        let at = met.note(person, occasion.at);
        let people = met.people(occasion.at, guard.window);
        let identifier = identifier.without_raw();
        self.touched.meetings.insert((identifier.clone(), person), at);
        if people > guard.people && self.quarantined.insert(key) {
            self.touched.quarantines.push(Quarantine { identifier, people, occasion });
        }
    }

    /// Notes a refused join; one that came up before in this batch is counted.
    pub(super) fn note_conflict(&mut self, conflict: Conflict) {
        let known = self.touched.conflicts.entry(conflict.fingerprint());
        known
            .and_modify(|known| {
                known.last = conflict.last;
                known.count += conflict.count;
            })
            .or_insert(conflict);
    }

    /// Notes what an event changed.
    pub(super) fn note_evidence(&mut self, row: EvidenceRow) {
        self.touched.evidence.push(row);
    }
}

impl fmt::Debug for View {
    /// Names no person: identifiers are only counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("identifiers", &self.owners.values().map(BTreeMap::len).sum::<usize>())
            .field("profiles", &self.profiles.len())
            .finish_non_exhaustive()
    }
}
