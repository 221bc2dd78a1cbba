//! Requests and answers of LinkedIn's Conversions API.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::*;
use crate::destinations::tests::{HAPPENED, NOW, body, event, judged, object, secrets, word};

fn sent(event: &OutgoingEvent) -> Result<HttpRequest, RequestError> {
    let settings = json!({"conversions": {"Schedule": "777"}});
    let secrets = secrets(&[("access_token", "token")]);
    assert_eq!(LinkedIn.check_settings(&settings, &secrets), Ok(()));
    LinkedIn.request(&settings, &secrets, event, NOW)
}

#[test]
fn an_event_is_told_as_documented() {
    let request = sent(&event()).unwrap();
    assert_eq!(request.url, "https://api.linkedin.com/rest/conversionEvents");
    for (name, value) in [
        ("authorization", "Bearer token"),
        ("linkedin-version", "202603"),
        ("x-restli-protocol-version", "2.0.0"),
        ("x-restli-method", "BATCH_CREATE"),
    ] {
        assert_eq!(request.headers[name], value);
    }
    let expected = json!({"elements": [{
        "conversion": "urn:lla:llaPartnerConversion:777",
        "conversionHappenedAt": HAPPENED.millis(),
        "conversionValue": {"currencyCode": "USD", "amount": "49.5"},
        "eventId": "booking-1",
        "user": {
            "userIds": [
                {"idType": "SHA256_EMAIL", "idValue": "5418899f7aabe5f45dd3350fe8edcf89e1763a9e64c85e529b1f68cbf5144767"},
                {"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": "li1"},
            ],
            "userInfo": {"firstName": "Zoe\u{308}", "lastName": "O’Neil", "countryCode": "US"},
        },
    }]});
    assert_eq!(body(&request), expected);
}

#[test]
fn only_events_with_a_rule_are_told_and_none_that_are_too_old() {
    let named = |name: &str| OutgoingEvent { name: name.to_owned(), ..event() };
    assert!(sent(&named("Lead")).unwrap_err().to_string().contains("conversions"));
    // Whoever may name events does not choose the rule.
    for name in ["42", "urn:lla:llaPartnerConversion:42"] {
        assert!(sent(&named(name)).unwrap_err().to_string().contains("conversions"));
    }
    let aged = |age: u64| OutgoingEvent { time: NOW.minus(Duration::from_secs(age)), ..event() };
    let most = 90 * 24 * 60 * 60;
    assert!(sent(&aged(most)).is_ok() && sent(&aged(most + 1)).is_err());
    let secrets = secrets(&[("access_token", "token")]);
    let error = LinkedIn.check_settings(&json!({"conversions": {"Lead": "x"}}), &secrets).unwrap_err();
    assert_eq!(error.path, "settings.conversions.Lead");
}

#[test]
fn half_a_name_is_not_told_and_a_list_of_ids_is_always_there() {
    let half = OutgoingEvent { traits: object(json!({"first_name": "Zoë", "company": "Acme"})), ..event() };
    let told = body(&sent(&half).unwrap());
    assert_eq!(told["elements"][0]["user"].get("userInfo"), None);
    let named = OutgoingEvent {
        identifiers: Vec::new(),
        context: Map::new(),
        traits: object(json!({
            "first_name": "Zoë", "last_name": "Neil",
        })),
        ..event()
    };
    assert_eq!(body(&sent(&named).unwrap())["elements"][0]["user"]["userIds"], json!([]));
}

#[test]
fn each_item_has_a_status_of_its_own() {
    for (status, answer, expected) in [
        (200, json!({"elements": [{"status": 201}]}), "delivered"),
        (201, Value::Null, "delivered"),
        (200, Value::Null, "retry"),
        (200, json!({"elements": []}), "retry"),
        (200, json!({"elements": [{"status": 401}]}), "permanent"),
        (200, json!({"elements": [{"status": 403, "error": {"code": "FIELD_UNKNOWN"}}]}), "permanent"),
        (200, json!({"elements": [{"status": 404}]}), "permanent"),
        (200, json!({"elements": [{"status": 429}]}), "retry"),
        // It is said of one event: that stops no others.
        (200, json!({"elements": [{"status": 401, "error": {"code": "EXPIRED_ACCESS_TOKEN"}}]}), "retry"),
        (401, Value::Null, "revoked"),
        (403, Value::Null, "retry"),
        (404, Value::Null, "retry"),
        (200, json!({"elements": [{"status": 422, "error": {"message": "canary"}}]}), "permanent"),
        (200, json!({"elements": [{"status": 500}]}), "retry"),
        (401, json!({"code": "REVOKED_ACCESS_TOKEN", "message": "canary"}), "revoked"),
        (426, json!({"code": "NONEXISTENT_VERSION", "message": "canary"}), "suspend"),
        (403, json!({"code": "ACCESS_DENIED"}), "scope missing"),
        (422, json!({"message": "canary"}), "permanent"),
        (429, json!({"code": "TOO_MANY_REQUESTS"}), "retry"),
    ] {
        let outcome = judged(&LinkedIn, status, &answer);
        assert_eq!(word(&outcome), expected, "{status} {answer}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    }
}

#[test]
fn a_token_of_its_own_counts_before_one_that_is_got_and_one_of_them_has_to_be_there() {
    let settings = |client: &str| json!({"conversions": {"Schedule": "777"}, "client_id": client});
    let refresh = [("client_secret", "s"), ("refresh_token", "r")];
    let grant = |client: &str, pairs: &[(&str, &str)]| {
        oauth::grant(&about::ABOUT, &settings(client), &secrets(pairs), NOW).map(|grant| grant.is_some())
    };
    assert_eq!(grant("c", &refresh), Ok(true));
    assert_eq!(grant("c", &[refresh[0], refresh[1], ("access_token", "t")]), Ok(false));
    for (client, pairs, path) in [
        ("", &[][..], "secrets.access_token"),
        ("c", &refresh[..1], "secrets.refresh_token"),
        ("", &refresh[..], "settings.client_id"),
    ] {
        let error = LinkedIn.check_settings(&settings(client), &secrets(pairs)).unwrap_err();
        assert_eq!(error.path, path);
    }
    let got = secrets(&refresh).with_access("got");
    let request = LinkedIn.request(&settings("c"), &got, &event(), NOW).unwrap();
    assert_eq!(request.headers["authorization"], "Bearer got");
}
