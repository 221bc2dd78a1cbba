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

/// What one mapping told: its last word, and what it said of where its value came from.
#[derive(Clone, Copy)]
struct Field<'a> {
    last: &'a NodeTrace,
    origin: &'a NodeTrace,
}

/// A tree for each section that has mappings.
pub(super) fn trees(nodes: &[NodeTrace]) -> Vec<Tree> {
    let of_section = |(words, sections): (&str, &[&str])| {
        let nodes: Vec<_> = nodes.iter().filter(|node| sections.contains(&node.section.as_str())).collect();
        section(words, &fields(&nodes))
    };
    SECTIONS.into_iter().filter_map(of_section).collect()
}

/// The fields that nodes told of. A mapping's condition and steps stand before it and have the same target; an
/// identifier's check stands behind it and has the mapping's own id.
fn fields<'a>(nodes: &[&'a NodeTrace]) -> Vec<Field<'a>> {
    let chunks = nodes.chunk_by(|one, other| {
        (&one.section, &one.target, one.element) == (&other.section, &other.target, other.element)
    });
    let field = |chunk: &[&'a NodeTrace]| {
        let last = *chunk.last()?;
        let mut own = chunk.iter().rev().filter(|node| node.node_id == last.node_id);
        let origin = own.find(|node| !node.source.is_empty()).copied().unwrap_or(last);
        Some(Field { last, origin })
    };
    chunks.filter_map(field).collect()
}

fn section(words: &str, fields: &[Field<'_>]) -> Option<Tree> {
    if fields.is_empty() {
        return None;
    }
    let is_absent = |field: &Field<'_>| matches!(field.last.outcome(), Outcome::Empty | Outcome::Skipped);
    let (absent, shown): (Vec<Field<'_>>, Vec<Field<'_>>) = fields.iter().copied().partition(is_absent);
    let width = shown.iter().map(|field| name(field.last).chars().count()).max().unwrap_or_default();
    let mut section =
        Tree::new(Text::new().plain(words)).with(shown.into_iter().map(|field| line(field, width)));
    if !absent.is_empty() {
        let names: Vec<String> = absent.into_iter().map(|field| name(field.last)).collect();
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

fn line(Field { last, origin }: Field<'_>, width: usize) -> Tree {
    let output = last.output.as_ref().map(value::text);
    let before = origin.input.as_ref().map(value::text).filter(|input| Some(input) != output.as_ref());
    let mut label = Text::new().plain(format!("{:<width$}  ", name(last)));
    label = match last.outcome() {
        Outcome::Rejected => label.with(Style::Warn, "not an identifier"),
        Outcome::Failed => label.with(Style::Bad, "failed"),
        Outcome::Cleared => label.with(Style::Warn, "erased"),
        _ => label.with(Style::Accent, cut(output.as_deref().unwrap_or_default(), LONGEST)),
    };
    if !origin.source.is_empty() {
        label = label.with(Style::Dim, format!("  ← {}", origin.source));
    }
    if let Some(before) = before {
        label = label.with(Style::Dim, format!(" was {}", cut(&before, LONGEST)));
    }
    Tree::new(label.and(Style::Plain, &last.reason))
}
