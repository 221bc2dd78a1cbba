//! Somebody did not come to an appointment, or it was marked so by mistake.

use tributary_domain::workflow::spec::{DateFormat, Kind, Op, ValueType, WorkflowSpec};

use super::shared;
use crate::sources::build::{attribute, constant, path, single, with_step};

/// `invitee_no_show.created` as the standard event `ScheduleNoShow`. It happened when it was marked, which can be long
/// after the appointment. A mark can be taken back and set again: each has a URI of its own.
pub(super) fn marked() -> WorkflowSpec {
    // Calendly's documentation shows the mark beside the payload, deliveries have it inside.
    let places = ["$.payload.no_show.created_at", "$.no_show.created_at", "$.created_at"];
    let ids = ["$.payload.no_show.uri", "$.no_show.uri", "$.payload.uri"];
    spec("invitee_no_show.created", "ScheduleNoShow", &places, &ids)
}

/// `invitee_no_show.deleted` as the event `ScheduleNoShowUndone`: whoever counted the first one can take it back. Nothing in
/// it tells which mark it was.
pub(super) fn taken_back() -> WorkflowSpec {
    let places = ["$.payload.updated_at", "$.created_at"];
    spec("invitee_no_show.deleted", "ScheduleNoShowUndone", &places, &["$.payload.uri"])
}

fn spec(event: &str, name: &str, places: &[&str], ids: &[&str]) -> WorkflowSpec {
    let inputs = |paths: &[&str]| paths.iter().map(|place| path(place)).collect();
    let mut event_attributes = shared::event_attributes();
    event_attributes.push(attribute("no_show_uri", "$.payload.no_show.uri"));
    let marked_at = single("event_time", ValueType::Time, inputs(places));
    WorkflowSpec {
        kind: Kind::Track,
        filter: Some(shared::only(event)),
        event_name: Some(single("event_name", ValueType::String, vec![constant(name)])),
        event_time: Some(with_step(marked_at, "to_date", Op::ToDate(DateFormat::Auto))),
        event_id: Some(single("event_id", ValueType::String, inputs(ids))),
        identifiers: shared::identifiers(),
        user_traits: shared::user_traits(),
        event_attributes,
        ..WorkflowSpec::default()
    }
}
