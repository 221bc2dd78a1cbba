//! Pairs of profiles that are never joined.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use crate::id::{InvalidId, ProfileId};

/// Two profiles that are kept apart, the smaller first. As text, their ids with a dot between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId {
    /// The smaller.
    pub left: ProfileId,
    /// The larger.
    pub right: ProfileId,
}

impl PairId {
    /// The pair of these two, whichever is named first.
    pub fn of(one: ProfileId, other: ProfileId) -> Self {
        Self { left: one.min(other), right: one.max(other) }
    }
}

impl fmt::Display for PairId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.left, self.right)
    }
}

impl FromStr for PairId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (one, other) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self::of(one.parse()?, other.parse()?))
    }
}

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
    fn a_pair_is_read_as_it_is_written_whichever_is_first() {
        let (one, other) = (ProfileId::new(1, 2), ProfileId::new(1, 1));
        let pair = PairId::of(one, other);
        assert_eq!(pair.to_string().parse(), Ok(pair));
        assert_eq!(format!("{one}.{other}").parse(), Ok(pair));
        assert!("prf_".parse::<PairId>().is_err() && one.to_string().parse::<PairId>().is_err());
    }

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
