//! What the fold decided about one event, step by step.

use serde::{Deserialize, Serialize};

use super::Identifier;
use crate::id::ProfileId;

/// Whose an event is, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The profile the event lands on; nothing when it has no identifier that counts (*User ID missing*).
    pub profile: Option<ProfileId>,
    /// Whether that profile was made by this event.
    pub created: bool,
    /// How it came to that: what was found, made and joined in the order it happened, then what was refused.
    pub steps: Vec<Step>,
}

/// One step of the fold. The identifiers in it leave out the raw value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The identifier belongs to the event's profile already, or selected it.
    Matched {
        /// The owner.
        profile: ProfileId,
        /// What belongs to it.
        by: Identifier,
    },
    /// Nobody was found: a new profile was made.
    Created {
        /// The new profile.
        profile: ProfileId,
    },
    /// The identifier belonged to nobody and belongs to the event's profile now.
    Attached {
        /// What was attached.
        identifier: Identifier,
    },
    /// Two profiles became one.
    Merged {
        /// The older one, which stays.
        winner: ProfileId,
        /// The younger one, which is an alias now.
        loser: ProfileId,
        /// The identifier that showed that they are one person.
        by: Identifier,
    },
    /// A join that a rule forbids; there is a conflict row for it.
    Refused {
        /// What would have joined.
        identifier: Identifier,
        /// The rule.
        rule: Refusal,
        /// Who owns it; the event's own profile where nobody does.
        other: ProfileId,
    },
    /// The tenant blocked this value: it is no evidence at all.
    Blocked {
        /// The value.
        identifier: Identifier,
    },
}

impl Step {
    /// Whether identity is different after this step.
    pub(super) fn changes_identity(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::Attached { .. } | Self::Merged { .. })
    }
}

/// The rule that a refused join would have broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A person decided that these two are not one.
    NeverJoin,
    /// There would be two values of a type that a profile has one of.
    UniqueValue,
    /// Weak evidence would bring two values of a strong or unique type together.
    WeakEvidence,
    /// There would be more values of a strong type than the tenant allows.
    StrongLimit,
}

impl Refusal {
    /// Its name in rows, logs and interfaces; the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverJoin => "never_join",
            Self::UniqueValue => "unique_value",
            Self::WeakEvidence => "weak_evidence",
            Self::StrongLimit => "strong_limit",
        }
    }
}
