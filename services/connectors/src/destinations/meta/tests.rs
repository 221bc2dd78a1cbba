//! Requests and answers of the Conversions API.

use std::time::Duration;

use serde_json::{Value, json};
use tributary_domain::workflow::spec::Kind;

use super::*;
use crate::destinations::tests::{HAPPENED, NOW, body, event, identifier, judged, object, secrets, word};

fn sent(settings: &Value, event: &OutgoingEvent) -> Result<HttpRequest, RequestError> {
    let secrets = secrets(&[("access_token", "EAA|token")]);
    assert_eq!(Meta.check_settings(settings, &secrets), Ok(()));
    Meta.request(settings, &secrets, event, NOW)
}

fn item(settings: &Value, event: &OutgoingEvent) -> Value {
    body(&sent(settings, event).unwrap())["data"][0].clone()
}

fn plain() -> Value {
    json!({"dataset_id": "123"})
}

#[test]
fn an_event_of_a_browser_is_told_as_documented() {
    let settings = json!({"dataset_id": "123", "api_version": "v24.0", "test_event_code": "TEST1"});
    let request = sent(&settings, &event()).unwrap();
    assert_eq!(request.url, "https://graph.facebook.com/v24.0/123/events?access_token=EAA%7Ctoken");
    let expected = json!({
        "test_event_code": "TEST1",
        "data": [{
            "event_name": "Schedule",
            "event_time": HAPPENED.seconds(),
            "event_id": "booking-1",
            "action_source": "website",
            "event_source_url": "https://example.com/book",
            "referrer_url": "https://example.com/",
            "user_data": {
                "em": ["5418899f7aabe5f45dd3350fe8edcf89e1763a9e64c85e529b1f68cbf5144767"],
                "ph": ["8189071a349f87110b5e58eaf2801a1136d3e9c352fc5ac988cd8164477ac20d"],
                "fn": "2752b88686847fa5c86f47b94ce652b7b3f22a91c37617d451a4db9afa431450",
                "ln": "67a42a846e98e3c1a96cd6ba14883a5ea05990cd93964ce8b832aa9497ca785c",
                "ct": "1a6bd4d9d79dc0a79b53795c70d3349fa9e38968a3fbefbfe8783efb1d2b6aac",
                "st": "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126",
                "zp": "c884a209ebe08750a7d13db63bd02233b375bd79786cbe329ab11586cc35dead",
                "country": "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
                "ge": "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111",
                "db": "325f07f80f1aabd207da43c6b7ea94c5c466a89d9cf634118b196ca1a9f09de1",
                "external_id": [
                    "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049",
                    "777e29423e973c2d61833bd5ab7cef105bc9880b104b6ddafe3d238524f26075",
                ],
                "fbc": format!("fb.1.{}.AbC", HAPPENED.millis()),
                "fbp": "fb.1.1.2",
                "client_ip_address": "203.0.113.7",
                "client_user_agent": "Mozilla/5.0",
            },
            "custom_data": {"content_name": "Discovery call", "value": 49.5, "currency": "USD"},
        }],
    });
    assert_eq!(body(&request), expected);
}

#[test]
fn an_event_that_knows_no_page_says_that_a_system_tells_of_it() {
    let of_a_server = OutgoingEvent { context: object(json!({"fbc": "fb.1.9.Own", "ip": "::1"})), ..event() };
    let told = item(&plain(), &of_a_server);
    assert_eq!((&told["action_source"], told.get("event_source_url")), (&json!("system_generated"), None));
    assert_eq!(told["user_data"]["fbc"], json!("fb.1.9.Own"), "the cookie's own, where there is one");
    let website = json!({"dataset_id": "1", "action_source": "website"});
    assert!(sent(&website, &of_a_server).unwrap_err().to_string().contains("action_source"));
    let phone = json!({"dataset_id": "1", "action_source": "phone_call"});
    assert_eq!(item(&phone, &event())["action_source"], json!("phone_call"));
}

#[test]
fn what_was_agreed_to_and_the_id_are_told() {
    let said = OutgoingEvent {
        consents: object(json!({"ad_personalization": "denied"})),
        dedupe_id: None,
        ..event()
    };
    let told = item(&plain(), &said);
    assert_eq!((&told["opt_out"], &told["event_id"]), (&json!(true), &json!(said.event.to_string())));
    assert_eq!(item(&plain(), &event()).get("opt_out"), None);
    let limited = item(&json!({"dataset_id": "1", "limited_data_use": true}), &event());
    assert_eq!(limited["data_processing_options"], json!(["LDU"]));
}

#[test]
fn value_and_currency_go_together() {
    let worth = |attributes: Value| OutgoingEvent { attributes: object(attributes), ..event() };
    assert_eq!(item(&plain(), &worth(json!({"value": 5}))).get("custom_data"), None);
    let settings = json!({"dataset_id": "1", "default_currency": "EUR"});
    assert_eq!(
        item(&settings, &worth(json!({"value": 5})))["custom_data"],
        json!({"value": 5, "currency": "EUR"})
    );
    let own = worth(json!({"value": 5, "currency": "GBP"}));
    assert_eq!(item(&settings, &own)["custom_data"]["currency"], json!("GBP"));
    for attributes in
        [json!({"value": 5}), json!({"currency": "EUR"}), json!({"value": 5, "currency": "euro"})]
    {
        let purchase = OutgoingEvent { name: "Purchase".to_owned(), ..worth(attributes) };
        assert!(sent(&plain(), &purchase).unwrap_err().to_string().contains("currency"));
    }
}

#[test]
fn what_meta_would_refuse_is_not_sent() {
    let aged = |age: u64| OutgoingEvent { time: NOW.minus(Duration::from_secs(age)), ..event() };
    let day = 24 * 60 * 60;
    assert!(sent(&plain(), &aged(7 * day)).is_ok());
    assert!(sent(&plain(), &aged(7 * day + 1)).unwrap_err().to_string().contains("168 hours"));
    let shop = json!({"dataset_id": "1", "action_source": "physical_store"});
    assert!(sent(&shop, &aged(62 * day)).is_ok() && sent(&shop, &aged(62 * day + 1)).is_err());
    let ahead = |seconds: u64| OutgoingEvent { time: NOW.plus(Duration::from_secs(seconds)), ..event() };
    assert_eq!(item(&plain(), &ahead(60))["event_time"], json!(NOW.seconds()), "clocks differ a little");
    assert!(sent(&plain(), &ahead(61)).unwrap_err().to_string().contains("future"));
    let who = OutgoingEvent { kind: Kind::Identify, name: String::new(), ..event() };
    assert!(sent(&plain(), &who).is_err());
    let anybody = |context: Value| OutgoingEvent {
        identifiers: Vec::new(),
        traits: object(json!({})),
        context: object(context),
        ..event()
    };
    assert!(sent(&plain(), &anybody(json!({"ip": "203.0.113.7"}))).is_err());
    assert!(sent(&plain(), &anybody(json!({"ip": "203.0.113.7", "user_agent": "x"}))).is_ok());
    assert!(sent(&plain(), &anybody(json!({"fbp": "fb.1.1.2"}))).is_ok());
    let hashed =
        OutgoingEvent { identifiers: vec![identifier("external_id:crm", "7")], ..anybody(json!({})) };
    assert!(sent(&plain(), &hashed).is_ok());
}

#[test]
fn answers_mean_what_their_codes_say() {
    let error = |code: u64, subcode: u64, transient: bool| json!({"error": {"code": code, "error_subcode": subcode, "is_transient": transient, "message": "canary"}});
    for (status, answer, expected) in [
        (200, json!({"events_received": 1, "messages": []}), "delivered"),
        (200, json!({}), "retry"),
        (200, json!("<html>we will be back soon</html>"), "retry"),
        (500, error(190, 0, false), "revoked"),
        (400, error(190, 463, false), "expired"),
        (403, error(200, 0, false), "scope missing"),
        (400, error(10, 0, false), "scope missing"),
        (400, error(299, 0, false), "scope missing"),
        (400, error(100, 33, false), "suspend"),
        (400, error(803, 0, false), "suspend"),
        (400, error(100, 2_804_003, false), "permanent"),
        (400, error(100, 2_804_010, false), "permanent"),
        (400, error(100, 0, true), "retry"),
        (400, error(4, 0, false), "retry"),
        (400, error(17, 0, false), "retry"),
        (400, error(613, 0, false), "retry"),
        (400, error(80_004, 0, false), "retry"),
        (500, error(1, 0, false), "retry"),
        (400, error(99_999, 0, false), "permanent"),
        (200, error(190, 0, false), "revoked"),
    ] {
        let outcome = judged(&Meta, status, &answer);
        assert_eq!(word(&outcome), expected, "{status} {answer}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    }
}
