//! Requests and answers of Klaviyo's API.

use serde_json::{Map, Value, json};
use tributary_domain::booking::{FollowUpKind, Why};

use super::*;
use crate::destinations::tests::{
    HAPPENED, NOW, body, event, followed, identifier, judged, object, secrets, word,
};

fn sent(event: &OutgoingEvent) -> Result<HttpRequest, RequestError> {
    let secrets = secrets(&[("api_key", "pk_1")]);
    assert_eq!(Klaviyo.check_settings(&json!({}), &secrets), Ok(()));
    Klaviyo.request(&json!({}), &secrets, event, NOW)
}

fn profile() -> Value {
    json!({
        "type": "profile",
        "attributes": {
            "email": "zoë@example.com", "phone_number": "+14045550142", "external_id": "42",
            "anonymous_id": "trb_01h8xkq7v2m3n4p5r6s7t8v9w0", "first_name": "Zoe\u{308}", "last_name": "O’Neil",
            "location": {"city": "San Francisco 1", "region": "California", "zip": "94107-1234", "country": "US"},
            "properties": {"gender": "Female", "date_of_birth": "1990-04-23", "plan": "gold"},
        },
    })
}

#[test]
fn an_event_is_told_with_its_profile() {
    let request = sent(&event()).unwrap();
    assert_eq!(request.url, "https://a.klaviyo.com/api/events");
    for (name, value) in [("authorization", "Klaviyo-API-Key pk_1"), ("revision", "2026-04-15")] {
        assert_eq!(request.headers[name], value);
    }
    let expected = json!({"data": {"type": "event", "attributes": {
        "metric": {"data": {"type": "metric", "attributes": {"name": "Schedule"}}},
        "profile": {"data": profile()},
        "properties": {"content_name": "Discovery call"},
        "time": HAPPENED.to_string(), "value": 49.5, "value_currency": "USD", "unique_id": "booking-1",
    }}});
    assert_eq!(body(&request), expected);
}

#[test]
fn who_somebody_is_becomes_their_profile() {
    let who = OutgoingEvent { kind: Kind::Identify, name: String::new(), ..event() };
    let request = sent(&who).unwrap();
    assert_eq!(request.url, "https://a.klaviyo.com/api/profile-import");
    assert_eq!(body(&request), json!({"data": profile()}));
    let cleared = OutgoingEvent { traits: object(json!({"first_name": null, "plan": null})), ..who };
    let attributes = body(&sent(&cleared).unwrap())["data"]["attributes"].clone();
    assert_eq!(
        (&attributes["first_name"], &attributes["properties"]),
        (&Value::Null, &json!({"plan": null}))
    );
    assert!(attributes.as_object().unwrap().contains_key("first_name"));
    let group = OutgoingEvent { kind: Kind::Group, name: String::new(), ..event() };
    assert!(sent(&group).is_err());
}

#[test]
fn a_hash_is_no_address_and_nobody_has_no_profile() {
    let hash = OutgoingEvent {
        identifiers: vec![identifier("cluid", "x")],
        traits: object(json!({"email": "a".repeat(64)})),
        ..event()
    };
    assert!(sent(&hash).unwrap_err().to_string().contains("e-mail"));
}

#[test]
fn what_became_of_an_event_is_a_metric_of_its_own() {
    for (kind, why, metric) in [
        (FollowUpKind::Retract, Why::Cancelled, "Schedule Cancelled"),
        (FollowUpKind::Retract, Why::NoShow, "Schedule No Show"),
        (FollowUpKind::Restate, Why::Rescheduled, "Schedule Rescheduled"),
        (FollowUpKind::Restate, Why::Paid, "Schedule Paid"),
        (FollowUpKind::Retract, Why::OneBooking, "Schedule Merged"),
    ] {
        let event = followed(kind, why);
        let attributes = body(&sent(&event).unwrap())["data"]["attributes"].clone();
        assert_eq!(attributes["metric"]["data"]["attributes"]["name"], json!(metric));
        let earlier = event.follow_up.unwrap().event.to_string();
        // Its traits may be old by now.
        let profile =
            body(&sent(&event).unwrap())["data"]["attributes"]["profile"]["data"]["attributes"].clone();
        let names: Vec<&String> = profile.as_object().unwrap().keys().collect();
        assert_eq!(names, ["anonymous_id", "email", "external_id", "phone_number"]);
        assert_eq!(attributes["properties"]["original_event_id"], json!(earlier));
    }
}

#[test]
fn a_value_without_a_currency_is_of_the_accounts_own() {
    let event = OutgoingEvent { attributes: object(json!({"value": "7"})), traits: Map::new(), ..event() };
    let attributes = body(&sent(&event).unwrap())["data"]["attributes"].clone();
    assert_eq!((&attributes["value"], attributes.get("value_currency")), (&json!(7), None));
}

#[test]
fn answers_mean_what_their_codes_say() {
    let error = |code: &str| json!({"errors": [{"code": code, "detail": "canary"}]});
    for (status, answer, expected) in [
        (202, Value::Null, "delivered"),
        (201, json!({"data": {}}), "delivered"),
        (400, error("invalid"), "permanent"),
        (401, error("not_authenticated"), "revoked"),
        (403, error("permission_denied"), "scope missing"),
        (409, error("duplicate_profile"), "retry"),
        (429, error("throttled"), "retry"),
        (400, error("something_new"), "permanent"),
    ] {
        let outcome = judged(&Klaviyo, status, &answer);
        assert_eq!(word(&outcome), expected, "{status} {answer}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    }
}
