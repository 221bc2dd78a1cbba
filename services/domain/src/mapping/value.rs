//! Questions that rules ask of a JSON value.

use std::{borrow::Cow, io};

use serde_json::{Number, Value};

/// How many characters of a value a reason shows.
pub(crate) const SHOWN_CHARACTERS: usize = 200;
/// The longest value that a mapping carries, in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// Up to here every whole number is a different floating point number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether there is nothing in it: null, a text of nothing but white space, an empty list or object.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// The text of a text, number, true or false; nothing for null, lists and objects. A whole number has no fraction:
/// `30.0` is `30`.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number_text(number))),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}

/// The text of any value; JSON for lists and objects, nothing for null.
pub(crate) fn any_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        other => text(other).unwrap_or_else(|| Cow::Owned(other.to_string())),
    }
}

/// About how many bytes it has as JSON; nothing when they are more than `limit`.
pub(crate) fn size_within(value: &Value, limit: usize) -> Option<usize> {
    let mut left = limit;
    spend(value, &mut left).then(|| limit - left)
}

fn spend(value: &Value, left: &mut usize) -> bool {
    let take = |left: &mut usize, bytes: usize| {
        *left = left.checked_sub(bytes).unwrap_or_default();
        *left > 0
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => take(left, 8),
        Value::String(text) => take(left, text.len() + 3),
        Value::Array(items) => take(left, 2) && items.iter().all(|item| spend(item, left)),
        Value::Object(fields) => {
            take(left, 2)
                && fields.iter().all(|(name, field)| take(left, name.len() + 4) && spend(field, left))
        }
    }
}

/// How many values it consists of.
pub(crate) fn count(value: &Value) -> u64 {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
        Value::Array(items) => 1 + items.iter().map(count).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<u64>(),
    }
}

/// About how many bytes a step reads of it; a value without a text counts as a short one.
pub(crate) fn bytes(value: &Value) -> u64 {
    const EACH: u64 = 8;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => EACH,
        Value::String(text) => EACH + text.len() as u64,
        Value::Array(items) => EACH + items.iter().map(bytes).sum::<u64>(),
        // No step looks into an object.
        Value::Object(_) => EACH,
    }
}

/// Whether lists and objects in it are nested at most `limit` deep.
pub(crate) fn is_within_depth(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(items) => limit > 0 && items.iter().all(|item| is_within_depth(item, limit - 1)),
        Value::Object(fields) => limit > 0 && fields.values().all(|field| is_within_depth(field, limit - 1)),
        _ => true,
    }
}

/// Its JSON, cut to the length that a reason shows.
pub(crate) fn excerpt(value: &Value) -> String {
    let mut head = Head(Vec::new());
    // A writer that is full ends the serialisation: a long value costs no more than a short one.
    let whole = serde_json::to_writer(&mut head, value).is_ok();
    let text = String::from_utf8_lossy(&head.0);
    if whole { cut(&text) } else { cut(&format!("{text}…")) }
}

/// The value as a reason keeps it: itself when it is short, else the beginning of its text.
pub(crate) fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text)),
        Value::Array(_) | Value::Object(_) if size_within(value, SHOWN_CHARACTERS).is_none() => {
            Value::String(excerpt(value))
        }
        other => other.clone(),
    }
}

/// A text cut to the length that a reason shows.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        None => text.to_owned(),
        Some(_) => text.chars().take(SHOWN_CHARACTERS - 1).chain(['…']).collect(),
    }
}

/// Takes the first bytes and refuses the rest.
struct Head(Vec<u8>);

impl io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A character has up to four bytes; one more so that the cut is seen.
        let room = (SHOWN_CHARACTERS + 1) * 4 - self.0.len();
        if room == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blank_is_what_a_person_would_call_empty() {
        for blank in [json!(null), json!(""), json!(" \t\n"), json!([]), json!({})] {
            assert!(is_blank(&blank), "{blank}");
        }
        for full in [json!(0), json!(false), json!("x"), json!([null]), json!({ "a": null })] {
            assert!(!is_blank(&full), "{full}");
        }
    }

    #[test]
    fn whole_numbers_have_no_fraction_as_text() {
        assert_eq!(text(&json!(30.0)).as_deref(), Some("30"));
        assert_eq!(text(&json!(-2.5)).as_deref(), Some("-2.5"));
        assert_eq!(text(&json!(u64::MAX)).as_deref(), Some("18446744073709551615"));
        assert_eq!(text(&json!([1])), None);
    }

    #[test]
    fn an_excerpt_is_never_longer_than_the_limit() {
        for long in [json!("ä".repeat(10_000)), json!(vec!["é"; 10_000]), json!({ "k".repeat(5_000): 1 })] {
            assert_eq!(excerpt(&long).chars().count(), SHOWN_CHARACTERS, "{}", excerpt(&long));
            assert!(excerpt(&long).ends_with('…'));
            assert!(matches!(shown(&long), Value::String(text) if text.chars().count() <= SHOWN_CHARACTERS));
        }
        assert_eq!(excerpt(&json!({ "a": [1, "b"] })), r#"{"a":[1,"b"]}"#);
        assert_eq!(shown(&json!(7)), json!(7));
    }

    #[test]
    fn a_size_over_the_limit_is_seen_without_counting_on() {
        assert_eq!(size_within(&json!("x".repeat(100)), 50), None);
        assert!(size_within(&json!(["x", { "a": 1 }]), 50).is_some());
        assert_eq!(count(&json!([1, { "a": [2] }])), 5);
        assert_eq!(bytes(&json!(["x".repeat(100), null, { "a": "unseen" }])), 8 + 108 + 8 + 8);
        assert!(is_within_depth(&json!([[1]]), 2));
        assert!(!is_within_depth(&json!([[1]]), 1));
    }
}
