//! Cal.com.

mod booking;
mod preset;

use std::borrow::Cow;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::{
    Sample,
    facts::{bounded_key, text_at},
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    signing::Signing,
    vendor::{PLAIN, Told, Vendor},
    webhook::JSON,
};

/// Cal.com: `X-Cal-Signature-256`. Without a secret it writes `no-secret-provided` there, which is no signature.
pub(super) static CALCOM: Vendor = Vendor {
    name: "calcom",
    display_name: "Cal.com",
    help: "Add the webhook URL under Settings, Developer, Webhooks, with a secret of your own, which is the signing key. \
           Booking links carry the visitor's cluid in the parameter metadata[cluid].",
    signing: Signing::Body(HmacScheme {
        header: HeaderName::from_static("x-cal-signature-256"),
        prefix: Cow::Borrowed(""),
        encoding: Encoding::LowerHex,
        algorithm: Algorithm::Sha256,
    }),
    cluid_path: "$.payload.metadata.cluid",
    told,
    ways: PLAIN,
    sample: Sample {
        content_type: JSON,
        event: "",
        body: include_str!("../../../fixtures/calcom/booking_created.json"),
    },
    presets: preset::all,
};

/// Events that happen once to the booking that `payload.uid` names, or to the seat of it that is named: a reschedule makes
/// another one.
const ONCE: [&str; 6] = [
    "BOOKING_CREATED",
    "BOOKING_REQUESTED",
    "BOOKING_REJECTED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_PAID",
];

fn told(_: &HeaderMap, body: &Value) -> Told {
    let event = text_at(body, "/triggerEvent");
    let dedupe_key = event.as_deref().and_then(|event| dedupe_key(event, body));
    let booking = event.as_deref().and_then(|event| booking::of(event, body));
    Told { event, dedupe_key, booking }
}

fn dedupe_key(event: &str, body: &Value) -> Option<String> {
    let mut key = uid(body)?;
    if let Some(seat) = seat(body) {
        key = format!("{key} {seat}");
    }
    // Of a booking with several seats, each can be given up by a message that names none.
    let names_all = event != "BOOKING_CANCELLED" || seat(body).is_some();
    if names_all && ONCE.contains(&event) {
        return Some(bounded_key(format!("{event} {key}")));
    }
    text_at(body, "/createdAt").map(|at| bounded_key(format!("{event} {key} {at}")))
}

/// The booking that a body is about.
fn uid(body: &Value) -> Option<String> {
    text_at(body, "/payload/uid").or_else(|| text_at(body, "/payload/bookingUid"))
}

/// Whose seat of it, where an event has several: each is somebody's booking, and all of them share its uid.
fn seat(body: &Value) -> Option<String> {
    text_at(body, "/payload/attendeeSeatId")
}
