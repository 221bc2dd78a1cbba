//! Requests and answers of the Events API.

use serde_json::{Map, Value, json};

use super::*;
use crate::destinations::tests::{HAPPENED, NOW, body, event, judged, object, secrets, word};

fn sent(settings: &Value, event: &OutgoingEvent) -> Result<HttpRequest, RequestError> {
    let secrets = secrets(&[("access_token", "token")]);
    assert_eq!(TikTok.check_settings(settings, &secrets), Ok(()));
    TikTok.request(settings, &secrets, event, NOW)
}

#[test]
fn an_event_is_told_as_documented() {
    let settings = json!({"event_source_id": "P1", "test_event_code": "TEST1"});
    let request = sent(&settings, &event()).unwrap();
    assert_eq!(request.url, "https://business-api.tiktok.com/open_api/v1.3/event/track/");
    assert_eq!(request.headers["access-token"], "token");
    let expected = json!({
        "event_source": "web", "event_source_id": "P1", "test_event_code": "TEST1",
        "data": [{
            "event": "Schedule", "event_time": HAPPENED.seconds(), "event_id": "booking-1",
            "user": {
                "email": ["5418899f7aabe5f45dd3350fe8edcf89e1763a9e64c85e529b1f68cbf5144767"],
                "phone": ["8e8d64e084f13cb79bbb4615653e950bef9d4c39021c85e6e80b10e70fb10bb4"],
                "external_id": [
                    "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049",
                    "777e29423e973c2d61833bd5ab7cef105bc9880b104b6ddafe3d238524f26075",
                ],
                "first_name": "2752b88686847fa5c86f47b94ce652b7b3f22a91c37617d451a4db9afa431450",
                "last_name": "67a42a846e98e3c1a96cd6ba14883a5ea05990cd93964ce8b832aa9497ca785c",
                "zip_code": "c884a209ebe08750a7d13db63bd02233b375bd79786cbe329ab11586cc35dead",
                "city": "sanfrancisco", "state": "ca", "country": "us",
                "ttclid": "tt1", "ip": "203.0.113.7", "user_agent": "Mozilla/5.0",
            },
            "properties": {"content_name": "Discovery call", "value": 49.5, "currency": "USD"},
            "page": {"url": "https://example.com/book", "referrer": "https://example.com/"},
        }],
    });
    assert_eq!(body(&request), expected);
}

#[test]
fn what_is_bought_searched_and_agreed_to_is_told_in_its_words() {
    let settings = json!({"event_source_id": "P1", "event_source": "crm"});
    let attributes = object(json!({"content_ids": ["a", 2], "search_string": "shoes", "lead_id": "L1"}));
    let consents = object(json!({"marketing": "no"}));
    let told = body(&sent(&settings, &OutgoingEvent { attributes, consents, ..event() }).unwrap());
    let item = &told["data"][0];
    assert_eq!(told["event_source"], json!("crm"));
    assert_eq!(
        item["properties"],
        json!({"contents": [{"content_id": "a"}, {"content_id": "2"}], "query": "shoes", "search_string": "shoes"})
    );
    assert_eq!((&item["lead"], &item["limited_data_use"]), (&json!({"lead_id": "L1"}), &json!(true)));
    let purchase = OutgoingEvent { name: "Purchase".to_owned(), attributes: Map::new(), ..event() };
    assert!(sent(&settings, &purchase).unwrap_err().to_string().contains("currency"));
}

#[test]
fn the_code_in_the_answer_counts() {
    for (status, answer, expected) in [
        (200, json!({"code": 0, "message": "OK"}), "delivered"),
        (200, json!({"code": 40_001, "message": "canary"}), "permanent"),
        (200, json!({"code": 40_002, "message": "canary"}), "permanent"),
        (200, json!({"code": 40_100, "message": "canary"}), "retry"),
        (200, json!({"code": 40_105, "message": "canary"}), "revoked"),
        (200, json!({"code": 20_001, "message": "canary"}), "permanent"),
        (200, json!({"code": 50_002, "message": "canary"}), "retry"),
        (200, json!({"code": 12_345, "message": "canary"}), "permanent"),
        (200, json!("<html>"), "retry"),
        (502, json!("<html>"), "retry"),
        (200, json!({"code": 40_102}), "expired"),
        (401, json!({"code": 40_105}), "revoked"),
    ] {
        let outcome = judged(&TikTok, status, &answer);
        assert_eq!(word(&outcome), expected, "{status} {answer}");
        assert!(!format!("{outcome:?}").contains("canary"), "{outcome:?}");
    }
}
