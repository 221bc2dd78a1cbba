//! Pairs of profiles that are never joined.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::ProfileId;

/// Both directions of every pair, by live profile.
#[derive(Debug, Clone, Default)]
pub(super) struct NeverJoin(BTreeMap<ProfileId, BTreeSet<ProfileId>>);

impl NeverJoin {
    pub(super) fn insert(&mut self, one: ProfileId, other: ProfileId) {
        self.0.entry(one).or_default().insert(other);
        self.0.entry(other).or_default().insert(one);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn forbids(&self, one: ProfileId, other: ProfileId) -> bool {
        self.0.get(&one).is_some_and(|others| others.contains(&other))
    }

    /// What held for `alias` holds for `live` from now on.
    pub(super) fn redirect(&mut self, alias: ProfileId, live: ProfileId) {
        for other in self.0.remove(&alias).unwrap_or_default() {
            if let Some(others) = self.0.get_mut(&other) {
                others.remove(&alias);
            }
            self.insert(live, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_follows_both_of_its_sides() {
        let [one, two, three, four] = [1, 2, 3, 4].map(|bits| ProfileId::new(0, bits));
        let mut pairs = NeverJoin::default();
        pairs.insert(one, two);
        pairs.redirect(one, three);
        pairs.redirect(two, four);
        assert!(pairs.forbids(three, four) && pairs.forbids(four, three));
        assert!(!pairs.forbids(one, two) && !pairs.forbids(three, two));
    }
}
