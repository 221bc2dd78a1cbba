//! Identifiers: a type and a normalised value.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a type of identifier proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Joins an anonymous visitor to a person; never brings two people together.
    Weak,
    /// Several values of a type per profile, up to a limit.
    Strong,
    /// At most one value of a type per profile.
    Unique,
}

/// A type of user identifier, such as `email` or `external_id:crm`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentifierType(String);

/// The weak types that are known by name; any other name that is not `email`, `phone` or `external_id:…` is no
/// identifier type.
pub const WEAK_TYPES: [&str; 5] = ["cluid", "fbp", "ga_client_id", "ttp", "anonymous_id"];

impl IdentifierType {
    /// The tag's visitor id.
    pub const CLUID: &'static str = "cluid";
    /// An e-mail address.
    pub const EMAIL: &'static str = "email";
    /// A phone number.
    pub const PHONE: &'static str = "phone";

    /// The type of this name; nothing when there is none such. External ids are `external_id:` and 1 to 40 of
    /// `a-z`, `0-9`, `_`.
    pub fn parse(name: &str) -> Option<Self> {
        let known = match name.strip_prefix("external_id:") {
            Some(scheme) => {
                (1..=40).contains(&scheme.len())
                    && scheme
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            }
            None => name == Self::EMAIL || name == Self::PHONE || WEAK_TYPES.contains(&name),
        };
        known.then(|| Self(name.to_owned()))
    }

    /// The name of a type and the value behind it, of an identifier that is written as `email:ann@example.com` or
    /// `external_id:crm:42`; nothing when there is no value, or the type needs one more part.
    pub fn split(text: &str) -> Option<(&str, &str)> {
        let (kind, value) = text.split_once(':')?;
        if kind != "external_id" {
            return Some((kind, value));
        }
        let end = kind.len() + 1 + value.find(':')?;
        Some((&text[..end], &text[end + 1..]))
    }

    /// How much it proves.
    pub fn class(&self) -> Class {
        match self.0.as_str() {
            Self::EMAIL | Self::PHONE => Class::Strong,
            name if name.starts_with("external_id:") => Class::Unique,
            _ => Class::Weak,
        }
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdentifierType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An identifier that passed normalisation and validation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// Its type.
    pub kind: IdentifierType,
    /// The normalised value: what is compared.
    pub value: String,
    /// The value as it came, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl Identifier {
    /// The same without the value as it came: what steps, merges and conflicts keep of it.
    pub(super) fn without_raw(&self) -> Self {
        Self { kind: self.kind.clone(), value: self.value.clone(), raw: None }
    }
}

impl fmt::Debug for Identifier {
    /// Names no person: of the value only its length is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.kind, self.value.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_may_have_a_colon_of_its_own() {
        assert_eq!(IdentifierType::split("email:ann@example.com"), Some(("email", "ann@example.com")));
        assert_eq!(IdentifierType::split("external_id:crm:a:1"), Some(("external_id:crm", "a:1")));
        assert_eq!(IdentifierType::split("external_id:crm"), None);
        assert_eq!(IdentifierType::split("prf_01"), None);
    }
}
