//! Trees of lines.

use serde_json::Value;

use super::{Style, Text};

/// A line with lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tree {
    label: Text,
    children: Vec<Self>,
}

impl Tree {
    /// A line with nothing below it.
    pub(crate) fn new(label: Text) -> Self {
        Self { label, children: Vec::new() }
    }

    /// Puts a tree below it, after those that are there.
    pub(crate) fn push(&mut self, child: Self) {
        self.children.push(child);
    }

    /// Puts a line below it, after those that are there.
    pub(crate) fn line(&mut self, label: Text) {
        self.push(Self::new(label));
    }

    /// The tree with more below it.
    pub(crate) fn with(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// A JSON value: a line a member, and what is in it below.
    pub(crate) fn of_json(label: Text, value: &Value) -> Self {
        let member = |key: &str, value: &Value| {
            let label = Text::new().with(Style::Bold, key);
            match value {
                Value::Object(_) | Value::Array(_) => Self::of_json(label, value),
                Value::String(text) => Self::new(label.plain("  ").with(Style::Accent, text)),
                other => Self::new(label.plain("  ").with(Style::Accent, other.to_string())),
            }
        };
        let tree = Self::new(label);
        match value {
            Value::Object(members) => tree.with(members.iter().map(|(key, value)| member(key, value))),
            Value::Array(items) => {
                tree.with(items.iter().enumerate().map(|(index, value)| member(&index.to_string(), value)))
            }
            other => tree.with([Self::new(Text::new().with(Style::Accent, other.to_string()))]),
        }
    }

    /// The lines, joined by line feeds.
    pub(crate) fn render(&self, has_colour: bool) -> String {
        let mut lines = vec![self.label.render(has_colour)];
        self.render_children("", has_colour, &mut lines);
        lines.join("\n")
    }

    fn render_children(&self, prefix: &str, has_colour: bool, lines: &mut Vec<String>) {
        let guide = |guide: &str| Text::new().with(Style::Dim, guide).render(has_colour);
        for (index, child) in self.children.iter().enumerate() {
            let is_last = index + 1 == self.children.len();
            let (branch, below) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            lines.push(format!("{}{}", guide(&format!("{prefix}{branch}")), child.label.render(has_colour)));
            child.render_children(&format!("{prefix}{below}"), has_colour, lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn branches_end_where_they_should() {
        let leaf = |name: &str| Tree::new(Text::new().plain(name));
        let tree =
            leaf("root").with([leaf("a").with([leaf("a1"), leaf("a2").with([leaf("deep")])]), leaf("b")]);
        let expected = "root\n├─ a\n│  ├─ a1\n│  └─ a2\n│     └─ deep\n└─ b";
        assert_eq!(tree.render(false), expected);
    }

    #[test]
    fn json_becomes_a_tree() {
        let tree = Tree::of_json(Text::new().plain("x"), &json!({"a": 1, "b": {"c": ["d"]}}));
        assert_eq!(tree.render(false), "x\n├─ a  1\n└─ b\n   └─ c\n      └─ 0  d");
    }
}
