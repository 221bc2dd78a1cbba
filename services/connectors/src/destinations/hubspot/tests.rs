//! Requests and answers of HubSpot's API.

use serde_json::{Map, Value, json};
use tributary_domain::booking::{FollowUpKind, Why};

use super::*;
use crate::destinations::tests::{NOW, body, event, followed, judged, object, secrets, word};

fn sent(settings: &Value, event: &OutgoingEvent) -> Result<HttpRequest, RequestError> {
    let secrets = secrets(&[("access_token", "token")]);
    assert_eq!(HubSpot.check_settings(settings, &secrets), Ok(()));
    HubSpot.request(settings, &secrets, event, NOW)
}

#[test]
fn a_contact_is_told_as_documented() {
    let settings = json!({"properties": {"last_event": "{{ $.data.name }} of {{ $.data.source }}"}});
    let request = sent(&settings, &event()).unwrap();
    assert_eq!(request.url, "https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert");
    assert_eq!(request.headers["authorization"], "Bearer token");
    let expected = json!({"inputs": [{
        "id": "zoë@example.com", "idProperty": "email",
        "properties": {
            "email": "zoë@example.com", "phone": "+14045550142", "firstname": "Zoe\u{308}", "lastname": "O’Neil",
            "city": "San Francisco 1", "state": "California", "zip": "94107-1234", "country": "US",
            "last_event": "Schedule of Calendly",
        },
    }]});
    assert_eq!(body(&request), expected);
    let dated = sent(&json!({"api_version": "2026-03"}), &event()).unwrap();
    assert_eq!(dated.url, "https://api.hubapi.com/crm/objects/2026-03/contacts/batch/upsert");
}

#[test]
fn what_is_cleared_is_emptied() {
    let cleared = OutgoingEvent { traits: object(json!({"first_name": null})), ..event() };
    let properties = body(&sent(&json!({}), &cleared).unwrap())["inputs"][0]["properties"].clone();
    assert_eq!(properties["firstname"], json!(""));
}

#[test]
fn what_became_of_an_event_can_be_noted_and_brings_no_old_traits_back() {
    let settings = json!({"properties": {"booking": "{{ $.type }} {{ $.data.reason }}"}});
    let event = followed(FollowUpKind::Retract, Why::NoShow);
    let properties = body(&sent(&settings, &event).unwrap())["inputs"][0]["properties"].clone();
    let expected = json!({"email": "zoë@example.com", "booking": "conversion.retracted no_show"});
    assert_eq!(properties, expected);
    let nobody = OutgoingEvent { identifiers: Vec::new(), traits: Map::new(), ..event };
    assert!(sent(&settings, &nobody).unwrap_err().to_string().contains("e-mail"));
}

#[test]
fn what_an_event_does_not_say_empties_nothing() {
    let settings = json!({"properties": {
        "plan": "{{ $.data.traits.nothing }}", "none": "{{ $.data.attributes.none }}", "paid": "{{ $.data.attributes.value }}",
    }});
    let properties = body(&sent(&settings, &event()).unwrap())["inputs"][0]["properties"].clone();
    assert_eq!((properties.get("plan"), properties.get("none")), (None, None));
    assert_eq!(properties["paid"], json!("49.50"));
    let hashed =
        OutgoingEvent { traits: object(json!({"first_name": "a".repeat(64), "city": "Rome"})), ..event() };
    let properties = body(&sent(&settings, &hashed).unwrap())["inputs"][0]["properties"].clone();
    assert_eq!((properties.get("firstname"), &properties["city"]), (None, &json!("Rome")));
}

#[test]
fn a_cut_answer_is_not_asked_for_again() {
    let cut = r#"{"status":"COMPLETE","results":[{"id":"1","properties":{"email":"ca"#;
    for (status, expected) in [(200, "delivered"), (201, "delivered"), (207, "permanent")] {
        let outcome = HubSpot.classify(status, &HeaderMap::new(), cut.as_bytes(), NOW);
        assert_eq!(word(&outcome), expected, "{status}");
    }
}

#[test]
fn properties_that_cannot_be_are_refused() {
    let secrets = secrets(&[("access_token", "token")]);
    for (name, text) in [("Last Event", "x"), ("last_event", "{{ x }}"), ("", "x")] {
        let error = HubSpot.check_settings(&json!({"properties": {name: text}}), &secrets).unwrap_err();
        assert_eq!(error.path, format!("settings.properties.{name}"));
    }
}

#[test]
fn an_answer_that_names_no_contact_is_no_success() {
    let error = |category: &str| json!({"status": "error", "category": category, "message": "canary"});
    let contact = json!({"id": "1"});
    for (status, answer, expected) in [
        (200, json!({"status": "COMPLETE", "results": [contact]}), "delivered"),
        (201, json!({"status": "COMPLETE", "results": [contact]}), "delivered"),
        (207, json!({"results": [contact], "errors": []}), "delivered"),
        (200, json!({"status": "COMPLETE", "results": [], "errors": []}), "retry"),
        (207, json!({"results": [], "errors": [error("VALIDATION_ERROR")]}), "permanent"),
        (207, json!({"results": [], "errors": [error("RATE_LIMITS")]}), "retry"),
        (400, error("VALIDATION_ERROR"), "permanent"),
        (401, error("INVALID_AUTHENTICATION"), "revoked"),
        (403, error("MISSING_SCOPES"), "scope missing"),
        (409, error("CONFLICT"), "retry"),
        (429, error("RATE_LIMITS"), "retry"),
    ] {
        let outcome = judged(&HubSpot, status, &answer);
        assert_eq!(word(&outcome), expected, "{status} {answer}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    }
}
