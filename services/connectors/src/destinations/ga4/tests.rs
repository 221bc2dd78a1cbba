//! Requests and answers of the Measurement Protocol.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tributary_domain::booking::{FollowUpKind, Why};

use super::*;
use crate::destinations::tests::{
    HAPPENED, NOW, body, event, followed, identifier, judged, object, secrets, word,
};

fn sent(settings: &Value, event: &OutgoingEvent) -> Result<HttpRequest, RequestError> {
    let secrets = secrets(&[("api_secret", "secret")]);
    assert_eq!(Ga4.check_settings(settings, &secrets), Ok(()));
    Ga4.request(settings, &secrets, event, NOW)
}

fn told(event: &OutgoingEvent) -> Value {
    body(&sent(&json!({"measurement_id": "G-1"}), event).unwrap())
}

fn refused(event: &OutgoingEvent) -> String {
    sent(&json!({"measurement_id": "G-1"}), event).unwrap_err().to_string()
}

#[test]
fn an_event_is_told_as_documented() {
    let request = sent(&json!({"measurement_id": "G-1"}), &event()).unwrap();
    assert_eq!(
        request.url,
        "https://www.google-analytics.com/mp/collect?measurement_id=G-1&api_secret=secret"
    );
    let expected = json!({
        "client_id": "trb_01h8xkq7v2m3n4p5r6s7t8v9w0",
        "user_id": "42",
        "timestamp_micros": HAPPENED.micros(),
        "ip_override": "203.0.113.7",
        "user_data": {
            "sha256_email_address": ["5418899f7aabe5f45dd3350fe8edcf89e1763a9e64c85e529b1f68cbf5144767"],
            "sha256_phone_number": ["8e8d64e084f13cb79bbb4615653e950bef9d4c39021c85e6e80b10e70fb10bb4"],
            "address": [{
                "sha256_first_name": "2752b88686847fa5c86f47b94ce652b7b3f22a91c37617d451a4db9afa431450",
                "sha256_last_name": "67a42a846e98e3c1a96cd6ba14883a5ea05990cd93964ce8b832aa9497ca785c",
                "city": "San Francisco 1", "region": "California", "postal_code": "94107-1234", "country": "US",
            }],
        },
        "events": [{
            "name": "Schedule",
            "params": {
                "engagement_time_msec": 1, "value": 49.5, "currency": "USD", "content_name": "Discovery call",
                "page_location": "https://example.com/book", "page_referrer": "https://example.com/",
            },
        }],
    });
    assert_eq!(body(&request), expected);
    let tested = sent(&json!({"measurement_id": "G-1", "test_mode": true}), &event()).unwrap();
    assert!(tested.url.starts_with("https://www.google-analytics.com/debug/mp/collect?"));
}

#[test]
fn the_browser_is_googles_own_id_where_it_is_known() {
    let with =
        |kind: &str, value: &str| OutgoingEvent { identifiers: vec![identifier(kind, value)], ..event() };
    assert_eq!(
        told(&with("ga_client_id", "GA1.1.554581488.1683172875"))["client_id"],
        json!("554581488.1683172875")
    );
    assert_eq!(
        told(&with("ga_client_id", "554581488.1683172875"))["client_id"],
        json!("554581488.1683172875")
    );
    assert_eq!(told(&with("anonymous_id", "x"))["client_id"], json!("x"));
    let person = with("email", "a@example.com");
    assert_eq!(told(&person)["client_id"], json!(person.profile.unwrap().to_string()));
    assert_eq!(
        told(&with("external_id:shop", "a@example.com")).get("user_id"),
        None,
        "addresses are forbidden there"
    );
}

#[test]
fn hashes_of_people_are_googles_and_are_left_out_where_they_are_not_wanted() {
    let gmail = OutgoingEvent {
        identifiers: vec![identifier("email", "cloudy.sanfrancisco+shopping@gmail.com")],
        traits: Map::new(),
        ..event()
    };
    let hash = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4";
    assert_eq!(told(&gmail)["user_data"], json!({"sha256_email_address": [hash]}));
    let off = json!({"measurement_id": "G-1", "send_user_data": false});
    assert_eq!(body(&sent(&off, &event()).unwrap()).get("user_data"), None);
    let denied = OutgoingEvent { consents: object(json!({"ad_user_data": false, "ads": true})), ..event() };
    let told = told(&denied);
    assert_eq!(told.get("user_data"), None);
    assert_eq!(told["consent"], json!({"ad_user_data": "DENIED", "ad_personalization": "GRANTED"}));
}

#[test]
fn names_and_values_are_within_googles_limits() {
    let mut attributes = Map::new();
    for number in 0..40 {
        attributes.insert(format!("a{number:02}"), json!("x".repeat(200)));
    }
    attributes.insert("order_id".to_owned(), json!("o1"));
    let many = OutgoingEvent { attributes, context: Map::new(), name: "my event!".to_owned(), ..event() };
    let event_told = told(&many)["events"][0].clone();
    assert_eq!(event_told["name"], json!("my_event_"));
    let params = event_told["params"].as_object().unwrap();
    assert_eq!((params.len(), params["a00"].as_str().unwrap().len()), (25, 100));
    assert_eq!(params["transaction_id"], json!("o1"), "what is known comes first");
    let attributes = object(json!({
        "google_x": 1, "2nd": 2, "with space": true, "nested": {"a": 1}, "list": [1], "content_ids": ["p1", 2],
        "order_id": "o1", "search_string": "shoes",
    }));
    let odd = OutgoingEvent { attributes, context: Map::new(), ..event() };
    let expected = json!({
        "engagement_time_msec": 1, "with_space": "true", "items": [{"item_id": "p1"}, {"item_id": "2"}],
        "transaction_id": "o1", "search_term": "shoes",
    });
    assert_eq!(told(&odd)["events"][0]["params"], expected);
    for name in ["session_start", "firebase_x", "google_x", "1st", "€"] {
        assert!(
            refused(&OutgoingEvent { name: name.to_owned(), ..event() }).contains("event_names"),
            "{name}"
        );
    }
}

#[test]
fn what_google_would_drop_is_not_sent() {
    let aged = |age: u64| OutgoingEvent { time: NOW.minus(Duration::from_secs(age)), ..event() };
    assert!(sent(&json!({"measurement_id": "G-1"}), &aged(72 * 3_600)).is_ok());
    assert!(refused(&aged(72 * 3_600 + 1)).contains("72 hours"));
    let purchase = OutgoingEvent { name: "purchase".to_owned(), attributes: Map::new(), ..event() };
    assert!(refused(&purchase).contains("currency"));
}

#[test]
fn a_purchase_is_taken_back_as_a_refund_and_nothing_else_is() {
    let purchase = |kind, order: Value| OutgoingEvent {
        name: "purchase".to_owned(),
        attributes: object(order),
        ..followed(kind, Why::Cancelled)
    };
    let order = json!({"order_id": "o1", "value": 5, "currency": "EUR"});
    let refund = told(&purchase(FollowUpKind::Retract, order.clone()))["events"][0].clone();
    assert_eq!((&refund["name"], &refund["params"]["transaction_id"]), (&json!("refund"), &json!("o1")));
    assert!(refused(&purchase(FollowUpKind::Restate, order)).contains("changes nothing"));
    assert!(
        refused(&purchase(FollowUpKind::Retract, json!({"value": 5, "currency": "EUR"})))
            .contains("order_id")
    );
    assert!(
        refused(&followed(FollowUpKind::Retract, Why::NoShow)).contains("takes back nothing but purchases")
    );
}

#[test]
fn only_the_validation_server_says_what_is_wrong() {
    assert_eq!(word(&judged(&Ga4, 204, &Value::Null)), "delivered");
    assert_eq!(word(&judged(&Ga4, 200, &json!({"validationMessages": []}))), "delivered");
    let wrong = |code: &str| json!({"validationMessages": [{"fieldPath": "events", "description": "canary", "validationCode": code}]});
    for (code, expected) in
        [("NAME_RESERVED", "permanent"), ("INTERNAL_ERROR", "retry"), ("OTHER", "permanent")]
    {
        let outcome = judged(&Ga4, 200, &wrong(code));
        assert_eq!(word(&outcome), expected, "{code}");
        assert!(
            format!("{outcome:?}").contains(code) && !format!("{outcome:?}").contains("canary"),
            "{outcome:?}"
        );
    }
}
