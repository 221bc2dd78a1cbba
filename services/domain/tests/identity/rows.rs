//! One tenant's rows, as a store would keep them: texts and ids only, with the constraints of a database.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use tributary_domain::{
    id::{EventId, MergeId, MessageId, ProfileId},
    identity::{
        Changes, Conflict, ConflictState, Decided, Decision, Disputed, EvidenceRow, Held, Identifier,
        IdentifierType, Merge, ProfileState, Tie, View, undo,
    },
    time::Timestamp,
};

use crate::history::Says;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProfileRow {
    pub(crate) created_at: Timestamp,
    pub(crate) created_seq: u64,
    pub(crate) merged_into: Option<ProfileId>,
    pub(crate) held: String,
    pub(crate) traits: String,
    pub(crate) own: Option<String>,
}

/// A merge, whether it is in force, and the conflict whose acceptance made it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MergeRow {
    pub(crate) merge: Merge,
    pub(crate) in_force: bool,
    pub(crate) accepted: Option<[u8; 16]>,
}

/// A conflict, how far it is, and the pair that closed it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConflictRow {
    pub(crate) conflict: Conflict,
    pub(crate) state: ConflictState,
    pub(crate) pair: Option<(ProfileId, ProfileId)>,
}

#[derive(Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) messages: BTreeSet<MessageId>,
    /// The places in the log of the commands that were applied.
    pub(crate) commands: BTreeSet<u64>,
    pub(crate) decisions: Vec<(EventId, Decision)>,
    pub(crate) owners: BTreeMap<(String, String), ProfileId>,
    pub(crate) profiles: BTreeMap<ProfileId, ProfileRow>,
    pub(crate) merges: Vec<MergeRow>,
    pub(crate) conflicts: BTreeMap<[u8; 16], ConflictRow>,
    pub(crate) evidence: Vec<EvidenceRow>,
    pub(crate) never_join: BTreeSet<(ProfileId, ProfileId)>,
    pub(crate) blocked: BTreeSet<(String, String)>,
    pub(crate) meetings: BTreeMap<((String, String), ProfileId), Timestamp>,
    /// What was decided, when it comes to pass, and where in the log that was.
    pub(crate) waiting: Vec<(u64, u64, Chosen)>,
    /// Until when what is known by an identifier was erased.
    pub(crate) erased: BTreeMap<(String, String), Timestamp>,
    pub(crate) gone: BTreeSet<ProfileId>,
}

/// What a person decided, of what they saw then.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Chosen {
    Apart(ProfileId, ProfileId),
    Undo(MergeId),
    Lift(ProfileId, ProfileId),
    Decide([u8; 16], Says),
    Block((String, String)),
    Unblock((String, String)),
    Erase(ProfileId, Timestamp),
}

impl Rows {
    /// The live profile of an id.
    pub(crate) fn live(&self, id: ProfileId) -> ProfileId {
        self.profiles[&id].merged_into.unwrap_or(id)
    }

    /// The live owner of an identifier.
    pub(crate) fn owner(&self, kind: &str, value: &str) -> Option<ProfileId> {
        self.owners.get(&(kind.to_owned(), value.to_owned())).map(|id| self.live(*id))
    }

    pub(crate) fn held(&self, id: ProfileId) -> Held {
        serde_json::from_str(&self.profiles[&id].held).unwrap()
    }

    /// A view with no more than a store has to load for these identifiers.
    pub(crate) fn view<'a>(&self, identifiers: impl Iterator<Item = &'a Identifier>) -> View {
        let mut view = View::new();
        let mut wanted = BTreeSet::new();
        for identifier in identifiers {
            let key = (identifier.kind.as_str().to_owned(), identifier.value.clone());
            if let Some(owner) = self.owners.get(&key) {
                view.insert_owner(identifier.kind.clone(), key.1, *owner);
                wanted.extend([*owner, self.live(*owner)]);
            }
        }
        for id in wanted {
            view.insert_profile(self.state(id));
        }
        for (((kind, value), person), at) in &self.meetings {
            let kind = IdentifierType::parse(kind).unwrap();
            view.insert_meeting(kind, value.clone(), (*person, self.live(*person)), *at);
        }
        for (one, other) in &self.never_join {
            view.insert_never_join(self.live(*one), self.live(*other));
        }
        assert!(view.missing_profiles().is_empty(), "what was loaded is all that is needed");
        view
    }

    fn state(&self, id: ProfileId) -> ProfileState {
        let row = &self.profiles[&id];
        ProfileState {
            id,
            created_at: row.created_at,
            created_seq: row.created_seq,
            merged_into: row.merged_into,
            held: self.held(id),
            traits: serde_json::from_str(&row.traits).unwrap(),
            own: row.own.as_ref().map(|own| serde_json::from_str(own).unwrap()),
        }
    }

    /// A view with these profiles, and what they were merged into.
    pub(crate) fn view_of(&self, disputed: &Disputed) -> View {
        let mut view = self.view(std::iter::once(&disputed.identifier));
        for id in [disputed.profile, disputed.other] {
            for id in [id, self.live(id)] {
                if view.profile(id).is_none() {
                    view.insert_profile(self.state(id));
                }
            }
        }
        view
    }

    /// Whether something that was decided comes to pass before this place in the log.
    pub(crate) fn is_due(&self, sequence: u64) -> bool {
        self.waiting.iter().any(|(due, ..)| *due <= sequence)
    }

    /// A live profile with its aliases.
    pub(crate) fn person(&self, live: ProfileId) -> Vec<ProfileState> {
        let ids = self.profiles.keys().filter(|id| self.live(**id) == live);
        ids.map(|id| self.state(*id)).collect()
    }

    /// Takes a merge back.
    pub(crate) fn undo(&mut self, merge: MergeId) -> Result<(), String> {
        let place = self.merges.iter().position(|row| row.merge.id == merge && row.in_force);
        let Some(place) = place else { return Ok(()) };
        let live = self.live(self.merges[place].merge.left);
        let in_force = self.merges.iter().filter(|row| row.in_force && self.live(row.merge.left) == live);
        let ties: Vec<Tie> = in_force
            .map(|MergeRow { merge, .. }| Tie {
                merge: merge.id,
                left: merge.left,
                right: merge.right,
                is_exact: true,
            })
            .collect();
        let undone = undo(&self.person(live), &ties, merge).map_err(|error| error.to_string())?;
        for state in undone.profiles {
            self.profiles.insert(state.id, ProfileRow::of(&state));
        }
        self.never_join.insert(undone.pair);
        self.merges[place].in_force = false;
        let accepted = self.merges[place].accepted;
        if let Some(row) = accepted.and_then(|conflict| self.conflicts.get_mut(&conflict)) {
            (row.state, row.pair) = (ConflictState::NeverJoin, Some(undone.pair));
        }
        Ok(())
    }

    /// Takes away a person with all that is known of them.
    pub(crate) fn erase(&mut self, profile: ProfileId, at: Timestamp) {
        if !self.profiles.contains_key(&profile) {
            return;
        }
        let person: BTreeSet<_> = self.person(self.live(profile)).into_iter().map(|state| state.id).collect();
        let is_theirs = |id: &ProfileId| person.contains(id);
        let values: BTreeSet<_> = self
            .owners
            .iter()
            .filter(|(_, owner)| is_theirs(owner))
            .map(|(value, _)| value.clone())
            .collect();
        for value in &values {
            let until = self.erased.entry(value.clone()).or_insert(at);
            *until = (*until).max(at);
        }
        self.owners.retain(|_, owner| !is_theirs(owner));
        self.profiles.retain(|id, _| !is_theirs(id));
        self.merges.retain(|row| !is_theirs(&row.merge.left) && !is_theirs(&row.merge.right));
        self.never_join.retain(|(one, other)| !is_theirs(one) && !is_theirs(other));
        self.blocked.retain(|value| !values.contains(value));
        self.meetings.retain(|(value, met), _| !values.contains(value) && !is_theirs(met));
        self.conflicts.retain(|_, ConflictRow { conflict, .. }| {
            let value = (conflict.identifier.kind.as_str().to_owned(), conflict.identifier.value.clone());
            !is_theirs(&conflict.profile) && !is_theirs(&conflict.other) && !values.contains(&value)
        });
        self.evidence.retain(|row| !is_theirs(&row.profile));
        self.decisions.retain(|(_, decision)| !decision.profile.as_ref().is_some_and(is_theirs));
        self.gone.extend(person);
    }

    /// Takes a never-join pair away; what it closed is open again.
    pub(crate) fn lift(&mut self, pair: (ProfileId, ProfileId)) {
        self.never_join.remove(&pair);
        for row in self.conflicts.values_mut().filter(|row| row.pair == Some(pair)) {
            (row.state, row.pair) = (ConflictState::Open, None);
        }
    }

    /// Writes what a decision about a conflict came to.
    pub(crate) fn decided(
        &mut self,
        conflict: [u8; 16],
        decided: Decided,
        mut view: View,
    ) -> Result<(), String> {
        if let Some((one, other)) = decided.joined {
            let between = |pair: &(ProfileId, ProfileId)| {
                let sides = (self.live(pair.0), self.live(pair.1));
                sides == (one, other) || sides == (other, one)
            };
            let gone: Vec<_> = self.never_join.iter().filter(|pair| between(pair)).copied().collect();
            gone.into_iter().for_each(|pair| self.lift(pair));
        }
        let before = self.merges.len();
        self.write(view.take_changes())?;
        for row in &mut self.merges[before..] {
            row.accepted = Some(conflict);
        }
        self.never_join.extend(decided.pair);
        let row = self.conflicts.get_mut(&conflict).unwrap();
        (row.state, row.pair) = (decided.state, decided.pair);
        Ok(())
    }

    /// Writes a batch, as one transaction with unique keys.
    pub(crate) fn write(&mut self, changes: Changes) -> Result<(), String> {
        for new in changes.identifiers {
            let key = (new.identifier.kind.as_str().to_owned(), new.identifier.value);
            if self.owners.insert(key.clone(), new.profile).is_some() {
                return Err(format!("{key:?} got a second owner"));
            }
        }
        for change in changes.profiles {
            let (state, row) = (&change.state, self.profiles.get(&change.state.id));
            if row.is_some() == change.is_new {
                return Err(format!("{} is new: {}", state.id, change.is_new));
            }
            self.profiles.insert(state.id, ProfileRow::of(state));
        }
        for repoint in changes.repoints {
            let aliases = self.profiles.values_mut().filter(|row| row.merged_into == Some(repoint.from));
            aliases.for_each(|row| row.merged_into = Some(repoint.to));
        }
        for merge in changes.merges {
            if self.merges.iter().any(|row| row.merge.id == merge.id) {
                return Err(format!("{} is there twice", merge.id));
            }
            self.merges.push(MergeRow { merge, in_force: true, accepted: None });
        }
        for meeting in changes.meetings {
            let Identifier { kind, value, .. } = meeting.identifier;
            self.meetings.insert(((kind.as_str().to_owned(), value), meeting.person), meeting.at);
        }
        for Identifier { kind, value, .. } in changes.quarantines.into_iter().map(|row| row.identifier) {
            self.blocked.insert((kind.as_str().to_owned(), value));
        }
        self.evidence.extend(changes.evidence);
        for conflict in changes.conflicts {
            let known = self.conflicts.entry(conflict.fingerprint());
            known
                .and_modify(|known| {
                    known.conflict.last = conflict.last;
                    known.conflict.count += conflict.count;
                })
                .or_insert(ConflictRow { conflict, state: ConflictState::Open, pair: None });
        }
        Ok(())
    }

    /// A person is the sum of their parts, each of which holds the identifiers that are attached to it; and parts and
    /// merges in force are a tree.
    fn sums(&self) -> Result<(), String> {
        for (live, row) in self.profiles.iter().filter(|(_, row)| row.merged_into.is_none()) {
            let person = self.person(*live);
            if row.own.is_some() != (person.len() > 1) {
                return Err(format!("{live} has {} aliases, but {row:?}", person.len() - 1));
            }
            let ties = self.merges.iter().filter(|row| row.in_force && self.live(row.merge.left) == *live);
            if ties.count() + 1 != person.len() {
                return Err(format!("{live} has not one tie less than it has parts"));
            }
            let mut traits = BTreeMap::new();
            for part in person.iter().map(ProfileState::part) {
                for (name, write) in part.traits.iter() {
                    let order = (write.time, write.sequence, write.value.as_ref().map(ToString::to_string));
                    let latest =
                        traits.entry(name.to_owned()).or_insert_with(|| (order.clone(), write.clone()));
                    if latest.0 < order {
                        *latest = (order, write.clone());
                    }
                }
            }
            let whole = self.state(*live).traits;
            let whole: BTreeMap<_, _> =
                whole.iter().map(|(name, write)| (name.to_owned(), write.clone())).collect();
            if whole != traits.into_iter().map(|(name, (_, write))| (name, write)).collect() {
                return Err(format!("{live} is not the sum of its parts"));
            }
        }
        for id in self.profiles.keys() {
            let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
            for ((kind, _), _) in self.owners.iter().filter(|(_, owner)| *owner == id) {
                *expected.entry(kind).or_default() += 1;
            }
            let part = self.state(*id).part();
            if part.held.counts().map(|(kind, count)| (kind.as_str(), count)).ne(expected) {
                return Err(format!("{id} does not hold alone what is attached to it"));
            }
        }
        Ok(())
    }

    /// What must hold of the rows of any tenant at any time.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.sums()?;
        for (id, row) in &self.profiles {
            if let Some(live) = row.merged_into {
                let winner =
                    self.profiles.get(&live).ok_or_else(|| format!("{id} is an alias of nothing"))?;
                if winner.merged_into.is_some() {
                    return Err(format!("{id} is an alias of an alias"));
                }
                if (winner.created_seq, live) > (row.created_seq, *id) {
                    return Err(format!("{id} is older than {live}, into which it was merged"));
                }
                continue;
            }
            let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for ((kind, value), _) in self.owners.iter().filter(|(_, owner)| self.live(**owner) == *id) {
                expected.entry(kind.clone()).or_default().insert(value.clone());
            }
            let held = self.held(*id);
            let counts: Vec<_> = held.counts().map(|(kind, count)| (kind.as_str(), count)).collect();
            if counts
                != expected
                    .iter()
                    .map(|(kind, values)| (kind.as_str(), values.len() as u64))
                    .collect::<Vec<_>>()
            {
                return Err(format!("{id} holds {counts:?} but owns {expected:?}"));
            }
            for (kind, values) in expected {
                let kind = IdentifierType::parse(&kind).unwrap();
                if held.values(&kind).next().is_some() && held.values(&kind).ne(&values) {
                    return Err(format!("{id} does not hold the {kind} that it owns"));
                }
            }
        }
        Ok(())
    }
}

impl ProfileRow {
    fn of(state: &ProfileState) -> Self {
        Self {
            created_at: state.created_at,
            created_seq: state.created_seq,
            merged_into: state.merged_into,
            held: serde_json::to_string(&state.held).unwrap(),
            traits: serde_json::to_string(&state.traits).unwrap(),
            own: state.own.as_ref().map(|own| serde_json::to_string(own).unwrap()),
        }
    }
}

impl fmt::Debug for Rows {
    /// All rows, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((kind, value), owner) in &self.owners {
            writeln!(f, "identifier {kind} {value} -> {owner}")?;
        }
        for (id, row) in &self.profiles {
            writeln!(f, "profile {id} {row:?}")?;
        }
        for merge in &self.merges {
            writeln!(f, "merge {merge:?} by {}", json(&merge.merge.by))?;
        }
        for (fingerprint, conflict) in &self.conflicts {
            writeln!(f, "conflict {fingerprint:x?} {conflict:?} {}", json(&conflict.conflict.identifier))?;
        }
        for row in &self.evidence {
            writeln!(f, "evidence {:?} {} {}", row.occasion, row.profile, json(&row.steps))?;
        }
        for (event, decision) in &self.decisions {
            writeln!(f, "event {event} {}", json(decision))?;
        }
        Ok(())
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}
