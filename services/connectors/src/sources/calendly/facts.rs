//! What a Calendly body says of itself.
//!
//! Calendly sends no delivery id. Most facts happen once to the thing that `payload.uri` names: an invitee is
//! created once and cancelled once, and a reschedule makes another invitee. Of those the event and the URI are the
//! whole key, so that a copy stays a copy even where the invitee was changed between two attempts, or where two
//! subscriptions deliver it. What can happen again carries what makes it another fact: a no-show mark has a URI of
//! its own; for the rest it is the time of the change.

use serde_json::Value;

use super::booking;
use crate::sources::{Facts, SourceSettings, facts::bounded_key};

/// Events that happen once to what `payload.uri` names.
const ONCE: [&str; 5] = [
    "invitee.created",
    "invitee.canceled",
    "routing_form_submission.created",
    "event_type.created",
    "event_type.deleted",
];

/// A body in the shape of Calendly's API v1, which its sample endpoint still answers with and which is never
/// delivered: somebody posts test data, or an integration rewrites what it passes on.
const NESTED_V1: &str = "CALENDLY_NESTED_V1_SHAPE";

/// The facts of a body.
pub(super) fn of(settings: &SourceSettings, body: &Value) -> Facts {
    let event = text(&body["event"]);
    let payload = &body["payload"];
    let is_nested = payload["invitee"].is_object() || payload["event"].is_object();
    Facts {
        provider_event: event.map(str::to_owned),
        dedupe_key: event.filter(|_| !is_nested).and_then(|event| dedupe_key(event, body, payload)),
        cluid: settings.cluid.read(body),
        cluid_path: settings.cluid.path.to_string(),
        notice: is_nested.then_some(NESTED_V1),
        booking: event.filter(|_| !is_nested).and_then(|event| booking::of(event, body)),
    }
}

fn dedupe_key(event: &str, body: &Value, payload: &Value) -> Option<String> {
    let uri = text(&payload["uri"])?;
    if ONCE.contains(&event) {
        return Some(bounded_key(format!("{event} {uri}")));
    }
    // Calendly's documentation shows `no_show` beside the payload, deliveries have it inside.
    let candidates =
        [&payload["no_show"]["uri"], &body["no_show"]["uri"], &payload["updated_at"], &body["created_at"]];
    let change = candidates.into_iter().find_map(text)?;
    Some(bounded_key(format!("{event} {uri} {change}")))
}

pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}
