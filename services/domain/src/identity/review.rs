//! What a person decides about a join that a rule refused.

use super::{Identifier, Merge, MissingProfile, Occasion, Rules, View};
use crate::id::{MergeId, ProfileId};

/// What a person says of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// These two are one person, whatever the rules say; a value that found no room on a profile belongs to it.
    Accept,
    /// They stay as they are: the rules have the last word, also when the same comes again.
    Refuse,
    /// They are two people, and no evidence may join them.
    NeverAgain,
}

/// How far a conflict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictState {
    /// Nobody decided it.
    Open,
    /// The two became one person.
    Accepted,
    /// They stay apart by the rule.
    Refused,
    /// They stay apart by a never-join pair.
    NeverJoin,
}

impl ConflictState {
    /// Its name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Accepted => "ACCEPTED",
            Self::Refused => "REFUSED",
            Self::NeverJoin => "NEVER_JOIN",
        }
    }

    /// The state with this name in rows.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::Open, Self::Accepted, Self::Refused, Self::NeverJoin];
        all.into_iter().find(|state| state.as_str() == name)
    }
}

/// A conflict that is to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disputed {
    /// The identifier that would have joined.
    pub identifier: Identifier,
    /// The profile that the event landed on, as it was called then.
    pub profile: ProfileId,
    /// The owner of the identifier, as it was called then; the same as `profile` where nobody owned it.
    pub other: ProfileId,
    /// How far it is.
    pub state: ConflictState,
}

/// What a decision came to, beside what changed in the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// How far the conflict is now.
    pub state: ConflictState,
    /// The two live profiles that became one: no never-join pair between them is in force any more.
    pub joined: Option<(ProfileId, ProfileId)>,
    /// The pair that must not be joined from now on, the smaller first.
    pub pair: Option<(ProfileId, ProfileId)>,
}

/// Why a conflict cannot be decided like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotDecide {
    /// It was accepted.
    #[error("the conflict was accepted: undo its merge to part them again")]
    Accepted,
    /// It was closed by a never-join pair.
    #[error("the conflict was closed by a never-join pair: lift the pair to decide it again")]
    NeverJoin,
    /// There are no two people that could be kept apart.
    #[error("the conflict is not (any more) between two people: there is nobody to keep apart")]
    OnePerson,
    /// The value is no evidence.
    #[error("the value is blocked and belongs to nobody: unblock it first")]
    Blocked,
    /// One of the profiles is gone.
    #[error("a profile of the conflict is gone")]
    Gone,
}

impl From<MissingProfile> for CannotDecide {
    fn from(_: MissingProfile) -> Self {
        Self::Gone
    }
}

impl View {
    /// Decides a conflict. The view has to know both profiles, the owner of the identifier, and what those were merged
    /// into; `merge` is the id of the merge that may come of it.
    ///
    /// # Errors
    /// When it cannot be decided like that; nothing is changed then.
    pub fn decide(
        &mut self,
        rules: &Rules,
        disputed: &Disputed,
        verdict: Verdict,
        merge: MergeId,
        occasion: Occasion,
    ) -> Result<Decided, CannotDecide> {
        match disputed.state {
            ConflictState::Accepted => return Err(CannotDecide::Accepted),
            ConflictState::NeverJoin => return Err(CannotDecide::NeverJoin),
            ConflictState::Open | ConflictState::Refused => {}
        }
        match verdict {
            Verdict::Accept => self.accept(rules, disputed, merge, occasion),
            Verdict::Refuse => Ok(Decided { state: ConflictState::Refused, joined: None, pair: None }),
            Verdict::NeverAgain => {
                let (left, right) = (disputed.profile, disputed.other);
                if self.live(left)? == self.live(right)? {
                    return Err(CannotDecide::OnePerson);
                }
                let pair = Some((left.min(right), left.max(right)));
                Ok(Decided { state: ConflictState::NeverJoin, joined: None, pair })
            }
        }
    }

    fn accept(
        &mut self,
        rules: &Rules,
        disputed: &Disputed,
        merge: MergeId,
        occasion: Occasion,
    ) -> Result<Decided, CannotDecide> {
        let left = disputed.profile;
        let right = if disputed.other != left {
            Some(disputed.other)
        } else {
            self.owner(&disputed.identifier)?.map(|owner| owner.part)
        };
        let ours = self.live(left)?;
        let mut joined = None;
        match right {
            Some(right) => {
                let theirs = self.live(right)?;
                if ours != theirs {
                    let (winner, loser) = self.by_age(ours, theirs)?;
                    let by = disputed.identifier.without_raw();
                    self.merge(Merge { id: merge, winner, loser, left, right, by, occasion });
                    joined = Some((ours, theirs));
                }
            }
            None if self.blocks(rules, &disputed.identifier) => return Err(CannotDecide::Blocked),
            None => self.attach(&disputed.identifier, left, occasion),
        }
        Ok(Decided { state: ConflictState::Accepted, joined, pair: None })
    }
}
