//! The secrets of a destination, opened.

use std::{collections::BTreeMap, fmt};

/// Secrets by their name. A name can have several active values while one is being replaced by another.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    values: BTreeMap<String, Vec<String>>,
    access: String,
}

impl Secrets {
    /// The active values of `name`, in the order in which they were given.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// All names, in order, and their active values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.values.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// The same with the access token that was got with them. It is none of them: nobody enters it, and it is not kept.
    #[must_use]
    pub fn with_access(&self, token: &str) -> Self {
        Self { values: self.values.clone(), access: token.to_owned() }
    }

    /// The same with another value of `name`.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut all = self.clone();
        all.values.insert(name.to_owned(), vec![value.to_owned()]);
        all
    }

    /// The access token that was got with them; empty: none was.
    pub(super) fn access(&self) -> &str {
        &self.access
    }
}

impl FromIterator<(String, String)> for Secrets {
    /// Collects (name, value) pairs; a name may come more than once.
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut values = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in pairs {
            values.entry(name).or_default().push(value);
        }
        Self { values, access: String::new() }
    }
}

impl fmt::Debug for Secrets {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
