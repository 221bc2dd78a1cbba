//! What Calendly's events have in common: the invitee, the appointment, and where the visit came from.

use serde_json::json;
use tributary_domain::workflow::spec::{Group, Input, Mapping, MessageField, NamePart, Op, Operator};

use crate::sources::build::{all_of, attribute, condition, field, mapping, path, user_trait, with_step};

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

/// Who it is. The cluid is the one that the source found; the place it usually stands at is tried after it only so
/// that the run's log shows what stands there instead of one.
pub(super) fn identifiers() -> Vec<Mapping> {
    let cluid = vec![field(MessageField::Cluid), path("$.payload.tracking.utm_term")];
    vec![
        Mapping { primary: true, ..mapping("identifier", "cluid", cluid) },
        mapping("identifier", "email", vec![path("$.payload.email")]),
        mapping("identifier", "phone", phone_inputs()),
    ]
}

/// What is known of the invitee.
pub(super) fn user_traits() -> Vec<Mapping> {
    vec![
        user_trait("email", vec![path("$.payload.email")]),
        first_name(),
        last_name(),
        with_step(user_trait("phone", phone_inputs()), "to_phone", Op::ToPhone { country: None }),
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

fn phone_inputs() -> Vec<Input> {
    vec![path(REMINDER_NUMBER), path(CALLED_NUMBER)]
}

/// From the form's own field, or else from the whole name. The word after the form's first name is what the step
/// takes off, so that `Mary Ann` stays whole.
fn first_name() -> Mapping {
    let own = Input::Template("{{ $.payload.first_name }} =".to_owned());
    let inputs = vec![own, path("$.payload.name")];
    with_step(user_trait("first_name", inputs), "split_name", Op::SplitName(NamePart::First))
}

/// From the form's own field, or else the last word of the whole name, where it has several. The sign before the
/// form's last name is what the step takes off, so that `van Dijk` stays whole.
fn last_name() -> Mapping {
    let own = Input::Template("={{ $.payload.last_name }}".to_owned());
    let inputs = vec![own, path("$.payload.name")];
    let mapping = with_step(user_trait("last_name", inputs), "trim", Op::Trim);
    let last_word = Op::Replace { pattern: r"^(?:=|.*\s|\S+$)".to_owned(), with: String::new() };
    with_step(mapping, "last_word", last_word)
}
