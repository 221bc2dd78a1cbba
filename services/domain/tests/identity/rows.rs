//! One tenant's rows, as a store would keep them: texts and ids only, with the constraints of a database.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use tributary_domain::{
    id::{EventId, MessageId, ProfileId},
    identity::{
        Changes, Conflict, Decision, EvidenceRow, Held, Identifier, IdentifierType, Merge, ProfileState, View,
    },
    time::Timestamp,
};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProfileRow {
    pub(crate) created_at: Timestamp,
    pub(crate) created_seq: u64,
    pub(crate) merged_into: Option<ProfileId>,
    pub(crate) held: String,
    pub(crate) traits: String,
}

#[derive(Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) messages: BTreeSet<MessageId>,
    /// The places in the log of the commands that were applied.
    pub(crate) commands: BTreeSet<u64>,
    pub(crate) decisions: Vec<(EventId, Decision)>,
    pub(crate) owners: BTreeMap<(String, String), ProfileId>,
    pub(crate) profiles: BTreeMap<ProfileId, ProfileRow>,
    pub(crate) merges: Vec<Merge>,
    pub(crate) conflicts: BTreeMap<[u8; 16], Conflict>,
    pub(crate) evidence: Vec<EvidenceRow>,
    pub(crate) never_join: Vec<(ProfileId, ProfileId)>,
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
        }
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
            let row = ProfileRow {
                created_at: state.created_at,
                created_seq: state.created_seq,
                merged_into: state.merged_into,
                held: serde_json::to_string(&state.held).unwrap(),
                traits: serde_json::to_string(&state.traits).unwrap(),
            };
            self.profiles.insert(state.id, row);
        }
        for repoint in changes.repoints {
            let aliases = self.profiles.values_mut().filter(|row| row.merged_into == Some(repoint.from));
            aliases.for_each(|row| row.merged_into = Some(repoint.to));
        }
        self.merges.extend(changes.merges);
        self.evidence.extend(changes.evidence);
        for conflict in changes.conflicts {
            let known = self.conflicts.entry(conflict.fingerprint());
            known
                .and_modify(|known| {
                    known.last = conflict.last;
                    known.count += conflict.count;
                })
                .or_insert(conflict);
        }
        Ok(())
    }

    /// What must hold of the rows of any tenant at any time.
    pub(crate) fn check(&self) -> Result<(), String> {
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
            writeln!(f, "merge {merge:?} by {}", json(&merge.by))?;
        }
        for (fingerprint, conflict) in &self.conflicts {
            writeln!(f, "conflict {fingerprint:x?} {conflict:?} {}", json(&conflict.identifier))?;
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
