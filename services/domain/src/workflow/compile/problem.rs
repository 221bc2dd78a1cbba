//! What is wrong with a workflow, and what to do about it.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::limits;
use crate::mapping::value;

/// Something that is wrong with a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The node that it concerns; empty when it concerns the whole workflow.
    pub node_id: String,
    /// What is wrong.
    pub reason: String,
    /// Whether it keeps the workflow from being published.
    pub severity: Severity,
    /// What to do about it.
    pub fix: String,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Severity {
    /// The workflow cannot run.
    Error,
    /// It can run, and probably does not do what was meant.
    Warning,
}

/// More problems than this are not listed: a person mends some and asks again.
const MAX_PROBLEMS: usize = 200;

/// Collects problems while a workflow is compiled.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    failed: bool,
    node_id: String,
    disabled: bool,
    ids: HashSet<String>,
    regexes: usize,
}

impl Problems {
    /// Enters a node: checks its id, and counts the problems that `check` finds to it. `what` names what it is, for
    /// a node without an id.
    pub(crate) fn node<T>(&mut self, id: &str, what: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        if id.is_empty() {
            self.error(format!("a {what} has no id"), "give every node an id of its own");
            return check(self);
        }
        let outer = std::mem::replace(&mut self.node_id, value::cut(id));
        if id.len() > limits::ID_BYTES {
            self.error(
                format!("the id of a {what} has more than {} bytes", limits::ID_BYTES),
                "use a shorter id",
            );
        } else if !self.ids.insert(id.to_owned()) {
            self.error(format!("another node has the id `{id}` too"), "give every node an id of its own");
        }
        let checked = check(self);
        self.node_id = outer;
        checked
    }

    /// Counts a regular expression; false, and a problem, when there are too many.
    pub(crate) fn count_regex(&mut self) -> bool {
        self.regexes += 1;
        if self.regexes > limits::REGEXES {
            self.error(
                format!("the workflow has more than {} regular expressions", limits::REGEXES),
                "use equals, contains or a lookup table where they are enough",
            );
        }
        self.regexes <= limits::REGEXES
    }

    /// Does `check` with errors taken for warnings: the part is left out of the workflow.
    pub(crate) fn disabled<T>(&mut self, check: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.disabled, true);
        let checked = check(self);
        self.disabled = outer;
        checked
    }

    /// Adds an error.
    pub(crate) fn error(&mut self, reason: impl Into<String>, fix: impl Into<String>) {
        let severity = if self.disabled { Severity::Warning } else { Severity::Error };
        self.add(severity, reason.into(), fix.into());
    }

    /// Adds a warning.
    pub(crate) fn warn(&mut self, reason: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warning, reason.into(), fix.into());
    }

    /// Adds a warning to a node that was looked at before.
    pub(crate) fn warn_at(&mut self, node_id: &str, reason: impl Into<String>, fix: impl Into<String>) {
        let outer = std::mem::replace(&mut self.node_id, value::cut(node_id));
        self.warn(reason, fix);
        self.node_id = outer;
    }

    fn add(&mut self, severity: Severity, reason: String, fix: String) {
        self.failed |= severity == Severity::Error;
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(Problem { node_id: self.node_id.clone(), reason, severity, fix });
        }
    }

    /// Whether there was an error so far.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// All that was found; errors first, otherwise in the order of the workflow.
    pub(crate) fn into_list(mut self) -> Vec<Problem> {
        self.list.sort_by_key(|problem| problem.severity == Severity::Warning);
        self.list
    }
}
