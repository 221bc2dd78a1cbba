//! Taking a merge back: one person becomes two again.
//!
//! Each merge ties two parts of a person: the one that the event's strongest identifier is attached to, and the one that
//! the identifier is attached to that showed it. A merge joins what was apart, so a person's parts and ties are a tree,
//! and without one of its ties it is two. Each side is the sum of its parts, with what came since.

use std::collections::BTreeSet;

use super::{Part, ProfileState};
use crate::id::{MergeId, ProfileId};

/// A merge that is in force: what ties two parts of one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tie {
    /// The merge.
    pub merge: MergeId,
    /// One of the two parts.
    pub left: ProfileId,
    /// The other.
    pub right: ProfileId,
    /// Whether it is known what belongs to each of the two alone; it is not of merges that were made before that was
    /// kept.
    pub is_exact: bool,
}

/// Two people, after a merge was taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Undone {
    /// The two live profiles and all their aliases, as they are now.
    pub profiles: Vec<ProfileState>,
    /// The parts that were tied, each on its side: the pair that must not be joined again by the same evidence.
    pub pair: (ProfileId, ProfileId),
}

/// Why a merge cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotUndo {
    /// The merge is none of this person's that is in force.
    #[error("the merge is not in force (any more)")]
    NotInForce,
    /// It was made before it was kept what belongs to whom.
    #[error("the merge was made by a build that did not keep what belonged to each side")]
    NotKept,
    /// Parts or ties are missing.
    #[error("the person is not known completely: a part has no tie to the others")]
    Incomplete,
}

/// Takes `merge` back. `person` is a live profile with all of its aliases, `ties` are the merges in force between them.
///
/// # Errors
/// When it is not one of `ties`, or what belongs to whom is not known.
pub fn undo(person: &[ProfileState], ties: &[Tie], merge: MergeId) -> Result<Undone, CannotUndo> {
    let tie = ties.iter().find(|tie| tie.merge == merge).ok_or(CannotUndo::NotInForce)?;
    if !tie.is_exact {
        return Err(CannotUndo::NotKept);
    }
    let rest: Vec<&Tie> = ties.iter().filter(|other| other.merge != merge).collect();
    let (left, right) = (side(tie.left, &rest), side(tie.right, &rest));
    let all: BTreeSet<ProfileId> = person.iter().map(|part| part.id).collect();
    if !left.is_disjoint(&right) || left.union(&right).copied().collect::<BTreeSet<_>>() != all {
        return Err(CannotUndo::Incomplete);
    }
    let mut profiles = sum(person, &left);
    profiles.extend(sum(person, &right));
    Ok(Undone { profiles, pair: (tie.left.min(tie.right), tie.left.max(tie.right)) })
}

/// Every part that is tied to this one.
fn side(start: ProfileId, ties: &[&Tie]) -> BTreeSet<ProfileId> {
    let (mut found, mut next) = (BTreeSet::from([start]), vec![start]);
    while let Some(part) = next.pop() {
        for tie in ties {
            let other = match part {
                part if part == tie.left => tie.right,
                part if part == tie.right => tie.left,
                _ => continue,
            };
            if found.insert(other) {
                next.push(other);
            }
        }
    }
    found
}

/// The person that these parts are: the oldest stays, the others are its aliases.
fn sum(person: &[ProfileState], ids: &BTreeSet<ProfileId>) -> Vec<ProfileState> {
    let parts = || person.iter().filter(|part| ids.contains(&part.id));
    let Some(live) = parts().min_by_key(|part| part.age()).map(|part| part.id) else { return Vec::new() };
    let mut whole = Part::default();
    for part in parts().map(ProfileState::part) {
        whole.held.absorb(&part.held);
        whole.traits.merge(&part.traits);
    }
    let become_part = |part: &ProfileState| {
        let own = part.part();
        if part.id != live {
            let (held, traits) = (own.held, own.traits);
            return ProfileState { merged_into: Some(live), held, traits, own: None, ..part.clone() };
        }
        let (held, traits) = (whole.held.clone(), whole.traits.clone());
        let own = (ids.len() > 1).then_some(own);
        ProfileState { merged_into: None, held, traits, own, ..part.clone() }
    };
    parts().map(become_part).collect()
}
