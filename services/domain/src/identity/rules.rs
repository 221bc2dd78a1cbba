//! The rules that a join has to keep.

use std::{collections::BTreeSet, fmt, sync::Arc};

use super::{Class, Guard, Held, Identifier, IdentifierType, Refusal};

/// The version of the rules as they are written here: kept with what was decided by them. A change of what a rule means
/// raises it.
pub const RULES_VERSION: i32 = 1;

/// A tenant's rules for joins.
#[derive(Clone, PartialEq, Eq)]
pub struct Rules {
    /// How many values of one strong type joins may bring together on a profile; 0 is taken as 1.
    pub strong_limit: u32,
    /// How many values of one strong type weak evidence may bring together on a profile; 0 is taken as 1: none that were
    /// apart.
    pub weak_limit: u32,
    /// Normalised values that are no evidence: blocked by a person, or in quarantine.
    pub blocked: Arc<BTreeSet<(IdentifierType, String)>>,
    /// What quarantines a value.
    pub guard: Guard,
}

impl Rules {
    /// Whether this value is no evidence.
    pub(super) fn blocks(&self, identifier: &Identifier) -> bool {
        !self.blocked.is_empty()
            && self.blocked.contains(&(identifier.kind.clone(), identifier.value.clone()))
    }

    /// Which rule forbids that `left` and `right` become one profile because of evidence of class `link`; where
    /// several do, the first of [`Refusal`].
    ///
    /// A value has one owner, so a type that both sides hold would bring different values together; a type that only
    /// one side holds brings nothing together that was apart.
    pub(super) fn refusal(&self, left: &Held, right: &Held, link: Class) -> Option<Refusal> {
        let limit = self.strong_limit.max(1) as usize;
        let weak_limit = self.weak_limit.max(1) as usize;
        left.shared_types(right)
            .filter_map(|(kind, values)| match kind.class() {
                Class::Unique => Some(Refusal::UniqueValue),
                _ if link == Class::Weak && values > weak_limit => Some(Refusal::WeakEvidence),
                _ => (values > limit).then_some(Refusal::StrongLimit),
            })
            .min()
    }
}

impl fmt::Debug for Rules {
    /// Does not tell the blocked values, which may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("strong_limit", &self.strong_limit)
            .field("weak_limit", &self.weak_limit)
            .field("blocked", &self.blocked.len())
            .field("guard", &self.guard)
            .finish()
    }
}
