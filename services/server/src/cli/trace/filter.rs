//! Which conditions a message met.

use tributary_proto::admin::v1::{NodeTrace, node_trace::Outcome};

use crate::cli::output::{Style, Text, Tree, cut, value};

/// The section of a workflow's own filter.
const FILTER: &str = "filter";
/// A longer value is cut.
const LONGEST: usize = 80;

/// The conditions of the workflow's filter; nothing where it has none.
pub(super) fn tree(nodes: &[NodeTrace]) -> Option<Tree> {
    let conditions: Vec<Tree> = nodes.iter().filter(|node| node.section == FILTER).map(condition).collect();
    (!conditions.is_empty()).then(|| Tree::new(Text::new().plain(FILTER)).with(conditions))
}

/// A condition, or a group of them, with the value it saw.
fn condition(node: &NodeTrace) -> Tree {
    let (style, mark) = match node.outcome() {
        Outcome::Holds => (Style::Good, "✓ "),
        Outcome::DoesNotHold => (Style::Bad, "✗ "),
        _ => (Style::Dim, "· "),
    };
    let words = match node.reason.as_str() {
        "" if node.outcome() == Outcome::NotReached => {
            format!("{} was decided before its turn", node.node_id)
        }
        "" => node.node_id.clone(),
        reason => reason.to_owned(),
    };
    let label = Text::new().with(style, mark).plain(words);
    Tree::new(match &node.input {
        Some(seen) => label.with(Style::Dim, format!("  it saw {}", cut(&value::text(seen), LONGEST))),
        None => label,
    })
}
