//! What a profile holds, as far as the rules need to know it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{Class, Identifier, IdentifierType};

/// The values of unique and strong types, and how many there are of the weak ones: a shared browser may have
/// thousands of those, and no rule asks which.
///
/// As JSON: `{"cluid":3,"email":["a@example.com"]}`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Held(BTreeMap<IdentifierType, OfType>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum OfType {
    Values(BTreeSet<String>),
    Count(u64),
}

impl OfType {
    fn len(&self) -> u64 {
        match self {
            Self::Values(values) => values.len() as u64,
            Self::Count(count) => *count,
        }
    }
}

impl Held {
    /// What a profile holds that has just this identifier.
    pub(super) fn only(identifier: &Identifier) -> Self {
        let of_type = match identifier.kind.class() {
            Class::Weak => OfType::Count(1),
            Class::Strong | Class::Unique => OfType::Values(BTreeSet::from([identifier.value.clone()])),
        };
        Self(BTreeMap::from([(identifier.kind.clone(), of_type)]))
    }

    /// Takes over what `other` holds. Nothing belongs to both, since a value has one owner.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (kind, theirs) in &other.0 {
            match (self.0.get_mut(kind), theirs) {
                (Some(OfType::Values(ours)), OfType::Values(theirs)) => ours.extend(theirs.iter().cloned()),
                (Some(OfType::Count(ours)), OfType::Count(theirs)) => *ours += theirs,
                // A type has one class for ever, so it is never kept in both ways.
                (Some(OfType::Values(_)), OfType::Count(_)) | (Some(OfType::Count(_)), OfType::Values(_)) => {
                }
                (None, theirs) => {
                    self.0.insert(kind.clone(), theirs.clone());
                }
            }
        }
    }

    /// The types of which both hold values, and how many values they would have together. Weak types are not among
    /// them.
    pub(super) fn shared_types<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a IdentifierType, usize)> {
        other.0.iter().filter_map(|(kind, theirs)| match (self.0.get(kind), theirs) {
            (Some(OfType::Values(ours)), OfType::Values(theirs)) => Some((kind, ours.len() + theirs.len())),
            _ => None,
        })
    }

    /// How many identifiers of this type there are.
    pub fn count(&self, kind: &IdentifierType) -> u64 {
        self.0.get(kind).map_or(0, OfType::len)
    }

    /// The values of this type in order; none for weak types, whose values are not kept here.
    pub fn values(&self, kind: &IdentifierType) -> impl Iterator<Item = &str> {
        let values = match self.0.get(kind) {
            Some(OfType::Values(values)) => Some(values),
            _ => None,
        };
        values.into_iter().flatten().map(String::as_str)
    }

    /// The types of which there is at least one, with their counts.
    pub fn counts(&self) -> impl Iterator<Item = (&IdentifierType, u64)> {
        self.0.iter().map(|(kind, of_type)| (kind, of_type.len()))
    }
}

impl fmt::Debug for Held {
    /// Names no person: values are only counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.counts().map(|(kind, count)| (kind.as_str(), count))).finish()
    }
}
