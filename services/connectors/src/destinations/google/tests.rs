//! Requests and answers of the Data Manager API.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::*;
use crate::destinations::{
    quality,
    tests::{HAPPENED, NOW, body, event, identifier, judged, object, secrets, word},
};

fn refresh() -> Secrets {
    secrets(&[("client_secret", "canary"), ("refresh_token", "canary")]).with_access("token")
}

fn settings(more: Value) -> Value {
    let mut all = json!({
        "customer_id": "123-456-7890", "conversions": {"Schedule": "777", "Purchase": "customers/1/conversionActions/778"},
        "client_id": "1-a.apps.googleusercontent.com",
    });
    all.as_object_mut().unwrap().extend(object(more));
    all
}

fn sent(more: Value, event: &OutgoingEvent) -> Result<HttpRequest, RequestError> {
    let settings = settings(more);
    assert_eq!(GoogleAds.check_settings(&settings, &refresh()), Ok(()));
    GoogleAds.request(&settings, &refresh(), event, NOW)
}

/// The event of the request.
fn told(more: Value, event: &OutgoingEvent) -> Value {
    body(&sent(more, event).unwrap())["events"][0].clone()
}

#[test]
fn an_event_is_told_as_documented() {
    let more = json!({"login_customer_id": "9876543210", "send_ip": true, "custom_variables": {"topic": "content_name", "x": "no"}});
    let clicked = OutgoingEvent {
        context: object(json!({
            "gclid": "G-1", "gbraid": "GB-1", "wbraid": "WB-1", "session_attributes": "abc", "ip": "203.0.113.7",
            "user_agent": "Mozilla/5.0", "url": "https://example.com/book",
        })),
        consents: object(json!({"ad_user_data": "yes", "ad_personalization": "no"})),
        ..event()
    };
    let request = sent(more, &clicked).unwrap();
    assert_eq!(request.url, "https://datamanager.googleapis.com/v1/events:ingest");
    assert_eq!(request.headers["authorization"], "Bearer token");
    let expected = json!({
        "destinations": [{
            "reference": "777", "productDestinationId": "777",
            "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"},
            "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": "9876543210"},
        }],
        "encoding": "HEX",
        "events": [{
            "destinationReferences": ["777"],
            "transactionId": "booking-1",
            "eventTimestamp": "2026-11-20T10:00:00.5Z",
            "eventSource": "WEB",
            "userData": {"userIdentifiers": [
                {"emailAddress": "5418899f7aabe5f45dd3350fe8edcf89e1763a9e64c85e529b1f68cbf5144767"},
                {"phoneNumber": "8e8d64e084f13cb79bbb4615653e950bef9d4c39021c85e6e80b10e70fb10bb4"},
                {"address": {
                    "givenName": "2752b88686847fa5c86f47b94ce652b7b3f22a91c37617d451a4db9afa431450",
                    "familyName": "67a42a846e98e3c1a96cd6ba14883a5ea05990cd93964ce8b832aa9497ca785c",
                    "regionCode": "US", "postalCode": "94107-1234",
                }},
            ]},
            "adIdentifiers": {"gclid": "G-1", "gbraid": "GB-1", "wbraid": "WB-1", "sessionAttributes": "abc"},
            "eventDeviceInfo": {"userAgent": "Mozilla/5.0", "ipAddress": "203.0.113.7"},
            "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"},
            "conversionValue": 49.5, "currency": "USD",
            "customVariables": [{"variable": "topic", "value": "Discovery call"}],
        }],
    });
    assert_eq!(body(&request), expected);
    assert_eq!(HAPPENED.to_string(), "2026-11-20T10:00:00.5Z");
}

#[test]
fn people_are_found_by_googles_forms() {
    let emails = |addresses: &[&str]| {
        let identifiers = addresses.iter().map(|address| identifier("email", address)).collect();
        let told = told(json!({}), &OutgoingEvent { identifiers, traits: Map::new(), ..event() });
        told["userData"]["userIdentifiers"].clone()
    };
    // Google's own example.
    let hash = "223ebda6f6889b1494551ba902d9d381daf2f642bae055888e96343d53e9f9c4";
    assert_eq!(emails(&["cloudy.sanfrancisco+shopping@gmail.com"]), json!([{ "emailAddress": hash }]));
    let many: Vec<String> = (0..12).map(|number| format!("a{number}@example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(emails(&many).as_array().unwrap().len(), 10, "it takes no more");
    // An address lacks something.
    for missing in ["first_name", "last_name", "zip", "country"] {
        let mut traits = event().traits;
        traits.remove(missing);
        let told = told(json!({}), &OutgoingEvent { traits, ..event() });
        let kinds = told["userData"]["userIdentifiers"].as_array().unwrap().len();
        assert_eq!(kinds, 2, "{missing}");
    }
}

#[test]
fn what_is_not_wanted_is_not_sent() {
    let plain = told(json!({}), &event());
    assert_eq!(
        plain["eventDeviceInfo"],
        json!({"userAgent": "Mozilla/5.0"}),
        "the address only where it is asked for"
    );
    assert_eq!((plain.get("consent"), plain.get("adIdentifiers"), plain.get("cartData")), (None, None, None));
    let unpaid = OutgoingEvent { attributes: object(json!({"value": 3})), context: Map::new(), ..event() };
    let unpaid = told(json!({}), &unpaid);
    assert_eq!(
        (unpaid.get("conversionValue"), &unpaid["eventSource"]),
        (None, &json!("OTHER")),
        "no currency"
    );
    for (no, because) in
        [(json!({"ad_user_data": "denied"}), "ad_user_data"), (json!({"marketing": false}), "ad_user_data")]
    {
        let refused = sent(json!({}), &OutgoingEvent { consents: object(no), ..event() }).unwrap_err();
        assert!(refused.to_string().contains(because), "{refused}");
    }
    let aged = |age: u64| OutgoingEvent { time: NOW.minus(Duration::from_secs(age)), ..event() };
    let most = 90 * 24 * 60 * 60;
    assert!(sent(json!({}), &aged(most)).is_ok() && sent(json!({}), &aged(most + 1)).is_err());
    let named = OutgoingEvent { name: "Lead".to_owned(), ..event() };
    assert!(sent(json!({}), &named).unwrap_err().to_string().contains("conversions"));
    let nobody =
        OutgoingEvent { identifiers: Vec::new(), traits: Map::new(), context: Map::new(), ..event() };
    assert!(sent(json!({}), &nobody).unwrap_err().to_string().contains("click"));
    let clicked = OutgoingEvent { context: object(json!({"gclid": "G"})), ..nobody.clone() };
    assert_eq!(told(json!({}), &clicked)["adIdentifiers"], json!({"gclid": "G"}));
    // What says of a session how it came says nothing of whose it is.
    let session = OutgoingEvent { context: object(json!({"session_attributes": "G"})), ..nobody };
    assert!(sent(json!({}), &session).is_err());
}

#[test]
fn what_is_bought_is_told_and_a_test_counts_nothing() {
    let items = json!([{"sku": "S-1", "price": "19.5", "quantity": 2}, {"sku": "S-2", "quantity": 0.5}]);
    let purchase = OutgoingEvent {
        name: "Purchase".to_owned(),
        attributes: object(json!({"items": items, "value": 39, "currency": "EUR"})),
        ..event()
    };
    let request = body(&sent(json!({"test_mode": true, "event_source": "IN_STORE"}), &purchase).unwrap());
    assert_eq!(request["validateOnly"], json!(true));
    assert_eq!(request["destinations"][0]["productDestinationId"], json!("778"), "of its resource's name");
    let told = &request["events"][0];
    let expected = json!({"items": [{"merchantProductId": "S-1", "quantity": 2, "unitPrice": 19.5}, {"merchantProductId": "S-2"}]});
    assert_eq!((&told["cartData"], &told["eventSource"]), (&expected, &json!("IN_STORE")));
    assert_eq!(body(&sent(json!({}), &purchase).unwrap()).get("validateOnly"), None);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let account = json!({
        "type": "service_account", "client_email": "a@b.iam.gserviceaccount.com",
        "private_key": "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
    });
    let account = secrets(&[("service_account", &account.to_string())]);
    assert_eq!(GoogleAds.check_settings(&settings(json!({"client_id": ""})), &account), Ok(()));
    for (more, secrets, path) in [
        (json!({"customer_id": "12"}), refresh(), "settings.customer_id"),
        (json!({"login_customer_id": "x234567890"}), refresh(), "settings.login_customer_id"),
        (json!({"conversions": {"Lead": "x"}}), refresh(), "settings.conversions.Lead"),
        (json!({}), Secrets::default(), "secrets.client_secret"),
        (json!({"client_id": ""}), Secrets::default(), "secrets.service_account"),
        (json!({"client_id": ""}), refresh(), "settings.client_id"),
        (json!({}), secrets(&[("client_secret", "canary")]), "secrets.refresh_token"),
        (json!({}), secrets(&[("service_account", "canary")]), "secrets.service_account"),
        (json!({}), secrets(&[("service_account", "{\"type\": \"canary\"}")]), "secrets.service_account"),
    ] {
        let error = GoogleAds.check_settings(&settings(more), &secrets).unwrap_err();
        assert_eq!(error.path, path, "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn answers_mean_what_they_name_most_exactly() {
    let error = |status: &str, info: &str, field: &str| {
        json!({"error": {"code": 400, "message": "canary", "status": status, "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": info, "domain": "datamanager.googleapis.com"},
            {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [
                {"field": "events.events[0].user_data", "description": "canary", "reason": field},
            ]},
            {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "1"},
        ]}})
    };
    for (status, answer, expected) in [
        (200, json!({"requestId": "126365e1"}), "delivered"),
        (200, json!("<html>"), "retry"),
        (400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_SHA256_FORMAT"), "permanent"),
        (400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT", "INVALID_DESTINATION"), "suspend"),
        (400, error("INVALID_ARGUMENT", "TERMS_AND_CONDITIONS_NOT_SIGNED", ""), "suspend"),
        (401, json!({"error": {"code": 401, "status": "UNAUTHENTICATED"}}), "revoked"),
        (401, error("UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", ""), "expired"),
        (403, error("PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", ""), "scope missing"),
        (403, json!({"error": {"code": 403, "status": "PERMISSION_DENIED"}}), "scope missing"),
        (429, json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}), "retry"),
        (500, json!({"error": {"code": 500, "status": "INTERNAL"}}), "retry"),
        (503, json!({"error": {"code": 503, "status": "UNAVAILABLE"}}), "retry"),
    ] {
        let outcome = judged(&GoogleAds, status, &answer);
        assert_eq!(word(&outcome), expected, "{status} {answer}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    }
}

#[test]
fn a_click_counts_as_much_as_a_person() {
    let clicked = OutgoingEvent { context: object(json!({"gclid": "G"})), ..event() };
    let score = |event: &OutgoingEvent| quality(GoogleAds.about(), event).unwrap().score;
    assert_eq!((score(&event()), score(&clicked)), (60, 88));
}
