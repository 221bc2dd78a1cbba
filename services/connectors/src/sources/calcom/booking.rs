//! What a Cal.com body says of the booking that it is about. A reschedule is one message: it names the new booking and the
//! old one.
//!
//! Where an event has several seats, each is somebody's booking. Who gives one up is the only attendee of that message, which
//! names no seat (`cancelAttendeeSeat` in Cal.com's own source); and a seat that is moved to an event of its own is another
//! seat there. So a seat is known by whose it is: Cal.com lets an address take one seat of an event at most.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tributary_domain::booking::{BookingFacts, KeyScope, Stage};

use super::{seat, uid};
use crate::sources::facts::text_at;

/// Bytes of the hash by which whose seat it is stands in a key.
const OWNER: usize = 16;

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
    let uid = uid(body)?;
    let seats = body.pointer("/payload/seatsPerTimeSlot").is_some_and(|seats| !seats.is_null());
    let owner = if seats || seat(body).is_some() { Some(owner(stage, body)?) } else { None };
    let key = |uid: String| match &owner {
        Some(owner) => of_owner(&uid, owner),
        None => uid,
    };
    let previous = previous.filter(|_| stage == Stage::Rescheduled).map(key);
    let at = text_at(body, "/createdAt").and_then(|at| at.parse().ok());
    // Its keys are random texts of an instance of Cal.com, of which anybody may run one.
    let scope = KeyScope::Source;
    Some(BookingFacts { scope, key: key(uid), previous, next: None, stages: vec![stage], at, paid: None })
}

/// Whose seat a message is about. Nothing where it is about several, whose host moves or gives up the whole event: a message
/// says something of one booking at most.
fn owner(stage: Stage, body: &Value) -> Option<String> {
    let attendees = body.pointer("/payload/attendees").and_then(Value::as_array);
    let is_only = attendees.is_some_and(|all| all.len() == 1);
    let only = text_at(body, "/payload/attendees/0/email").filter(|_| is_only);
    let address = match stage {
        // The answers are of who books; of who booked first where the whole event is moved.
        Stage::Rescheduled if seat(body).is_none() => return None,
        Stage::Created | Stage::Rescheduled => text_at(body, "/payload/responses/email/value").or(only),
        _ => only,
    };
    address.map(|address| address.trim().to_lowercase()).or_else(|| seat(body))
}

/// The key of somebody's seat, in which nobody's address can be read.
fn of_owner(uid: &str, owner: &str) -> String {
    let hash = Sha256::digest(format!("{uid} {owner}"));
    format!("{uid} {}", hex::encode(&hash[..OWNER]))
}

/// Whether any attendee did not come, or all of them did after all.
fn no_show(body: &Value) -> Option<Stage> {
    let attendees = body.pointer("/payload/attendees")?.as_array()?;
    let marks: Vec<bool> = attendees.iter().filter_map(|attendee| attendee["noShow"].as_bool()).collect();
    let did_not_come = marks.iter().any(|mark| *mark);
    (!marks.is_empty()).then_some(if did_not_come { Stage::NoShow } else { Stage::NoShowRemoved })
}
