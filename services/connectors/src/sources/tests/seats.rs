//! Bookings of Cal.com that have several seats: each seat is somebody's booking of its own.

use std::sync::Arc;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::{
    booking::Stage,
    workflow::event::{EventDraft, RunOutcome},
};

use crate::sources::{provider, testing};

fn only_event(outcome: RunOutcome) -> Arc<EventDraft> {
    match outcome {
        RunOutcome::Events(mut events) if events.len() == 1 => events.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn seats_of_one_booking_of_calcom_are_bookings_of_their_own() {
    let of = |event: &str, seat: Option<&str>, at: &str| {
        let body = json!({"triggerEvent": event, "createdAt": at, "payload": {
            "uid": "u", "seatsPerTimeSlot": 5, "attendeeSeatId": seat,
        }});
        testing::facts(provider("calcom").unwrap(), &HeaderMap::new(), &body)
    };
    let (first, second) = (of("BOOKING_CREATED", Some("s1"), "1"), of("BOOKING_CREATED", Some("s2"), "1"));
    assert_ne!(first.dedupe_key, second.dedupe_key);
    assert_eq!(first.dedupe_key, of("BOOKING_CREATED", Some("s1"), "2").dedupe_key);
    let keys = [first, second].map(|facts| facts.booking.unwrap().key);
    assert_ne!(keys[0], keys[1]);
    let given_up = of("BOOKING_CANCELLED", Some("s2"), "3").booking.unwrap();
    assert_eq!((&given_up.key, given_up.stages.as_slice()), (&keys[1], &[Stage::Cancelled][..]));
    let nobodys = [of("BOOKING_CANCELLED", None, "4"), of("BOOKING_CANCELLED", None, "5")];
    assert_ne!(nobodys[0].dedupe_key, nobodys[1].dedupe_key, "two seats, one after the other");
    assert!(nobodys.iter().all(|facts| facts.booking.is_none()), "the others still stand");
}

#[test]
fn a_seat_of_calcom_is_given_up_by_who_took_it() {
    let of = |event: &str, more: Value| {
        let mut payload = json!({"uid": "u", "seatsPerTimeSlot": 5});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body =
            json!({"triggerEvent": event, "createdAt": "2026-03-10T14:02:30.512Z", "payload": payload});
        testing::facts(provider("calcom").unwrap(), &HeaderMap::new(), &body).booking
    };
    let (ann, bob) = (json!({"email": "Ann@Example.com"}), json!({"email": "bob@example.com"}));
    let answers = |who: &Value| json!({"email": {"value": who["email"]}});
    // Who took seats before stands first.
    let booked = |seat: &str, who: &Value, attendees: &[&Value]| {
        let more = json!({"attendeeSeatId": seat, "responses": answers(who), "attendees": attendees});
        of("BOOKING_CREATED", more).unwrap()
    };
    let (anns, bobs) = (booked("s1", &ann, &[&ann]), booked("s2", &bob, &[&ann, &bob]));
    assert_ne!(anns.key, bobs.key);
    assert!(!anns.key.contains('@'), "{}", anns.key);

    // The answers of such a message are of who booked first.
    let given_up = json!({"responses": answers(&ann), "attendees": [bob]});
    let given_up = of("BOOKING_CANCELLED", given_up).unwrap();
    assert_eq!((&given_up.key, given_up.stages), (&bobs.key, vec![Stage::Cancelled]));
    let last = of("BOOKING_CANCELLED", json!({"attendees": [{"email": "ann@example.com"}]})).unwrap();
    assert_eq!(last.key, anns.key, "letters of an address are as one writes them");
    let all = json!({"responses": answers(&ann), "attendees": [ann, bob]});
    assert_eq!(of("BOOKING_CANCELLED", all.clone()), None, "it is about two bookings");

    // In an event of its own it is another seat; of a host who moves the whole event no seat is named.
    let mut moved = json!({"uid": "v", "rescheduleUid": "u", "attendeeSeatId": "s9", "attendees": [bob]});
    moved["responses"] = answers(&bob);
    let moved = of("BOOKING_RESCHEDULED", moved).unwrap();
    assert_eq!(moved.previous.as_ref(), Some(&bobs.key));
    assert!(moved.key.starts_with("v ") && moved.key != moved.previous.unwrap());
    let mut moved = all;
    moved["rescheduleUid"] = json!("u");
    assert_eq!(of("BOOKING_RESCHEDULED", moved), None);
}

#[test]
fn each_seat_of_calcom_is_an_event_of_who_took_it() {
    let calcom = provider("calcom").unwrap();
    let mut body: Value = serde_json::from_str(calcom.sample().body).unwrap();
    body["payload"]["attendeeSeatId"] = json!("s2");
    let name = json!({"firstName": "Mary Ann", "lastName": "van Dijk"});
    body["payload"]["responses"]["name"]["value"] = name;
    // Who took seats before stands there too, and first.
    body["payload"]["attendees"][0]["email"] = json!("first@example.com");
    let event = only_event(testing::run(calcom, "calcom_booking", &HeaderMap::new(), &body));
    let kinds: Vec<&str> = event.identifiers.iter().map(|identifier| identifier.kind.as_str()).collect();
    assert_eq!(kinds, ["cluid", "email"], "a number of somebody else would make one person of two");
    assert_eq!(event.traits.get("time_zone"), None);
    let mut alone = body.clone();
    alone["payload"]["attendeeSeatId"] = Value::Null;
    let only = only_event(testing::run(calcom, "calcom_booking", &HeaderMap::new(), &alone));
    assert_eq!(only.identifiers[2].value, "+14045550142", "where there are no seats, it is their own");
    assert_eq!(only.traits["time_zone"], "America/New_York");
    assert_eq!(event.dedupe_id.as_deref(), Some("bfz2Yd3r8KqLx5VnWm7Tga s2"));
    assert_eq!(event.identifiers[1].value, "nadia.okafor@brightwater-studio.example");
    assert_eq!(
        (&event.traits["first_name"], &event.traits["last_name"]),
        (&json!("Mary Ann"), &json!("van Dijk"))
    );
    body["triggerEvent"] = json!("BOOKING_CANCELLED");
    body["payload"]["attendeeSeatId"] = Value::Null;
    let event = only_event(testing::run(calcom, "calcom_canceled", &HeaderMap::new(), &body));
    assert_eq!(event.dedupe_id.as_deref(), Some("bfz2Yd3r8KqLx5VnWm7Tga 2026-03-10T14:02:30.512Z"));
    assert_eq!(event.identifiers[1].value, "first@example.com", "only who gave it up stands there");
}
