//! What names a person: the identifiers that they were known by, as they can stand in a text.

use std::{collections::HashSet, fmt};

use regex::bytes::{Regex, RegexBuilder};
use serde_json::Value;
use tributary_domain::identity::IdentifierType;

use super::Wanted;
use crate::{StoreError, search::ways};

/// What stands in place of an identifier that was removed from a text that stays.
pub(super) const ERASED: &str = "[erased]";
/// An external id that is shorter stands in many texts that have nothing to do with it.
const SHORTEST_ID: usize = 8;
/// What people write between the digits of a phone number.
const BETWEEN_DIGITS: &str = r"(?:[\s().\-/]|%20|\xc2\xa0){0,3}";

/// Finds a person's identifiers in texts.
pub(super) struct Mentions {
    pattern: Option<Regex>,
    people: HashSet<String>,
}

impl fmt::Debug for Mentions {
    /// Names no person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mentions").field("people", &self.people.len()).finish_non_exhaustive()
    }
}

impl Mentions {
    pub(super) fn of(wanted: &Wanted) -> Result<Self, StoreError> {
        let mut patterns = Vec::new();
        for (kind, value) in &wanted.identifiers {
            if kind.starts_with("external_id:") && value.chars().count() < SHORTEST_ID {
                continue;
            }
            patterns.extend(ways(value).iter().map(|way| regex::escape(way)));
            patterns.push(regex::escape(&percent_encoded(value)));
            if kind == IdentifierType::PHONE {
                let digits: Vec<String> =
                    value.chars().filter(char::is_ascii_digit).map(String::from).collect();
                patterns.push(format!(r"\+?{}", digits.join(BETWEEN_DIGITS)));
            }
        }
        let pattern = (!patterns.is_empty()).then(|| {
            RegexBuilder::new(&patterns.join("|")).case_insensitive(true).size_limit(64 << 20).build()
        });
        let pattern = pattern.transpose().map_err(|_| StoreError::Other {
            message: "the person has too many identifiers to be looked for at once".to_owned(),
        })?;
        Ok(Self { pattern, people: wanted.people.iter().map(ToString::to_string).collect() })
    }

    /// Whether a text names the person, and not somebody whose identifier only contains theirs.
    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        let Some(pattern) = &self.pattern else { return false };
        let mut from = 0;
        while let Some(found) = pattern.find_at(text, from) {
            if begins_there(text, found.start()) && ends_there(text, found.end()) {
                return true;
            }
            from = found.start() + 1;
        }
        false
    }

    /// Whether this is one of the person's profiles.
    pub(super) fn is_profile(&self, id: &str) -> bool {
        self.people.contains(id)
    }

    /// Takes the person out of a value: each text that names them is replaced as a whole. Says whether there was any.
    pub(super) fn redact(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => {
                let is_named = self.are_in(text.as_bytes());
                if is_named {
                    ERASED.clone_into(text);
                }
                is_named
            }
            Value::Number(number) => {
                let is_named = self.are_in(number.to_string().as_bytes());
                if is_named {
                    *value = Value::Null;
                }
                is_named
            }
            Value::Array(items) => items.iter_mut().fold(false, |found, item| self.redact(item) | found),
            Value::Object(fields) => {
                fields.values_mut().fold(false, |found, field| self.redact(field) | found)
            }
            Value::Null | Value::Bool(_) => false,
        }
    }
}

/// As it stands in a URL.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02x}"));
        }
    }
    encoded
}

/// Whether what begins at `start` is no longer identifier's end. Escapes of JSON and URLs end in letters and digits too.
fn begins_there(text: &[u8], start: usize) -> bool {
    let before = &text[..start];
    let Some(last) = before.last() else { return true };
    let is_part = last.is_ascii_alphanumeric() || b"._-".contains(last);
    let is_escape = |length: usize, begins: u8| {
        before.len() >= length
            && before[before.len() - length] == begins
            && before[before.len() - length + 1..].iter().all(u8::is_ascii_hexdigit)
    };
    let is_json = before.len() >= 2 && before[before.len() - 2] == b'\\' && b"nrtbf".contains(last);
    let is_unicode = before.len() >= 6
        && before[before.len() - 6..].starts_with(b"\\u")
        && before[before.len() - 4..].iter().all(u8::is_ascii_hexdigit);
    !is_part || is_json || is_unicode || is_escape(3, b'%')
}

/// Whether what ends at `end` does not go on, as `a@example.com` does in `a@example.community`.
fn ends_there(text: &[u8], end: usize) -> bool {
    match &text[end..] {
        [b'.', next, ..] => !next.is_ascii_alphanumeric(),
        [next, ..] => !next.is_ascii_alphanumeric() && *next != b'-' && *next != b'_',
        [] => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mentions(identifiers: &[(&str, &str)]) -> Mentions {
        let identifiers =
            identifiers.iter().map(|(kind, value)| ((*kind).to_owned(), (*value).to_owned())).collect();
        Mentions::of(&Wanted { people: Vec::new(), identifiers }).expect("a pattern")
    }

    #[test]
    fn identifiers_are_found_however_they_are_written() {
        let person = mentions(&[
            ("email", "ann.o'neil@example.com"),
            ("phone", "+14045550142"),
            ("cluid", "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"),
            ("external_id:crm", "CUST-0042"),
        ]);
        for text in [
            r#"{"email":"Ann.O'Neil@Example.com"}"#,
            r#"{"text":"write to\nann.o'neil@example.com, please"}"#,
            r#"{"text":"\u00e9ann.o'neil@example.com."}"#,
            "https://x.example/?e=ann.o%27neil%40example.com&x=1",
            r#"{"phone":"+1 404-555-0142"}"#,
            r#"{"phone":"1 (404) 555 0142"}"#,
            r#"{"phone":14045550142}"#,
            r#"{"utm_term":"trb_01h8xkq7v2m3n4p5r6s7t8v9w0"}"#,
            r#"{"customer":"cust-0042"}"#,
        ] {
            assert!(person.are_in(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_peoples_identifiers_are_not_taken_for_theirs() {
        let person =
            mentions(&[("email", "ann@example.com"), ("phone", "+14045550142"), ("external_id:crm", "42")]);
        for text in [
            "joann@example.com",
            "jo.ann@example.com",
            "ann@example.community",
            "ann@example.com.au",
            "140455501420",
            "114045550142",
            r#"{"customer":"42"}"#,
        ] {
            assert!(!person.are_in(text.as_bytes()), "{text}");
        }
        let both = "joann@example.com, ann@example.com";
        assert!(person.are_in(both.as_bytes()), "what is found first is somebody else");
        assert!(!mentions(&[]).are_in(b"anything"));
    }

    #[test]
    fn only_the_texts_that_name_them_are_replaced() {
        let person = mentions(&[("email", "ann@example.com"), ("phone", "+14045550142")]);
        let mut value = json!({"a": ["ann@example.com", "bob@example.com"], "n": 14_045_550_142_u64, "x": 7});
        assert!(person.redact(&mut value));
        assert_eq!(value, json!({"a": [ERASED, "bob@example.com"], "n": null, "x": 7}));
        assert!(!person.redact(&mut value));
    }
}
