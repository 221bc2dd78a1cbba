//! What Calendly's events have in common: the invitee, the appointment, and where the visit came from.

use serde_json::json;
use tributary_domain::workflow::spec::{Group, Mapping, Operator};

use crate::sources::build::{
    all_of, attribute, cluid, condition, first_name, identifier, last_name, path, paths, phone, user_trait,
};

/// Where the number stands when the host calls the invitee; at every other kind of location it is the host's.
const CALLED_NUMBER: &str = "$.payload.scheduled_event[?@.type == 'outbound_call'].location";
const REMINDER_NUMBER: &str = "$.payload.text_reminder_number";

/// Lets one event of Calendly pass, in the shape that is really delivered: test data in the shape of the API v1 has
/// the invitee one level deeper and no URI to tell it by.
pub(super) fn only(event: &str) -> Group {
    all_of(vec![
        condition("filter_event", "$.event", Operator::Equals, vec![json!(event)]),
        condition("filter_not_nested", "$.payload.invitee", Operator::NotExists, Vec::new()),
    ])
}

/// Who it is.
pub(super) fn identifiers() -> Vec<Mapping> {
    vec![
        cluid("$.payload.tracking.utm_term"),
        identifier("email", vec![path("$.payload.email")]),
        identifier("phone", paths(&[REMINDER_NUMBER, CALLED_NUMBER])),
    ]
}

/// What is known of the invitee.
pub(super) fn user_traits() -> Vec<Mapping> {
    vec![
        user_trait("email", vec![path("$.payload.email")]),
        first_name(&["$.payload.first_name"], &["$.payload.name"]),
        last_name(&["$.payload.last_name"], &["$.payload.name"]),
        phone(&[REMINDER_NUMBER, CALLED_NUMBER]),
        user_trait("time_zone", vec![path("$.payload.timezone")]),
    ]
}

/// What is known of the appointment and of the visit that led to it. Answers are left out: people tell their
/// business or their health in them, and whoever wants one forwarded maps it by its question.
pub(super) fn event_attributes() -> Vec<Mapping> {
    let mut attributes = vec![
        attribute("content_name", "$.payload.scheduled_event.name"),
        attribute("start_time", "$.payload.scheduled_event.start_time"),
        attribute("end_time", "$.payload.scheduled_event.end_time"),
        attribute("event_type_uri", "$.payload.scheduled_event.event_type"),
        attribute("scheduled_event_uri", "$.payload.event"),
        attribute("invitee_uri", "$.payload.uri"),
    ];
    attributes.extend(campaign());
    attributes
}

/// The advertisement that led to the visit. What stands in `utm_term` is the cluid, or nobody's business.
pub(super) fn campaign() -> [Mapping; 4] {
    [
        attribute("utm_source", "$.payload.tracking.utm_source"),
        attribute("utm_medium", "$.payload.tracking.utm_medium"),
        attribute("utm_campaign", "$.payload.tracking.utm_campaign"),
        attribute("utm_content", "$.payload.tracking.utm_content"),
    ]
}
