//! What a batch changed: the rows to write.

use std::mem;

use sha2::{Digest, Sha256};

use super::{Identifier, Meeting, ProfileState, Quarantine, Refusal, Step};
use crate::{
    id::{EventId, MergeId, ProfileId},
    time::Timestamp,
};

/// Everything that has to be written after a batch, in one transaction: first the rows, then the repoints.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Identifiers that were attached, in the order of the log.
    pub identifiers: Vec<NewIdentifier>,
    /// Profiles that were made or are different now, by id.
    pub profiles: Vec<ProfileChange>,
    /// Merges in the order of the log.
    pub merges: Vec<Merge>,
    /// Aliases to move; in any order, after the profiles.
    pub repoints: Vec<Repoint>,
    /// Conflicts, each once, by fingerprint.
    pub conflicts: Vec<Conflict>,
    /// One row for each event that changed identity, in the order of the log.
    pub evidence: Vec<EvidenceRow>,
    /// Whom values met, each pair once.
    pub meetings: Vec<Meeting>,
    /// Values that are no evidence any more, in the order of the log.
    pub quarantines: Vec<Quarantine>,
}

impl Changes {
    /// Takes a part out: up to `most` of the profiles, of the identifiers and of the evidence, and all of the rest with
    /// the last of them. None when nothing is left.
    pub fn take_part(&mut self, most: usize) -> Option<Self> {
        if *self == Self::default() {
            return None;
        }
        let is_last = [self.profiles.len(), self.identifiers.len(), self.evidence.len()]
            .into_iter()
            .all(|rows| rows <= most);
        if is_last {
            return Some(mem::take(self));
        }
        Some(Self {
            profiles: front(&mut self.profiles, most),
            identifiers: front(&mut self.identifiers, most),
            evidence: front(&mut self.evidence, most),
            ..Self::default()
        })
    }
}

/// The first `most` of `rows`, taken out.
fn front<T>(rows: &mut Vec<T>, most: usize) -> Vec<T> {
    rows.drain(..most.min(rows.len())).collect()
}

/// Which event, when: the origin of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// The event.
    pub event: EventId,
    /// The place of its message in the log.
    pub sequence: u64,
    /// When its message was accepted.
    pub at: Timestamp,
}

/// An identifier that belongs to somebody from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIdentifier {
    /// The identifier, with its raw value.
    pub identifier: Identifier,
    /// The profile it was attached to, which may be an alias: the part of the person that the event's strongest
    /// identifier is attached to. It stays so in the row whatever that profile becomes.
    pub profile: ProfileId,
    /// The event that brought it.
    pub occasion: Occasion,
}

/// A profile that was made or is different now.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileChange {
    /// The whole state after the batch.
    pub state: ProfileState,
    /// Whether there is no row of it yet.
    pub is_new: bool,
}

/// Two profiles that became one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Its id.
    pub id: MergeId,
    /// The profile that stays.
    pub winner: ProfileId,
    /// The profile that became an alias.
    pub loser: ProfileId,
    /// The part of one of them that the event's strongest identifier is attached to.
    pub left: ProfileId,
    /// The part of the other that the identifier is attached to that showed it.
    pub right: ProfileId,
    /// The identifier that showed it, without its raw value.
    pub by: Identifier,
    /// The event that showed it.
    pub occasion: Occasion,
}

/// Every stored profile with `merged_into = from` gets `merged_into = to`, so that aliases stay one step deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repoint {
    /// A profile that became an alias in this batch.
    pub from: ProfileId,
    /// The live profile it is an alias of after the batch.
    pub to: ProfileId,
}

/// A join that was refused, once or more often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The rule that refused it.
    pub rule: Refusal,
    /// The identifier that would have joined, without its raw value.
    pub identifier: Identifier,
    /// The profile that the event landed on.
    pub profile: ProfileId,
    /// The owner of the identifier; the same as `profile` where nobody owns it.
    pub other: ProfileId,
    /// When it came up first in this batch.
    pub first: Occasion,
    /// When it came up last in this batch.
    pub last: Occasion,
    /// How often it came up in this batch; to be added to what is stored under the fingerprint.
    pub count: u64,
}

impl Conflict {
    /// The same for the same rule, identifier and profiles, whenever it comes up: the key under which a conflict is
    /// counted instead of repeated.
    pub fn fingerprint(&self) -> [u8; 16] {
        let mut hasher = Sha256::new();
        hasher.update(self.profile.bits().to_be_bytes());
        hasher.update(self.other.bits().to_be_bytes());
        for text in [self.rule.as_str(), self.identifier.kind.as_str(), &self.identifier.value] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&digest[..16]);
        fingerprint
    }
}

/// What an event changed; outlives the event's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// The event.
    pub occasion: Occasion,
    /// The profile it landed on.
    pub profile: ProfileId,
    /// The steps that changed something.
    pub steps: Vec<Step>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{MessageId, WorkflowId};

    #[test]
    fn parts_add_up_to_the_whole_and_repoints_go_last() {
        let profile = |number| ProfileId::new(1, number);
        let evidence = |number| EvidenceRow {
            occasion: Occasion {
                event: EventId::derive(MessageId::new(1, number), WorkflowId::new(1, 1), 0),
                sequence: 7,
                at: Timestamp::from_micros(1),
            },
            profile: profile(number),
            steps: Vec::new(),
        };
        let whole = Changes {
            evidence: (0..7).map(evidence).collect(),
            repoints: vec![Repoint { from: profile(1), to: profile(2) }],
            ..Changes::default()
        };
        let mut rest = whole.clone();
        let parts: Vec<Changes> = std::iter::from_fn(|| rest.take_part(3)).collect();
        assert_eq!(parts.iter().map(|part| part.evidence.len()).collect::<Vec<_>>(), [3, 3, 1]);
        assert_eq!(parts.iter().map(|part| part.repoints.len()).collect::<Vec<_>>(), [0, 0, 1]);
        let evidence: Vec<EvidenceRow> = parts.into_iter().flat_map(|part| part.evidence).collect();
        assert_eq!(evidence, whole.evidence);
        assert_eq!(rest.take_part(3), None);
    }
}
