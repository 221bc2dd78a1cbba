//! A value that is written as YAML, with its members in an order of its own.

use std::fmt::Write;

use serde_json::Value as Json;

use super::yaml;

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    /// Null, a truth, a number or a text.
    Leaf(Json),
    /// A list.
    List(Vec<Self>),
    /// Members in their order.
    Map(Vec<(String, Self)>),
    /// A value with a comment on the lines before it: for members of a map.
    Commented(String, Box<Self>),
}

impl Tree {
    /// A JSON value, its members by their names.
    pub(super) fn of(json: &Json) -> Self {
        match json {
            Json::Array(items) => Self::List(items.iter().map(Self::of).collect()),
            Json::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(key, _)| *key);
                Self::Map(members.into_iter().map(|(key, value)| (key.clone(), Self::of(value))).collect())
            }
            leaf => Self::Leaf(leaf.clone()),
        }
    }

    /// As JSON.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Leaf(leaf) => leaf.clone(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(members) => members.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
            Self::Commented(_, value) => value.to_json(),
        }
    }

    /// As YAML.
    pub(super) fn to_yaml(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Map(members) if !members.is_empty() => block(members, 0, false, &mut text),
            other => {
                text.push_str(&other.flow());
                text.push('\n');
            }
        }
        text
    }

    /// Whether it is short and has nothing below it, and is written in its line.
    fn is_flow(&self) -> bool {
        match self {
            Self::Leaf(_) => true,
            Self::List(items) => items.is_empty(),
            Self::Map(members) => members.is_empty() || (members.len() == 1 && is_leaf(&members[0].1)),
            Self::Commented(_, value) => value.is_flow(),
        }
    }

    fn flow(&self) -> String {
        match self {
            Self::Leaf(leaf) => scalar(leaf),
            Self::List(items) => format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", ")),
            Self::Map(members) if members.is_empty() => "{}".to_owned(),
            Self::Map(members) => {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!("{}: {}", text(key), value.flow())).collect();
                format!("{{ {} }}", members.join(", "))
            }
            Self::Commented(_, value) => value.flow(),
        }
    }
}

fn is_leaf(tree: &Tree) -> bool {
    matches!(tree, Tree::Leaf(_))
}

/// Members, a line each; the first one goes on in a line that is begun, where `is_begun`.
fn block(members: &[(String, Tree)], indent: usize, is_begun: bool, out: &mut String) {
    for (index, (key, value)) in members.iter().enumerate() {
        let value = match value {
            Tree::Commented(comment, value) => {
                if !(is_begun && index == 0) {
                    for line in comment.lines() {
                        // Writing to a String cannot fail.
                        let _ = writeln!(out, "{:indent$}# {line}", "");
                    }
                }
                value
            }
            other => other,
        };
        if !(is_begun && index == 0) {
            let _ = write!(out, "{:indent$}", "");
        }
        out.push_str(&text(key));
        out.push(':');
        below(value, indent, out);
    }
}

/// What stands behind a key that is indented by `indent`.
fn below(value: &Tree, indent: usize, out: &mut String) {
    match value {
        value if value.is_flow() => {
            let _ = writeln!(out, " {}", value.flow());
        }
        Tree::Map(members) => {
            out.push('\n');
            block(members, indent + 2, false, out);
        }
        Tree::List(items) => {
            out.push('\n');
            list(items, indent + 2, out);
        }
        Tree::Leaf(_) | Tree::Commented(..) => {
            let _ = writeln!(out, " {}", value.flow());
        }
    }
}

fn list(items: &[Tree], indent: usize, out: &mut String) {
    for item in items {
        let _ = write!(out, "{:indent$}- ", "");
        match item {
            Tree::Map(members) if !item.is_flow() => block(members, indent + 2, true, out),
            Tree::List(inner) if !item.is_flow() => {
                // A list in a list is rare, and never large.
                let _ = writeln!(out, "{}", Tree::List(inner.clone()).flow());
            }
            item => {
                let _ = writeln!(out, "{}", item.flow());
            }
        }
    }
}

fn scalar(leaf: &Json) -> String {
    match leaf {
        Json::String(letters) => text(letters),
        other => other.to_string(),
    }
}

/// A text without quotes where it is taken for nothing else.
fn text(text: &str) -> String {
    let is_safe = |letter: char| {
        letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/' | '$' | '+' | '(' | ')' | ' ')
    };
    let begins = text.starts_with(|letter: char| letter.is_alphabetic() || matches!(letter, '_' | '$' | '/'));
    let is_text = matches!(yaml::plain(text), Ok(Json::String(_)));
    // Before a comma, a dash that stands alone would be one of a list.
    if begins && is_text && text.chars().all(is_safe) && !text.ends_with(' ') && !text.ends_with(" -") {
        return text.to_owned();
    }
    quoted(text)
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter
                if letter.is_control()
                    || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                let _ = write!(quoted, "\\U{:08x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn json() -> impl Strategy<Value = Json> {
        let text = prop_oneof![
            "[ -~\n\té\u{85}\u{2028}#:]{0,8}",
            "[a-z$./ -]{0,6}",
            Just("null".to_owned()),
            Just("1e3".to_owned())
        ];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<i16>().prop_map(|number| json!(f64::from(number) + 0.25)),
            text.clone().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map(text.clone(), inner, 0..4)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(json in json()) {
            let text = Tree::of(&json).to_yaml();
            let read = yaml::read(&text);
            prop_assert!(read.is_ok(), "{read:?} of\n{text}");
            prop_assert_eq!(&read.unwrap()[0].value, &json, "{}", text);
        }
    }

    #[test]
    fn a_dash_that_stands_alone_is_quoted() {
        let json = json!([{"-": "a -", "null": null}]);
        let text = Tree::of(&json).to_yaml();
        assert_eq!(yaml::read(&text).unwrap()[0].value, json, "{text}");
    }

    #[test]
    fn it_looks_as_people_write_it() {
        let tree = Tree::Map(vec![
            ("a".to_owned(), Tree::of(&json!([{"x": {"y": 1}, "z": "on: x"}, {"path": "$.a[0]"}]))),
            (
                "b".to_owned(),
                Tree::Commented("why".to_owned(), Box::new(Tree::of(&json!({"c": [], "d": "x y"})))),
            ),
        ]);
        let expected =
            "a:\n  - x: { y: 1 }\n    z: \"on: x\"\n  - { path: \"$.a[0]\" }\n# why\nb:\n  c: []\n  d: x y\n";
        assert_eq!(tree.to_yaml(), expected);
    }
}
