//! The values of a message, each with its path: what an editor shows to be clicked, so that nobody has to write a path.

use std::fmt::Write;

use serde_json::Value;

/// So many values of a message are listed at most.
pub const MOST_VALUES: usize = 500;
/// A value is cut to so many characters.
const LONGEST: usize = 200;
/// What lies deeper is not listed: no path of a workflow needs so many steps.
const DEEPEST: usize = 32;
/// A longer path is not one of a workflow.
const LONGEST_PATH: usize = 512;

/// A value of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleValue {
    /// The JSONPath (RFC 9535) that finds it, and nothing else.
    pub path: String,
    /// What it is.
    pub kind: SampleKind,
    /// The value in a few characters: a text as it is, anything else as JSON; for lists and objects how much they hold.
    pub value: String,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleKind {
    /// A text.
    String,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// Null.
    Null,
    /// A list; what it holds follows.
    List,
    /// An object that holds nothing, or what lies too deep to be listed.
    Object,
}

/// The values of a payload in their order: every text, number, flag and null, and the lists that they lie in. Whether there
/// are more than [`MOST_VALUES`], or some that lie too deep.
pub fn values(payload: &Value) -> (Vec<SampleValue>, bool) {
    let mut walk = Walk { values: Vec::new(), is_cut: false };
    walk.value(payload, &mut "$".to_owned(), 0);
    (walk.values, walk.is_cut)
}

struct Walk {
    values: Vec<SampleValue>,
    is_cut: bool,
}

impl Walk {
    fn value(&mut self, value: &Value, path: &mut String, depth: usize) {
        if self.values.len() >= MOST_VALUES || path.len() > LONGEST_PATH {
            self.is_cut = true;
            return;
        }
        match value {
            Value::String(text) => self.push(path, SampleKind::String, cut(text)),
            Value::Number(number) => self.push(path, SampleKind::Number, cut(&number.to_string())),
            Value::Bool(flag) => self.push(path, SampleKind::Bool, flag.to_string()),
            Value::Null => self.push(path, SampleKind::Null, "null".to_owned()),
            Value::Array(items) => {
                self.push(path, SampleKind::List, count(items.len(), "item"));
                self.within(path, depth, items.iter().enumerate(), |path, index| {
                    // Writing to a String cannot fail.
                    let _ = write!(path, "[{index}]");
                });
            }
            Value::Object(fields) if fields.is_empty() || depth >= DEEPEST => {
                self.push(path, SampleKind::Object, count(fields.len(), "field"));
                self.is_cut |= !fields.is_empty();
            }
            Value::Object(fields) => self.within(path, depth, fields.iter(), |path, name| step(path, name)),
        }
    }

    fn within<'a, K>(
        &mut self,
        path: &mut String,
        depth: usize,
        held: impl Iterator<Item = (K, &'a Value)>,
        step: impl Fn(&mut String, K),
    ) {
        let length = path.len();
        for (key, value) in held {
            if depth >= DEEPEST || self.values.len() >= MOST_VALUES {
                self.is_cut = true;
                return;
            }
            step(path, key);
            self.value(value, path, depth + 1);
            path.truncate(length);
        }
    }

    fn push(&mut self, path: &str, kind: SampleKind, value: String) {
        self.values.push(SampleValue { path: path.to_owned(), kind, value });
    }
}

fn count(held: usize, what: &str) -> String {
    format!("{held} {what}{}", if held == 1 { "" } else { "s" })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Adds the step to a field: by its bare name where that can be, otherwise in quotes.
fn step(path: &mut String, name: &str) {
    let is_plain = name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain {
        path.push('.');
        path.push_str(name);
        return;
    }
    path.push_str("['");
    for letter in name.chars() {
        match letter {
            '\'' | '\\' => {
                path.push('\\');
                path.push(letter);
            }
            // Of control characters only those below U+0020 have to be escaped.
            '\0'..='\u{1f}' => {
                let _ = write!(path, "\\u{:04x}", u32::from(letter));
            }
            _ => path.push(letter),
        }
    }
    path.push_str("']");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn told(payload: &Value) -> Vec<(String, String)> {
        values(payload).0.into_iter().map(|value| (value.path, value.value)).collect()
    }

    #[test]
    fn every_value_is_told_with_its_path() {
        let payload = json!({
            "event": "invitee.created",
            "payload": { "answers": [{ "position": 0 }, true], "first name": null, "it's": {}, "list": [] },
        });
        let expected = [
            ("$.event", "invitee.created"),
            ("$.payload.answers", "2 items"),
            ("$.payload.answers[0].position", "0"),
            ("$.payload.answers[1]", "true"),
            ("$.payload['first name']", "null"),
            ("$.payload['it\\'s']", "0 fields"),
            ("$.payload.list", "0 items"),
        ];
        let found = told(&payload);
        let found: Vec<_> = found.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
        assert_eq!(told(&json!("x")), [("$".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn much_is_cut_and_that_is_said() {
        let many = json!({ "list": (0..1_000).collect::<Vec<_>>() });
        let (found, is_cut) = values(&many);
        assert_eq!((found.len(), is_cut), (MOST_VALUES, true));
        let exactly = json!((1..MOST_VALUES).collect::<Vec<_>>());
        assert_eq!((values(&exactly).0.len(), values(&exactly).1), (MOST_VALUES, false));
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({ "a": [deep] });
        }
        assert!(values(&deep).1);
        let (found, is_cut) = values(&json!({ "text": "é".repeat(1_000) }));
        assert_eq!((found[0].value.chars().count(), is_cut), (LONGEST + 1, false));
    }

    fn payload() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn each_path_finds_its_value_alone(payload in payload()) {
            for value in values(&payload).0 {
                let path = serde_json_path::JsonPath::parse(&value.path);
                prop_assert!(path.is_ok(), "{:?}", value.path);
                let found = path.unwrap().query(&payload).all();
                prop_assert_eq!(found.len(), 1, "{:?}", value.path);
                let kind = match found[0] {
                    Value::String(_) => SampleKind::String,
                    Value::Number(_) => SampleKind::Number,
                    Value::Bool(_) => SampleKind::Bool,
                    Value::Null => SampleKind::Null,
                    Value::Array(_) => SampleKind::List,
                    Value::Object(_) => SampleKind::Object,
                };
                prop_assert_eq!(kind, value.kind);
            }
        }
    }
}
