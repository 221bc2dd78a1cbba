//! An appointment was canceled.

use tributary_domain::workflow::spec::{DateFormat, Kind, Op, ValueType, WorkflowSpec};

use super::shared;
use crate::sources::build::{attribute, constant, path, single, with_step};

/// `invitee.canceled` as the standard event `ScheduleCanceled`. The cancelled half of a reschedule is one too, and
/// says to which booking it was moved.
pub(super) fn spec() -> WorkflowSpec {
    let mut event_attributes = shared::event_attributes();
    event_attributes.push(attribute("canceled_by_type", "$.payload.cancellation.canceler_type"));
    event_attributes.push(attribute("rescheduled_to", "$.payload.new_invitee"));
    // Bodies of 2020 have no cancellation: there the last change was it.
    let places = ["$.payload.cancellation.created_at", "$.payload.updated_at", "$.created_at"];
    let canceled_at = single("event_time", ValueType::Time, places.map(path).to_vec());
    WorkflowSpec {
        kind: Kind::Track,
        filter: Some(shared::only("invitee.canceled")),
        event_name: Some(single("event_name", ValueType::String, vec![constant("ScheduleCanceled")])),
        event_time: Some(with_step(canceled_at, "to_date", Op::ToDate(DateFormat::Auto))),
        event_id: Some(single("event_id", ValueType::String, vec![path("$.payload.uri")])),
        identifiers: shared::identifiers(),
        user_traits: shared::user_traits(),
        event_attributes,
        ..WorkflowSpec::default()
    }
}
