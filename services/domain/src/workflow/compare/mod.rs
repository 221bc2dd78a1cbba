//! What differs between two specifications, node by node, in words that a person reads.
//!
//! Nodes are told apart by their ids, which are stable over edits: what was only moved is not shown as something else.

mod flatten;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use self::flatten::{Fact, Part};
use super::spec::WorkflowSpec;

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The node that it is about; empty: the workflow as a whole.
    pub node_id: String,
    /// Where it stands, such as `user_traits[trait_email].inputs`.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// What it was before, in words; empty: it was not there.
    pub before: String,
    /// What it is after, in words; empty: it is not there.
    pub after: String,
    /// All of it in a sentence.
    pub text: String,
}

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It is there only after.
    Added,
    /// It was there only before.
    Removed,
    /// It is there in both, and differs.
    Changed,
}

/// Everything that differs, in the order of the sections; nothing exactly when both say the same.
pub fn differences(before: &WorkflowSpec, after: &WorkflowSpec) -> Vec<Difference> {
    let (old, new) = (flatten::parts(before), flatten::parts(after));
    let known: HashMap<&str, &Part> = old.iter().map(|part| (part.path.as_str(), part)).collect();
    let kept: HashSet<&str> = new.iter().map(|part| part.path.as_str()).collect();
    let mut found = Vec::new();
    whole(&old, |part| kept.contains(part.path.as_str()), Change::Removed, &mut found);
    let gone = std::mem::take(&mut found);
    whole(&new, |part| known.contains_key(part.path.as_str()), Change::Added, &mut found);
    for part in &new {
        if let Some(earlier) = known.get(part.path.as_str()) {
            facts(earlier, part, &mut found);
            order(earlier, part, &mut found);
        }
    }
    found.extend(gone);
    let places: HashMap<&str, usize> =
        flatten::SECTIONS.iter().enumerate().map(|(index, section)| (*section, index)).collect();
    found.sort_by_key(|difference| {
        let section = difference.path.split(['[', '.']).next().unwrap_or_default();
        places.get(section).copied().unwrap_or(0)
    });
    found
}

/// The parts that the other specification does not have; what is inside of one goes without saying.
fn whole(parts: &[Part], is_shared: impl Fn(&Part) -> bool, change: Change, found: &mut Vec<Difference>) {
    let mut outer: Option<&str> = None;
    for part in parts {
        let is_inside = outer.is_some_and(|outer| {
            part.path.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['[', '.']))
        });
        if is_inside || is_shared(part) || part.is_list() {
            continue;
        }
        outer = Some(&part.path);
        let summary = part.summary.clone();
        let (verb, before, after) = match change {
            Change::Removed => ("was removed", summary.clone(), String::new()),
            Change::Added | Change::Changed => ("was added", String::new(), summary.clone()),
        };
        let text = if summary.is_empty() {
            format!("{} {verb}", part.name)
        } else {
            format!("{} {verb}: {summary}", part.name)
        };
        found.push(Difference {
            node_id: part.node_id.clone(),
            path: part.path.clone(),
            change,
            before,
            after,
            text,
        });
    }
}

/// What two parts of the same place say differently.
fn facts(before: &Part, after: &Part, found: &mut Vec<Difference>) {
    let of = |part: &Part, field: &str| -> Option<Fact> {
        part.facts.iter().find(|fact| fact.field == field).cloned()
    };
    let fields = before.facts.iter().chain(&after.facts).map(|fact| fact.field);
    let mut seen = HashSet::new();
    for field in fields.filter(|field| seen.insert(*field)) {
        let (old, new) = (of(before, field), of(after, field));
        if old.as_ref().map(|fact| &fact.exact) == new.as_ref().map(|fact| &fact.exact) {
            continue;
        }
        let label = new.as_ref().or(old.as_ref()).map_or(field, |fact| fact.label);
        let words = |fact: Option<Fact>| fact.map(|fact| fact.words).unwrap_or_default();
        found.push(changed(after, field, label, words(old), words(new)));
    }
}

/// Whether what both lists have stands in another order.
fn order(before: &Part, after: &Part, found: &mut Vec<Difference>) {
    let (Some(old), Some(new)) = (&before.list, &after.list) else { return };
    let shared = |list: &[String], other: &[String]| -> Vec<String> {
        let other: HashSet<&String> = other.iter().collect();
        list.iter().filter(|id| other.contains(id)).cloned().collect()
    };
    let (old, new) = (shared(old, new), shared(new, old));
    if old != new {
        found.push(changed(after, "", "the order", old.join(", "), new.join(", ")));
    }
}

fn changed(part: &Part, field: &str, label: &str, before: String, after: String) -> Difference {
    let or_nothing = |words: &str| if words.is_empty() { "nothing".to_owned() } else { words.to_owned() };
    let is_whole = part.path.is_empty() || field.is_empty();
    let path = if is_whole { format!("{}{field}", part.path) } else { format!("{}.{field}", part.path) };
    let name = if part.name.is_empty() { String::new() } else { format!("{}: ", part.name) };
    Difference {
        node_id: part.node_id.clone(),
        path,
        change: Change::Changed,
        text: format!("{name}{label} is now {}; it was {}", or_nothing(&after), or_nothing(&before)),
        before,
        after,
    }
}
