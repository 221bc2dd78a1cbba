//! What each node of a workflow saw and did, for people who look at one message.
//!
//! The rules are written once, over a `Tracer`: the silent one costs nothing, the recording one keeps nodes.

use serde::Serialize;
use serde_json::Value;

use crate::mapping::value;

/// What one node of a workflow saw and did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeTrace {
    /// The node.
    pub node_id: String,
    /// Which part of the workflow it belongs to, such as `filter`, `identifiers` or `user_traits`.
    pub section: &'static str,
    /// What its mapping fills; empty for the filter.
    pub target: String,
    /// Which element of `for_each` it looked at; unset where the whole message was looked at.
    pub element: Option<u32>,
    /// What it got.
    pub input: Option<Value>,
    /// What it made of it.
    pub output: Option<Value>,
    /// How it went.
    pub outcome: NodeOutcome,
    /// Why, in words; empty when there is nothing to say.
    pub reason: String,
    /// Which input won, such as `$.payload.email`; empty when none did.
    pub source: String,
}

/// How it went with one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NodeOutcome {
    /// A condition or a group that holds.
    Holds,
    /// A condition or a group that does not hold.
    DoesNotHold,
    /// It was decided before its turn came.
    NotReached,
    /// A value came out.
    Mapped,
    /// No value came out, and none was needed.
    Empty,
    /// Its `when` does not hold.
    Skipped,
    /// What is known is to be erased.
    Cleared,
    /// A value came out that is not taken as an identifier.
    Rejected,
    /// The run fails because of it.
    Failed,
}

/// The parts of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// Which messages pass.
    Filter,
    /// The elements that events are made of.
    ForEach,
    /// The event's name.
    EventName,
    /// When it happened.
    EventTime,
    /// The id that platforms deduplicate by.
    EventId,
    /// The user identifiers.
    Identifiers,
    /// What is known of the person.
    UserTraits,
    /// What is known of the event.
    EventAttributes,
    /// Which group it concerns.
    GroupIdentities,
    /// What is known of the group.
    GroupTraits,
    /// What the person agreed to.
    Consents,
}

impl Section {
    /// The name of the part in a workflow's specification.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::ForEach => "for_each",
            Self::EventName => "event_name",
            Self::EventTime => "event_time",
            Self::EventId => "event_id",
            Self::Identifiers => "identifiers",
            Self::UserTraits => "user_traits",
            Self::EventAttributes => "event_attributes",
            Self::GroupIdentities => "group_identities",
            Self::GroupTraits => "group_traits",
            Self::Consents => "consents",
        }
    }
}

/// What a node tells a tracer.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// The node.
    pub(crate) node_id: &'a str,
    /// What it got.
    pub(crate) input: Option<&'a Value>,
    /// What it made of it.
    pub(crate) output: Option<&'a Value>,
    /// How it went.
    pub(crate) outcome: NodeOutcome,
    /// Why.
    pub(crate) reason: String,
    /// Which input won.
    pub(crate) source: String,
}

/// Who listens while a workflow is evaluated. It never changes what comes out.
pub(crate) trait Tracer {
    /// Whether entries are kept: what is only needed for them is not even prepared otherwise.
    const RECORDS: bool;
    /// Says which part of the workflow, and which mapping of it, the next entries belong to.
    fn enter(&mut self, section: Section, target: &str);
    /// Says which element of `for_each` the next entries belong to.
    fn element(&mut self, index: Option<u32>);
    /// Takes an entry; `entry` is only called by those who keep it.
    fn record<'a>(&mut self, entry: impl FnOnce() -> Entry<'a>);
}

/// Keeps nothing.
#[derive(Debug)]
pub(crate) struct Silent;

impl Tracer for Silent {
    const RECORDS: bool = false;
    fn enter(&mut self, _: Section, _: &str) {}
    fn element(&mut self, _: Option<u32>) {}
    fn record<'a>(&mut self, _: impl FnOnce() -> Entry<'a>) {}
}

/// How many entries a trace has at most.
const MAX_ENTRIES: usize = 5_000;
/// A value of more bytes is cut in a trace.
const MAX_VALUE: usize = 16 * 1024;
/// How many bytes of values a trace keeps altogether; the entries after that have none.
const MAX_VALUES: usize = 1024 * 1024;

/// Keeps entries, within bounds.
#[derive(Debug)]
pub(crate) struct Recorder {
    entries: Vec<NodeTrace>,
    section: Section,
    target: String,
    element: Option<u32>,
    bytes_left: usize,
}

impl Recorder {
    /// An empty trace.
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            section: Section::Filter,
            target: String::new(),
            element: None,
            bytes_left: MAX_VALUES,
        }
    }

    /// What was recorded, in the order of evaluation.
    pub(crate) fn into_entries(self) -> Vec<NodeTrace> {
        self.entries
    }

    fn keep(&mut self, seen: Option<&Value>) -> Option<Value> {
        let seen = seen?;
        let (kept, bytes) = match value::size_within(seen, MAX_VALUE) {
            Some(bytes) => (seen.clone(), bytes),
            None => (value::shown(seen), value::SHOWN_CHARACTERS),
        };
        self.bytes_left = self.bytes_left.checked_sub(bytes)?;
        Some(kept)
    }
}

impl Tracer for Recorder {
    const RECORDS: bool = true;

    fn enter(&mut self, section: Section, target: &str) {
        self.section = section;
        target.clone_into(&mut self.target);
    }

    fn element(&mut self, index: Option<u32>) {
        self.element = index;
    }

    fn record<'a>(&mut self, entry: impl FnOnce() -> Entry<'a>) {
        if self.entries.len() >= MAX_ENTRIES {
            return;
        }
        let entry = entry();
        let (input, output) = (self.keep(entry.input), self.keep(entry.output));
        self.entries.push(NodeTrace {
            node_id: entry.node_id.to_owned(),
            section: self.section.as_str(),
            target: self.target.clone(),
            element: self.element,
            input,
            output,
            outcome: entry.outcome,
            reason: entry.reason,
            source: entry.source,
        });
    }
}
