//! What is shown in the place of a value: its kind, where that tells nothing, and never a part that its value could be told
//! by.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// What is shown of everything that has no shape.
pub(super) const MASK: &str = "***";
/// Names of fields have fewer digits.
const DIGITS_OF_A_NAME: usize = 7;
/// A number with so many digits may be somebody's.
const DIGITS: usize = 5;
/// An id of ours: three letters, a line, and this many letters and digits or more.
const ID: usize = 20;
/// A cluid is written as an id of ours, and is somebody.
const CLUID: &str = "trb";

/// A text, masked: `j***@e***.com`, `+***`, `https://***` or `***`; an empty one as it is.
pub(super) fn text(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    if let Some(address) = address(text) {
        return address;
    }
    let rest = text.strip_prefix('+').unwrap_or_default();
    if rest.starts_with(|first: char| first.is_ascii_digit()) {
        return format!("+{MASK}");
    }
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme));
    format!("{}{MASK}", scheme.unwrap_or_default())
}

/// An e-mail address by its first letter, that of its domain, and its last label.
fn address(text: &str) -> Option<String> {
    let (local, domain) = text.split_once('@')?;
    let (_, last) = domain.rsplit_once('.')?;
    let is_plain =
        |part: &str| part.chars().all(|letter| letter.is_alphanumeric() || "._%+-".contains(letter));
    let is_last = !last.is_empty() && last.chars().all(char::is_alphabetic);
    let (first, of_domain) = (local.chars().next()?, domain.chars().next()?);
    let is_address = is_plain(local) && is_plain(domain) && is_last && first.is_alphanumeric();
    (is_address && of_domain.is_alphanumeric()).then(|| format!("{first}{MASK}@{of_domain}{MASK}.{last}"))
}

/// A JSON value: every value in it masked, its keys as they are, unless one is itself an address or a number.
pub(super) fn value(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::String(content) => Value::String(text(content)),
        Value::Bool(_) | Value::Number(_) => Value::from(MASK),
        Value::Array(items) => items.iter().map(self::value).collect(),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, field)| (key(name), self::value(field))).collect::<Map<_, _>>(),
        ),
    }
}

/// The name of a field.
pub(super) fn key(name: &str) -> String {
    let digits = name.chars().filter(char::is_ascii_digit).count();
    if name.contains('@') || digits >= DIGITS_OF_A_NAME { text(name) } else { name.to_owned() }
}

/// A text that may be JSON, masked.
pub(super) fn json(content: &[u8]) -> Vec<u8> {
    if content.is_empty() {
        return Vec::new();
    }
    match serde_json::from_slice::<Value>(content) {
        Ok(found) => value(&found).to_string().into_bytes(),
        Err(_) => MASK.to_owned().into_bytes(),
    }
}

/// Sentences without the values that are `known` to be personal, without what they quote, and without what looks like an
/// address or a number of somebody's.
pub(super) fn words(content: &str, known: &[String]) -> String {
    let mut masked = Cow::Borrowed(content);
    for found in known.iter().filter(|found| !found.is_empty()) {
        masked = Cow::Owned(without(&masked, found));
    }
    // From the first to the last: what is quoted may have quotes in it.
    if let (Some(first), Some(last)) = (masked.find('"'), masked.rfind('"')) {
        let rest = if last > first { &masked[last + 1..] } else { "" };
        masked = Cow::Owned(format!("{}\"{MASK}\"{rest}", &masked[..first]));
    }
    let words = masked.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_end();
        // The mark of a path's filter is no part of an address.
        let is_personal =
            bare.replace("[?@", "[?").contains('@') || (digits_in(bare) >= DIGITS && !is_id(bare));
        if is_personal && !bare.contains(MASK) {
            format!("{MASK}{}", &word[bare.len()..])
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

/// A text in which a mask stands for `found`, wherever that is not a part of a longer word.
fn without(content: &str, found: &str) -> String {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find(found) {
        let (before, after) = (&rest[..at], &rest[at + found.len()..]);
        let is_in_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        out.push_str(before);
        let last = before.chars().next_back().or_else(|| out.chars().next_back());
        if is_in_word(last) || is_in_word(after.chars().next()) {
            out.push_str(found);
        } else {
            out.push_str(&text(found));
        }
        rest = after;
    }
    out + rest
}

fn digits_in(word: &str) -> usize {
    word.chars().filter(char::is_ascii_digit).count()
}

/// Whether a word is an id of ours, which names nobody by itself.
fn is_id(word: &str) -> bool {
    let word = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let parts = word.split_once('_').filter(|(kind, _)| kind.len() == 3 && *kind != CLUID);
    parts.is_some_and(|(kind, id)| {
        kind.bytes().all(|letter| letter.is_ascii_lowercase())
            && id.len() >= ID
            && id.bytes().all(|letter| letter.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_says_what_kind_of_value_it_was() {
        for (value, shown) in [
            ("jane.doe@example.com", "j***@e***.com"),
            ("j@mail.example.co.uk", "j***@m***.uk"),
            ("+14045550142", "+***"),
            ("https://calendly.com/events/1", "https://***"),
            ("Jane", "***"),
            ("f", "***"),
            ("Jane <jane@example.com>", "***"),
            ("@example.com", "***"),
            ("a@b", "***"),
            ("", ""),
        ] {
            assert_eq!(text(value), shown, "{value}");
        }
    }

    #[test]
    fn a_path_stays_unless_one_of_its_keys_is_somebodys() {
        for (path, shown) in [
            ("$.payload.email", "$.payload.email"),
            ("$.payload.answers[?@.position == 3].answer", "$.payload.answers[?@.position == 3].answer"),
            ("$['ann@example.com'].plan", "***"),
            ("$['+14045550142']", "***"),
            ("$.answers[?@.by == 'ann@example.com']", "$.answers[?@.by == ***"),
        ] {
            assert_eq!(words(path, &[]), shown);
        }
    }

    #[test]
    fn keys_stay_and_values_go() {
        let body = json!({"payload": {"email": "a@b.example", "age": 42, "vip": true, "none": null, "tags": ["x", 1]}});
        let masked = json!({"payload": {"email": "a***@b***.example", "age": "***", "vip": "***", "none": null,
            "tags": ["***", "***"]}});
        assert_eq!(value(&body), masked);
        let named = json!({"ann@example.com": 1, "+14045550142": {"x": 1}});
        assert_eq!(value(&named), json!({"a***@e***.com": "***", "+***": {"x": "***"}}));
        assert_eq!(json(b"name=ann&age=42"), b"***");
        assert_eq!(json(b"[\"ann\"]"), b"[\"***\"]");
    }

    #[test]
    fn words_name_nobody() {
        let none: [String; 0] = [];
        for (sentence, known, masked) in [
            (
                "`event equals \"a\"` does not hold: the value is \"b\" here",
                &none[..],
                "`event equals \"***\" here",
            ),
            ("the value is 14045550142", &[], "the value is ***"),
            ("ann@example.com: no such mailbox", &[], "*** no such mailbox"),
            (
                "a text has 300 bytes, at most 200 are allowed",
                &[],
                "a text has 300 bytes, at most 200 are allowed",
            ),
            (
                "external_id:crm Bob belongs to prf_01m84t5qrrvsj75m3h8kjt89eq",
                &["Bob".to_owned()],
                "external_id:crm *** belongs to prf_01m84t5qrrvsj75m3h8kjt89eq",
            ),
            ("Bobby and Bob", &["Bob".to_owned()], "Bobby and ***"),
            ("one \" alone", &[], "one \"***\""),
        ] {
            assert_eq!(words(sentence, known), masked);
        }
    }

    proptest! {
        /// Nothing of four letters or digits in a row is left of what was personal, but for the end of a domain.
        #[test]
        fn nothing_of_a_value_is_left(value in "[a-zA-Z0-9@._+ \"-]{1,40}") {
            let masked = text(&value);
            let left = masked.rsplit_once('.').map_or(masked.as_str(), |(left, _)| left);
            let letters = left.chars().filter(|letter| letter.is_alphanumeric()).count();
            prop_assert!(letters <= 2, "{} became {}", value, masked);
        }

        #[test]
        fn a_known_value_is_never_in_words(value in "[a-zA-Z0-9.-]{1,20}", before in "[a-z ]{0,10}") {
            let sentence = format!("{before} {value} was attached");
            let masked = words(&sentence, std::slice::from_ref(&value));
            let left: Vec<&str> = masked.split_whitespace().collect();
            let others: Vec<&str> = before.split_whitespace().chain(["was", "attached"]).collect();
            prop_assert!(!left.contains(&value.as_str()) || others.contains(&value.as_str()), "{}", masked);
        }
    }
}
