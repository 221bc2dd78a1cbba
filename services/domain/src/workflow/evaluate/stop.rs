//! Why a run makes no event.

use crate::{
    filter::Failure,
    mapping::{CompiledMapping, Loss, value},
    workflow::{
        compile::limits,
        event::RunOutcome,
        status::{Reason, RunStatus},
        trace::Section,
    },
};

/// A run, or one element of it, that makes no event.
#[derive(Debug)]
pub(super) struct Stop {
    /// How it ended.
    pub(super) status: RunStatus,
    reason: Reason,
}

impl From<Stop> for RunOutcome {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop.status, stop.reason)
    }
}

impl Stop {
    fn new(status: RunStatus, message: String, fix: impl Into<String>) -> Self {
        Self { status, reason: Reason { message, fix: fix.into(), ..Reason::default() } }
    }

    fn at(mut self, node_id: &str) -> Self {
        node_id.clone_into(&mut self.reason.node_id);
        self
    }

    /// The same, of one element of several.
    pub(super) fn of_element(mut self, index: u32) -> Self {
        self.reason.message = format!("element {index}: {}", self.reason.message);
        self
    }

    /// The filter did not let the message through.
    pub(super) fn filtered(failure: Failure) -> Self {
        let fix = "nothing, if such messages are not meant to pass; else change this condition of the workflow's filter, \
                   and publish";
        let mut stop = Self::new(RunStatus::FilterConditionFailed, failure.message, fix).at(&failure.node_id);
        stop.reason.value = failure.value;
        stop
    }

    /// There is nothing to make events of.
    pub(super) fn no_elements(path: &str) -> Self {
        let message = format!("`{path}` of for_each selects nothing, so there is no event to make");
        Self::new(
            RunStatus::FilterConditionFailed,
            message,
            "nothing, if it may be empty; else correct the path",
        )
    }

    /// There are more elements than one message may have.
    pub(super) fn too_many_elements(path: &str) -> Self {
        let message = format!("`{path}` of for_each selects more than {} elements", limits::ELEMENTS);
        Self::new(
            RunStatus::Failed,
            message,
            "narrow the path, for example with a filter such as [?@.active == true]",
        )
    }

    /// The workflow searches or rewrites more than one evaluation may.
    pub(super) fn too_much_work() -> Self {
        Self::new(
            RunStatus::Failed,
            "the workflow's paths and steps search more of this message than is allowed".to_owned(),
            "use paths of names and indexes, such as $.payload.email, instead of `..`, `*` and filters, and fewer \
             steps on long texts",
        )
    }

    /// The events are larger than what one message may become.
    pub(super) fn too_large(node: &CompiledMapping, section: Section) -> Self {
        let message = format!(
            "the events of this message have more than {} bytes, reached at `{}` of {}",
            limits::OUTPUT_BYTES,
            node.target,
            section.as_str()
        );
        Self::new(RunStatus::Failed, message, "map single fields instead of whole objects and lists")
            .at(&node.id)
    }

    /// A text is longer than it may be.
    pub(super) fn too_long(node: &CompiledMapping, section: Section, text: &str, limit: usize) -> Self {
        let message = format!("{} has {} bytes, at most {limit} are allowed", section.as_str(), text.len());
        let mut stop =
            Self::new(RunStatus::Failed, message, "map a shorter value, or shorten it with a step")
                .at(&node.id);
        stop.reason.value = Some(value::shown(&text.into()));
        stop
    }

    /// A mapping that must not be empty was.
    pub(super) fn required(node: &CompiledMapping, section: Section, loss: Loss) -> Self {
        let target = if node.target.is_empty() { String::new() } else { format!("`{}` of ", node.target) };
        let message = format!("{target}{} must not be empty: {} {loss}", section.as_str(), node.places());
        let fix = "add another input or a default, or choose SKIP for when it is empty";
        Self::new(RunStatus::Failed, message, fix).at(&node.id)
    }

    /// The event has no name. Without `loss` its mapping's condition does not hold.
    pub(super) fn no_name(node: Option<&CompiledMapping>, loss: Option<Loss>) -> Self {
        let fix = "add a constant as the last input of the event name";
        let why = match (node, loss) {
            (None, _) => "it is not mapped".to_owned(),
            (Some(_), None) => "its condition does not hold".to_owned(),
            (Some(node), Some(loss)) => format!("{} {loss}", node.places()),
        };
        let stop = Self::new(RunStatus::EventNameMissing, format!("the event has no name: {why}"), fix);
        stop.at(node.map_or("", |node| &node.id))
    }

    /// None of the mapped identifiers is valid; `causes` says of each why, `value` is the first that was refused.
    pub(super) fn no_identifier(
        status: RunStatus,
        node_id: &str,
        causes: &[String],
        value: Option<serde_json::Value>,
    ) -> Self {
        let (what, fix) = if status == RunStatus::AccountIdMissing {
            (
                "group identity",
                "map a field that holds the group's id, or filter such messages out, and publish",
            )
        } else {
            (
                "user identifier",
                "map a field that holds an e-mail, a phone number, a cluid or an id of the person, and publish",
            )
        };
        let causes = if causes.is_empty() { "none is mapped".to_owned() } else { causes.join("; ") };
        let mut stop = Self::new(status, format!("no valid {what}: {causes}"), fix).at(node_id);
        stop.reason.value = value;
        stop
    }
}
