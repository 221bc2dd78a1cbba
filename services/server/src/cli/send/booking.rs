//! A booking that was never made before.

use std::time::Duration;

use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How long after it was booked a new appointment takes place.
const AHEAD: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Makes a Calendly body one of its own, of `now`: its event and invitee get URIs of `random`, and times that stand in
/// it become new ones. Nobody who is named in it becomes somebody else.
pub(in crate::cli) fn fresh_booking(mut body: Value, now: Timestamp, random: u128) -> Value {
    let (event_id, invitee_id) = (uuid(random), uuid(random.rotate_left(64)));
    let event = format!("https://api.calendly.com/scheduled_events/{event_id}");
    let starts = Timestamp::from_seconds(now.plus(AHEAD).seconds() / 3_600 * 3_600);
    let fields = [
        ("/created_at", now.to_string()),
        ("/payload/created_at", now.to_string()),
        ("/payload/updated_at", now.to_string()),
        ("/payload/uri", format!("{event}/invitees/{invitee_id}")),
        ("/payload/event", event.clone()),
        ("/payload/cancel_url", format!("https://calendly.com/cancellations/{invitee_id}")),
        ("/payload/reschedule_url", format!("https://calendly.com/reschedulings/{invitee_id}")),
        ("/payload/scheduled_event/uri", event),
        ("/payload/scheduled_event/created_at", now.to_string()),
        ("/payload/scheduled_event/updated_at", now.to_string()),
        ("/payload/scheduled_event/start_time", starts.to_string()),
        ("/payload/scheduled_event/end_time", starts.plus(HOUR / 2).to_string()),
    ];
    for (place, text) in fields {
        if let Some(slot) = body.pointer_mut(place) {
            *slot = json!(text);
        }
    }
    body
}

/// 128 bits in the form of a UUID.
fn uuid(bits: u128) -> String {
    let digits = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use tributary_connectors::sources::{Provider, calendly};

    use super::*;

    #[test]
    fn every_fresh_booking_has_a_dedupe_key_of_its_own_and_the_same_person() {
        let sample: Value = serde_json::from_str(calendly::sample_booking()).unwrap();
        let settings = calendly::Calendly.check_settings(&Value::Null).unwrap();
        let facts = |body: &Value| calendly::Calendly.facts(&settings, &HeaderMap::new(), body);
        let now = Timestamp::from_seconds(1_800_000_000);
        let (one, other) = (fresh_booking(sample.clone(), now, 1), fresh_booking(sample.clone(), now, 2));
        assert!(facts(&one).dedupe_key.is_some());
        assert_ne!(facts(&one).dedupe_key, facts(&other).dedupe_key);
        assert_ne!(facts(&one).dedupe_key, facts(&sample).dedupe_key);
        assert_eq!(facts(&one).cluid.found(), facts(&sample).cluid.found());
        assert_eq!(one["payload"]["email"], sample["payload"]["email"]);
        assert_eq!(one["payload"]["created_at"], now.to_string());
    }

    #[test]
    fn what_a_body_does_not_have_is_not_added() {
        let fresh = fresh_booking(json!({"payload": {"uri": "old"}}), Timestamp::from_seconds(0), 1);
        assert_eq!(fresh["payload"].as_object().unwrap().len(), 1);
        assert_ne!(fresh["payload"]["uri"], "old");
    }
}
