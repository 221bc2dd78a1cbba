//! Compiling: a specification is checked once, and made into what is evaluated quickly.

pub(crate) mod limits;
mod lists;
mod problem;

pub(crate) use problem::Problems;
pub use problem::{Problem, Severity};

use super::{
    catalogue,
    spec::{Kind, Mapping, OnEmpty, ValueType, WorkflowSpec},
};
use crate::{
    booking::FollowUp,
    filter::CompiledGroup,
    identity::IdentifierType,
    mapping::{CompiledMapping, CompiledPath},
};

/// A workflow that is known to be sound; shared between threads.
#[derive(Debug)]
pub struct CompiledWorkflow {
    /// Which kind of event it makes.
    pub(super) kind: Kind,
    /// The elements that events are made of.
    pub(super) for_each: Option<CompiledPath>,
    /// Which messages pass.
    pub(super) filter: Option<CompiledGroup>,
    /// The event's name.
    pub(super) event_name: Option<CompiledMapping>,
    /// When it happened.
    pub(super) event_time: Option<CompiledMapping>,
    /// The id that platforms deduplicate by.
    pub(super) event_id: Option<CompiledMapping>,
    /// The user identifiers, the primary one first.
    pub(super) identifiers: Vec<CompiledIdentifier>,
    /// What is known of the person.
    pub(super) user_traits: Vec<CompiledMapping>,
    /// What is known of the event.
    pub(super) event_attributes: Vec<CompiledMapping>,
    /// Which group it concerns.
    pub(super) group_identities: Vec<CompiledIdentifier>,
    /// What is known of the group.
    pub(super) group_traits: Vec<CompiledMapping>,
    /// What the person agreed to.
    pub(super) consents: Vec<CompiledMapping>,
    follow_up: Option<FollowUp>,
}

/// A mapping whose value has to pass the rules of an identifier.
#[derive(Debug)]
pub(super) struct CompiledIdentifier {
    /// Whose rules; for a group, those of an external id.
    pub(super) kind: IdentifierType,
    /// Where the value comes from.
    pub(super) mapping: CompiledMapping,
}

impl CompiledWorkflow {
    /// Compiles `spec`. There is no workflow when one of the problems is an error; there may be warnings beside a
    /// workflow. Disabled mappings are left out, and what is wrong with them is only a warning.
    pub fn compile(spec: &WorkflowSpec) -> (Option<Self>, Vec<Problem>) {
        let mut problems = Problems::default();
        let workflow = Self::compile_parts(spec, &mut problems);
        // Only now is it known that nothing in it is nested too deep to be written.
        if !problems.failed() {
            check_size(spec, &mut problems);
        }
        let sound = workflow.filter(|_| !problems.failed());
        (sound, problems.into_list())
    }

    /// What follows its events; nothing when each stands for itself.
    pub fn follow_up(&self) -> Option<FollowUp> {
        self.follow_up
    }

    fn compile_parts(spec: &WorkflowSpec, problems: &mut Problems) -> Option<Self> {
        let for_each = spec.for_each.as_ref().map(|path| CompiledPath::compile(path, problems));
        let filter = spec.filter.as_ref().map(|filter| CompiledGroup::compile(filter, problems));
        let event_name = lists::single("event_name", spec.event_name.as_ref(), ValueType::String, problems);
        match (spec.kind, &event_name) {
            (Kind::Track, None) => problems.error(
                "an event of kind TRACK has no event name",
                "choose a standard event, or map the name from the payload",
            ),
            (Kind::Identify | Kind::Group, Some(_)) => problems.warn(
                "only an event of kind TRACK has a name",
                "remove the event name, or make the workflow a TRACK workflow",
            ),
            _ => {}
        }
        let event_time = lists::single("event_time", spec.event_time.as_ref(), ValueType::Time, problems);
        let event_id = lists::single("event_id", spec.event_id.as_ref(), ValueType::String, problems);
        let identifiers = lists::identifiers(&spec.identifiers, spec.kind, problems);
        let user_traits = lists::traits("user_traits", &spec.user_traits, problems);
        let event_attributes = lists::values("event_attributes", &spec.event_attributes, problems);
        expect_attributes(spec, problems);
        let group_identities = lists::groups(&spec.group_identities, spec.kind, problems);
        let group_traits = lists::traits("group_traits", &spec.group_traits, problems);
        let consents = lists::values("consents", &spec.consents, problems);
        if spec.follow_up.is_some() && spec.kind != Kind::Track {
            problems.error(
                "only an event of kind TRACK can be followed up",
                "remove the follow-up, or make the workflow a TRACK workflow",
            );
        }
        Some(Self {
            kind: spec.kind,
            for_each: sound(for_each)?,
            filter: sound(filter)?,
            event_name,
            event_time,
            event_id,
            identifiers,
            user_traits,
            event_attributes,
            group_identities,
            group_traits,
            consents,
            follow_up: spec.follow_up,
        })
    }
}

/// Warns of a standard event without an attribute that it is of little use without.
fn expect_attributes(spec: &WorkflowSpec, problems: &mut Problems) {
    let Some(name) = spec.event_name.as_ref().filter(|_| spec.kind == Kind::Track) else { return };
    let Some(event) = spec.constant_name().and_then(catalogue::event_named) else { return };
    let mapped = |target: &str| {
        spec.event_attributes.iter().any(|mapping| !mapping.disabled && mapping.target == target)
    };
    let missing: Vec<&str> = event.expected.iter().copied().filter(|target| !mapped(target)).collect();
    if !missing.is_empty() {
        problems.warn_at(
            &name.id,
            format!(
                "the event {} has no {}: ad platforms make little use of it so",
                event.name,
                missing.join(" and ")
            ),
            format!("map {} among the event attributes, or as a constant", missing.join(" and ")),
        );
    }
}

/// An optional part: nothing where it was asked for and is not sound.
fn sound<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    part.map_or(Some(None), |compiled| compiled.map(Some))
}

fn check_size(spec: &WorkflowSpec, problems: &mut Problems) {
    let bytes = serde_json::to_vec(spec).map_or(usize::MAX, |json| json.len());
    if bytes > limits::SPEC_BYTES {
        problems.error(
            format!("the workflow has {bytes} bytes, at most {} are allowed", limits::SPEC_BYTES),
            "remove mappings that are not needed, or split it into two workflows",
        );
    }
}

#[cfg(test)]
mod tests;
