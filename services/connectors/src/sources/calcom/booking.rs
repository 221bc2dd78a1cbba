//! What a Cal.com body says of the booking that it is about. A reschedule is one message: it names the new booking and the
//! old one.

use serde_json::Value;
use tributary_domain::booking::{BookingFacts, KeyScope, Stage};

use super::{booking_key, of_seat, seat};
use crate::sources::facts::text_at;

/// Of a body; nothing of what is about no booking, or one that nobody has confirmed yet, or some seat that is not named.
pub(super) fn of(event: &str, body: &Value) -> Option<BookingFacts> {
    let previous = text_at(body, "/payload/rescheduleUid");
    let stage = match event {
        "BOOKING_CREATED" if previous.is_none() => Stage::Created,
        // Where a booking has to be confirmed, the new time of one is told as made.
        "BOOKING_CREATED" | "BOOKING_RESCHEDULED" => Stage::Rescheduled,
        "BOOKING_CANCELLED" | "BOOKING_REJECTED" => Stage::Cancelled,
        "BOOKING_NO_SHOW_UPDATED" => no_show(body)?,
        _ => return None,
    };
    // Which of several seats was given up or moved cannot be told: the others still stand.
    let is_seated = body.pointer("/payload/seatsPerTimeSlot").is_some_and(|seats| !seats.is_null());
    if is_seated && seat(body).is_none() && stage != Stage::Created {
        return None;
    }
    let previous = previous.filter(|_| stage == Stage::Rescheduled).map(|uid| of_seat(uid, body));
    let at = text_at(body, "/createdAt").and_then(|at| at.parse().ok());
    // Its keys are random texts of an instance of Cal.com, of which anybody may run one.
    let scope = KeyScope::Source;
    Some(BookingFacts {
        scope,
        key: booking_key(body)?,
        previous,
        next: None,
        stages: vec![stage],
        at,
        paid: None,
    })
}

/// Whether any attendee did not come, or all of them did after all.
fn no_show(body: &Value) -> Option<Stage> {
    let attendees = body.pointer("/payload/attendees")?.as_array()?;
    let marks: Vec<bool> = attendees.iter().filter_map(|attendee| attendee["noShow"].as_bool()).collect();
    let did_not_come = marks.iter().any(|mark| *mark);
    (!marks.is_empty()).then_some(if did_not_come { Stage::NoShow } else { Stage::NoShowRemoved })
}
