//! Bookings of made-up people, in the shape that Calendly sends.

use serde_json::{Value, json};

use crate::now_seconds;

/// A visitor's id in the tag's format; a number gives always the same one.
pub fn cluid(number: u32) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let digits = (0..7).rev().map(|place| char::from(ALPHABET[(number >> (5 * place)) as usize & 31]));
    format!("trb_01j0000000000000000{}", digits.collect::<String>())
}

/// A booking that can be changed before it is sent.
#[derive(Debug, Clone)]
pub struct Booking(Value);

impl Booking {
    /// `invitee.created` number `number`: a booking of its own, of nobody yet.
    pub fn new(number: u32) -> Self {
        let event = format!("https://api.calendly.com/scheduled_events/event-{number}");
        Self(json!({
            "event": "invitee.created",
            "created_at": "2026-03-10T14:02:31.000000Z",
            "created_by": "https://api.calendly.com/users/HOSTHOSTHOSTHOST",
            "payload": {
                "uri": format!("{event}/invitees/invitee-{number}"),
                "event": event,
                "created_at": "2026-03-10T14:02:30.512873Z",
                "updated_at": "2026-03-10T14:02:30.512873Z",
                "email": null,
                "name": "Test Person",
                "first_name": null,
                "last_name": null,
                "timezone": "Europe/Berlin",
                "status": "active",
                "rescheduled": false,
                "old_invitee": null,
                "new_invitee": null,
                "text_reminder_number": null,
                "questions_and_answers": [],
                "tracking": {
                    "utm_campaign": null, "utm_source": null, "utm_medium": null, "utm_content": null,
                    "utm_term": null, "salesforce_uuid": null
                },
                "scheduled_event": {
                    "uri": event,
                    "name": "Discovery call",
                    "event_type": "https://api.calendly.com/event_types/TYPETYPETYPETYPE",
                    "start_time": "2026-03-12T15:00:00.000000Z",
                    "end_time": "2026-03-12T15:30:00.000000Z",
                    "location": {"type": "physical", "location": "Office"},
                    "event_memberships": []
                }
            }
        }))
    }

    /// Whoever books.
    #[must_use]
    pub fn email(self, email: &str) -> Self {
        self.with("/payload/email", json!(email))
    }

    /// What stands in `utm_term`.
    #[must_use]
    pub fn cluid(self, cluid: &str) -> Self {
        self.with("/payload/tracking/utm_term", json!(cluid))
    }

    /// Made just now: platforms do not take events of long ago.
    #[must_use]
    pub fn booked_now(self) -> Self {
        let now = json!(prost_types::Timestamp { seconds: now_seconds(), nanos: 0 }.to_string());
        let places = ["/created_at", "/payload/created_at", "/payload/updated_at"];
        places.into_iter().fold(self, |booking, place| booking.with(place, now.clone()))
    }

    /// Any other value, by its JSON pointer; the place has to be there.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    pub fn with(mut self, pointer: &str, value: Value) -> Self {
        *self.0.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer} in a booking")) = value;
        self
    }

    /// The value at a JSON pointer.
    ///
    /// # Panics
    /// When there is none.
    pub fn value(&self, pointer: &str) -> Value {
        self.0.pointer(pointer).cloned().unwrap_or_else(|| panic!("no {pointer} in a booking"))
    }

    /// Without the member `name` of the object at `pointer`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn without(mut self, pointer: &str, name: &str) -> Self {
        let object = self.0.pointer_mut(pointer).and_then(Value::as_object_mut);
        let removed = object.and_then(|object| object.remove(name));
        assert!(removed.is_some(), "no {name} in {pointer} of a booking");
        self
    }

    /// With one more member `name` of the whole.
    #[must_use]
    pub fn and(mut self, name: &str, value: Value) -> Self {
        self.0[name] = value;
        self
    }

    /// The bytes that are sent.
    pub fn body(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }
}
