//! Text that a body has to contain.
//!
//! A body is JSON as its sender wrote it, so that one text can stand there in several ways: as it is, with its quotes
//! and backslashes escaped, with `/` as `\/`, or with everything beyond ASCII as `\u00e9`. A person who searches means
//! all of them, in whatever case.

use std::{collections::BTreeSet, fmt};

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest text that is searched for, in characters.
const LONGEST: usize = 200;

/// A text to be found in bodies.
#[derive(Clone)]
pub struct TextPattern {
    text: String,
    pattern: Regex,
}

impl TextPattern {
    /// A pattern that finds `text` in any case; nothing for an empty text, or one of more than 200 characters.
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() || text.chars().count() > LONGEST {
            return None;
        }
        let ways: Vec<String> = ways(text).iter().map(|way| regex::escape(way)).collect();
        let pattern = RegexBuilder::new(&ways.join("|")).case_insensitive(true).build().ok()?;
        Some(Self { text: text.to_owned(), pattern })
    }

    /// Whether `body` contains the text.
    pub fn is_in(&self, body: &[u8]) -> bool {
        self.pattern.is_match(body)
    }
}

impl Serialize for TextPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for TextPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| de::Error::custom("not a text that can be searched for"))
    }
}

impl fmt::Debug for TextPattern {
    /// Without the text: people search for names and addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TextPattern(…)")
    }
}

/// All the ways in which a text can stand in JSON. Escapes of capitals and of small letters differ, so that each case
/// has a way of its own.
pub(crate) fn ways(text: &str) -> BTreeSet<String> {
    let mut ways = BTreeSet::from([text.to_owned()]);
    for cased in [text.to_owned(), text.to_lowercase(), text.to_uppercase()] {
        let quoted = serde_json::Value::from(cased).to_string();
        let inner = quoted[1..quoted.len() - 1].to_owned();
        ways.insert(ascii(&inner));
        ways.insert(inner);
    }
    let slashes: Vec<String> =
        ways.iter().filter(|way| way.contains('/')).map(|way| way.replace('/', "\\/")).collect();
    ways.extend(slashes);
    ways
}

/// The text with everything beyond ASCII escaped, as JSON does it.
fn ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str, body: &str) -> bool {
        TextPattern::new(text).expect("a pattern").is_in(body.as_bytes())
    }

    #[test]
    fn text_is_found_in_any_case_and_however_json_writes_it() {
        for (text, body) in [
            ("ann@example.com", r#"{"email":"Ann@Example.com"}"#),
            ("JOSÉ", r#"{"name":"José"}"#),
            ("josé", r#"{"name":"JOS\u00C9"}"#),
            ("José", r#"{"name":"Jos\u00e9"}"#),
            ("😀", r#"{"mood":"\ud83d\ude00"}"#),
            ("https://x.example/a", r#"{"url":"https:\/\/x.example\/a"}"#),
            (r#"say "hi""#, r#"{"text":"Say \"Hi\""}"#),
            (r#""event":"a""#, r#"{"event":"a"}"#),
            ("a.b", "a.b"),
            ("a\nb", r#"{"text":"a\nb"}"#),
        ] {
            assert!(finds(text, body), "{text} in {body}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(!finds("a.b", "axb"), "a dot is a dot");
        assert!(!finds("ann", "an n"));
    }

    #[test]
    fn a_pattern_has_a_text_of_bounded_length_and_does_not_tell_it() {
        assert!(TextPattern::new("").is_none());
        assert!(TextPattern::new(&"é".repeat(LONGEST)).is_some());
        assert!(TextPattern::new(&"é".repeat(LONGEST + 1)).is_none());
        assert!(!format!("{:?}", TextPattern::new("secret").expect("a pattern")).contains("secret"));
    }
}
