//! What a Calendly body says of the booking that it is about.
//!
//! Invitees are what bookings are told by: a reschedule gives one invitee up and makes another, in two messages that come
//! in any order and name each other. A payment comes with the invitee that was paid for.

use serde_json::Value;
use tributary_domain::{
    booking::{BookingFacts, KeyScope, Paid, Stage},
    time::Timestamp,
};

use super::facts::text;

/// Of a body in the shape that is delivered; nothing of what is about no invitee.
pub(super) fn of(event: &str, body: &Value) -> Option<BookingFacts> {
    let payload = &body["payload"];
    let invitee = |name: &str| text(&payload[name]).map(str::to_owned);
    let (previous, next) = (invitee("old_invitee"), invitee("new_invitee"));
    // The envelope's time is only that of the second.
    let sent = &body["created_at"];
    let mut paid = None;
    let (mut stages, places) = match event {
        "invitee.created" => {
            paid = payment(&payload["payment"]);
            let stage = if previous.is_some() { Stage::Rescheduled } else { Stage::Created };
            (vec![stage], [&payload["created_at"], sent])
        }
        "invitee.canceled" => {
            let is_moved = next.is_some() || payload["rescheduled"] == true;
            let stage = if is_moved { Stage::Moved } else { Stage::Cancelled };
            // Bodies of 2020 have no cancellation: there the last change was it.
            let cancelled = &payload["cancellation"]["created_at"];
            (vec![stage], [if cancelled.is_string() { cancelled } else { &payload["updated_at"] }, sent])
        }
        "invitee_no_show.created" => {
            let inside = &payload["no_show"]["created_at"];
            let mark = if inside.is_string() { inside } else { &body["no_show"]["created_at"] };
            (vec![Stage::NoShow], [mark, sent])
        }
        "invitee_no_show.deleted" => (vec![Stage::NoShowRemoved], [sent, &payload["updated_at"]]),
        _ => return None,
    };
    stages.extend(paid.as_ref().map(|_| Stage::Paid));
    let at = places.into_iter().find_map(|place| text(place)?.parse::<Timestamp>().ok());
    Some(BookingFacts { scope: KeyScope::Tenant, key: invitee("uri")?, previous, next, stages, at, paid })
}

fn payment(payment: &Value) -> Option<Paid> {
    let value = payment["amount"].as_f64().filter(|_| payment["successful"] == true)?;
    Some(Paid { value, currency: text(&payment["currency"]).map(str::to_owned) })
}
