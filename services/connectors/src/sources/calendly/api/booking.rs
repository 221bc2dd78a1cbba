//! Bookings as the API shows them, in the shape in which webhooks tell of them: so that the same workflow maps both, and
//! both are known by the same key.

use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

/// The mark of a no-show is taken back.
pub(super) const UNMARKED: &str = "invitee_no_show.deleted";

/// What a webhook would have told.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// When it happened.
    pub at: Timestamp,
    /// The body.
    pub body: Value,
}

/// What webhooks told of an `invitee` of an `event`, oldest first, as far as it is among `kinds`. `creator` is whose
/// subscription it is.
pub fn deliveries<K: AsRef<str>>(
    event: &Value,
    invitee: &Value,
    creator: &str,
    kinds: &[K],
) -> Vec<Delivery> {
    let mut told = Vec::new();
    let mut tell = |kind: &str, at: Option<Timestamp>, payload: Value| {
        let is_wanted = kinds.iter().any(|wanted| wanted.as_ref() == kind);
        if let Some(at) = at.filter(|_| is_wanted) {
            told.push(Delivery { at, body: envelope(kind, at, creator, &payload) });
        }
    };
    tell("invitee.created", time(&invitee["created_at"]), as_booked(event, invitee));
    if invitee["status"] == "canceled" {
        let at = time(&invitee["cancellation"]["created_at"]).or_else(|| time(&invitee["updated_at"]));
        tell("invitee.canceled", at, payload(event, invitee));
    }
    if invitee["no_show"]["uri"].is_string() {
        tell("invitee_no_show.created", time(&invitee["no_show"]["created_at"]), payload(event, invitee));
    }
    told.sort_by_key(|delivery| delivery.at);
    told
}

/// What webhooks told when the mark of a no-show was taken back from an `invitee` who has none, as far as it is among `kinds`. The
/// API shows neither that there was a mark nor when it went: who knows of one says `at`, by when it is gone. Nothing of who was
/// marked, or gave the booking up.
pub fn unmarked<K: AsRef<str>>(
    event: &Value,
    invitee: &Value,
    creator: &str,
    kinds: &[K],
    at: Timestamp,
) -> Option<Delivery> {
    let is_told = kinds.iter().any(|wanted| wanted.as_ref() == UNMARKED)
        && invitee["no_show"].is_null()
        && invitee["status"] == "active";
    is_told.then(|| Delivery { at, body: envelope(UNMARKED, at, creator, &payload(event, invitee)) })
}

/// The newest of what webhooks told of the invitees of an event that was booked; none: nobody booked.
pub fn newest(event: &Value, invitees: &[Value], creator: &str) -> Option<Value> {
    let booked =
        invitees.iter().flat_map(|invitee| deliveries(event, invitee, creator, &["invitee.created"]));
    booked.max_by_key(|delivery| delivery.at).map(|delivery| delivery.body)
}

/// Whether anything of an event can have happened since. What only one person books changes with its invitee; how an event
/// of many changes when one more joins is not documented, so that it may always have. Nor is whether a no-show changes
/// it, so that with `no_shows` all that began may have.
pub fn was_touched(event: &Value, since: Timestamp, no_shows: bool, now: Timestamp) -> bool {
    let is_of_one = event["invitees_counter"]["limit"].as_u64() == Some(1);
    let has_begun = time(&event["start_time"]).is_none_or(|start| start <= now);
    let is_older = time(&event["updated_at"]).is_some_and(|changed| changed < since);
    !is_older || !is_of_one || (no_shows && has_begun)
}

pub(super) fn envelope(kind: &str, at: Timestamp, creator: &str, payload: &Value) -> Value {
    // Calendly's own have the second, with a fraction of nothing.
    let sent = Timestamp::from_seconds(at.seconds()).to_string().replace('Z', ".000000Z");
    json!({ "event": kind, "created_at": sent, "created_by": creator, "payload": payload })
}

fn payload(event: &Value, invitee: &Value) -> Value {
    let mut payload = invitee.clone();
    payload["scheduled_event"] = event.clone();
    payload
}

/// The booking as it was when it was made, whatever became of it: what came later is told by messages of its own.
fn as_booked(event: &Value, invitee: &Value) -> Value {
    let mut payload = payload(event, invitee);
    for thing in ["", "/scheduled_event"] {
        let Some(Value::Object(fields)) = payload.pointer_mut(thing) else { continue };
        fields.remove("cancellation");
        if fields.contains_key("status") {
            fields.insert("status".to_owned(), json!("active"));
        }
    }
    if let Value::Object(fields) = &mut payload {
        for later in ["new_invitee", "no_show"] {
            if fields.contains_key(later) {
                fields.insert(later.to_owned(), Value::Null);
            }
        }
        if fields.contains_key("rescheduled") {
            fields.insert("rescheduled".to_owned(), json!(false));
        }
    }
    payload
}

pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}
