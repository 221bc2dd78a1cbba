//! The tag's visitor id: `trb_` and 26 characters of lower-case Crockford base32.
//!
//! It travels in a field that was made for something else (`utm_term`), so that what stands there is often an ad
//! keyword, a sales person's mark or another tool's id. Only our own format is a person.

use std::fmt;

use regex::Regex;
use serde_json::Value;

use super::{placeholder, text};

const PREFIX: &str = "trb_";
const BODY: usize = 26;

/// How much of a value that is no cluid is kept to be shown, in characters.
const SHOWN: usize = 200;

/// What a source found where the cluid should be.
#[derive(Clone, PartialEq, Eq)]
pub enum CluidReading {
    /// A cluid, in normal form.
    Found(String),
    /// Nothing: absent, null or empty.
    Missing,
    /// Something that is not ours, cut to a readable length.
    Foreign(String),
    /// A word or a template marker that stands for nobody, cut to a readable length.
    Placeholder(String),
}

impl CluidReading {
    /// Its stable code: `FOUND`, `MISSING`, `FOREIGN` or `PLACEHOLDER`.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Found(_) => "FOUND",
            Self::Missing => "MISSING",
            Self::Foreign(_) => "FOREIGN",
            Self::Placeholder(_) => "PLACEHOLDER",
        }
    }

    /// The cluid, where one was found.
    pub fn found(&self) -> Option<&str> {
        match self {
            Self::Found(cluid) => Some(cluid),
            _ => None,
        }
    }
}

impl fmt::Debug for CluidReading {
    /// Without the value: people write e-mail addresses into such fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status())
    }
}

/// Reads what stands where the cluid should be. `allowed_foreign` are the formats of other tools' visitor ids that
/// the source takes as they are; each should be anchored at both ends.
pub fn read(value: Option<&Value>, allowed_foreign: &[Regex]) -> CluidReading {
    let raw = match value {
        None | Some(Value::Null) => return CluidReading::Missing,
        Some(Value::String(raw)) => raw.trim().to_owned(),
        Some(other) => return CluidReading::Foreign(shown(&other.to_string())),
    };
    if raw.is_empty() {
        return CluidReading::Missing;
    }
    let Ok(cleaned) = text::clean(&raw) else {
        return CluidReading::Foreign(shown(&raw));
    };
    if placeholder::check(&cleaned).is_err() {
        return CluidReading::Placeholder(shown(&raw));
    }
    match normalise(&cleaned) {
        Some(cluid) => CluidReading::Found(cluid),
        None if allowed_foreign.iter().any(|format| format.is_match(&cleaned)) => {
            CluidReading::Found(cleaned)
        }
        None => CluidReading::Foreign(shown(&raw)),
    }
}

/// The normal form of a clean text that is a cluid.
pub(super) fn normalise(cleaned: &str) -> Option<String> {
    let cluid = cleaned.to_ascii_lowercase();
    let body = cluid.strip_prefix(PREFIX)?;
    let is_base32 =
        |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"ilou".contains(&byte));
    (body.len() == BODY && body.bytes().all(is_base32)).then_some(cluid)
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
