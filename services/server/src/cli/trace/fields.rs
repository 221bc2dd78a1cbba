//! What each mapping gave, by the sections of the workflow.

use tributary_proto::admin::v1::{NodeTrace, node_trace::Outcome};

use crate::cli::output::{Style, Text, Tree, cut, value};

/// The sections that hold mappings, in the order in which they are shown, with the words for them.
const SECTIONS: [(&str, &[&str]); 7] = [
    ("event", &["for_each", "event_name", "event_time", "event_id"]),
    ("identifiers", &["identifiers"]),
    ("user traits", &["user_traits"]),
    ("event attributes", &["event_attributes"]),
    ("group identities", &["group_identities"]),
    ("group traits", &["group_traits"]),
    ("consents", &["consents"]),
];
/// A longer value is cut.
const LONGEST: usize = 100;

/// A tree for each section that has mappings.
pub(super) fn trees(nodes: &[NodeTrace]) -> Vec<Tree> {
    let section = |(words, sections): (&str, &[&str])| {
        let of_section: Vec<_> =
            nodes.iter().filter(|node| sections.contains(&node.section.as_str())).collect();
        section(words, &outcomes(&of_section))
    };
    SECTIONS.into_iter().filter_map(section).collect()
}

/// The last word of each mapping: before it stand its condition and its steps, which have the same target.
fn outcomes<'a>(nodes: &[&'a NodeTrace]) -> Vec<&'a NodeTrace> {
    let chunks = nodes.chunk_by(|one, other| {
        (&one.section, &one.target, one.element) == (&other.section, &other.target, other.element)
    });
    chunks.filter_map(|chunk| chunk.last().copied()).collect()
}

fn section(words: &str, nodes: &[&NodeTrace]) -> Option<Tree> {
    let (absent, shown): (Vec<&NodeTrace>, Vec<&NodeTrace>) =
        nodes.iter().copied().partition(|node| matches!(node.outcome(), Outcome::Empty | Outcome::Skipped));
    if nodes.is_empty() {
        return None;
    }
    let width = shown.iter().map(|node| name(node).chars().count()).max().unwrap_or_default();
    let mut section =
        Tree::new(Text::new().plain(words)).with(shown.into_iter().map(|node| field(node, width)));
    if !absent.is_empty() {
        let names: Vec<String> = absent.into_iter().map(name).collect();
        section.line(Text::new().with(Style::Dim, format!("nothing for {}", names.join(", "))));
    }
    Some(section)
}

/// What a mapping fills; with the element that it looked at, where there are several.
fn name(node: &NodeTrace) -> String {
    let target = if node.target.is_empty() { &node.section } else { &node.target };
    match node.element {
        Some(element) => format!("{target}[{element}]"),
        None => target.clone(),
    }
}

fn field(node: &NodeTrace, width: usize) -> Tree {
    let label = Text::new().plain(format!("{:<width$}  ", name(node)));
    let output = node.output.as_ref().map(value::text);
    let input = node.input.as_ref().map(value::text);
    let label = match node.outcome() {
        Outcome::Rejected => label.with(Style::Warn, "not an identifier: ").plain(&node.reason),
        Outcome::Failed => label.with(Style::Bad, &node.reason),
        Outcome::Cleared => label.with(Style::Warn, "erased").and(Style::Plain, &node.reason),
        _ => label.with(Style::Accent, cut(output.as_deref().unwrap_or_default(), LONGEST)),
    };
    Tree::new(origin(label, node, input.filter(|input| Some(input) != output.as_ref())))
}

/// Where a value came from; with what it was before, where it was changed.
fn origin(label: Text, node: &NodeTrace, before: Option<String>) -> Text {
    let label = match node.source.as_str() {
        "" => label,
        source => label.with(Style::Dim, format!("  ← {source}")),
    };
    match before {
        Some(before) => label.with(Style::Dim, format!(" was {}", cut(&before, LONGEST))),
        None => label,
    }
}
