//! The secrets of a destination, opened.

use std::{collections::BTreeMap, fmt};

/// Secrets by their name. A name can have several active values while one is being replaced by another.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Vec<String>>);

impl Secrets {
    /// The active values of `name`, in the order in which they were given.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// All names, in order, and their active values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

impl FromIterator<(String, String)> for Secrets {
    /// Collects (name, value) pairs; a name may come more than once.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut all = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in pairs {
            all.entry(name).or_default().push(value);
        }
        Self(all)
    }
}

impl fmt::Debug for Secrets {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
