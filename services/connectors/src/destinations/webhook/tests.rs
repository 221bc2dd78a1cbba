//! The webhook platform, seen from its receiver.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tributary_domain::{
    booking::{FollowUpKind, Why},
    id::DeliveryId,
    id::{DestinationId, EventId, MessageId, ProfileId, WorkflowId},
    identity::{Identifier, IdentifierType},
    time::Timestamp,
    workflow::spec::Kind,
};

use super::*;
use crate::destinations::{OutgoingFollowUp, find};

/// The example of the Standard Webhooks libraries.
const KNOWN_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const KNOWN_ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const KNOWN_BODY: &[u8] = br#"{"test": 2432232314}"#;
const KNOWN_SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const NOW: Timestamp = Timestamp::from_seconds(1_614_265_330);

fn secret(text: &str) -> SigningSecret {
    text.parse().unwrap()
}

fn secrets(pairs: &[(&str, &str)]) -> Secrets {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn signed(id: &str, seconds: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ID_HEADER, HeaderValue::from_str(id).unwrap());
    headers.insert(TIMESTAMP_HEADER, HeaderValue::from_str(seconds).unwrap());
    headers.insert(SIGNATURE_HEADER, HeaderValue::from_str(signature).unwrap());
    headers
}

fn event() -> OutgoingEvent {
    let message = MessageId::new(1_700_000_000_000, 7);
    let event = EventId::derive(message, WorkflowId::new(1, 2), 0);
    let object = |value: Value| value.as_object().cloned().unwrap();
    OutgoingEvent {
        delivery: DeliveryId::derive(event, DestinationId::new(1, 3), 0),
        event,
        message,
        kind: Kind::Track,
        name: "Schedule".to_owned(),
        time: NOW,
        dedupe_id: None,
        received: NOW.plus(Duration::from_millis(1_250)),
        profile: Some(ProfileId::new(1, 4)),
        identifiers: vec![Identifier {
            kind: IdentifierType::parse("email").unwrap(),
            value: "zoë@example.com".to_owned(),
            raw: Some("Zoë@Example.com".to_owned()),
        }],
        traits: object(json!({"first_name": "Zoë"})),
        attributes: object(json!({"value": 49.5})),
        groups: [("company".to_owned(), "acme".to_owned())].into(),
        group_traits: Map::new(),
        consents: Map::new(),
        context: object(json!({"gclid": "abc"})),
        source: "Calendly".to_owned(),
        follow_up: None,
        is_test: false,
    }
}

/// HMAC-SHA256 by its definition (RFC 2104), for keys of at most one block.
fn hmac_by_definition(key: &[u8], message: &[u8]) -> Vec<u8> {
    let block = |pad: u8| (0..64).map(|at| key.get(at).unwrap_or(&0) ^ pad).collect::<Vec<u8>>();
    let inner = Sha256::digest([block(0x36).as_slice(), message].concat());
    Sha256::digest([block(0x5c).as_slice(), &inner].concat()).to_vec()
}

#[test]
fn the_known_answer_is_made_and_accepted() {
    let secrets = [secret(KNOWN_SECRET)];
    assert_eq!(sign(&secrets, KNOWN_ID, NOW, KNOWN_BODY), KNOWN_SIGNATURE);
    let headers = signed(KNOWN_ID, "1614265330", KNOWN_SIGNATURE);
    assert_eq!(verify(&secrets, &headers, KNOWN_BODY, NOW, DEFAULT_TOLERANCE), Ok(KNOWN_ID));
}

#[test]
fn secrets_have_24_to_64_bytes() {
    assert!(SigningSecret::generate([7; 32]).parse::<SigningSecret>().is_ok());
    let of = |bytes: usize| format!("whsec_{}", "AAAA".repeat(bytes / 3));
    assert!(of(24).parse::<SigningSecret>().is_ok() && of(63).parse::<SigningSecret>().is_ok());
    for text in
        [of(21), of(66), String::new(), "whsec_".to_owned(), of(24).replace("whsec_", ""), of(24) + "%"]
    {
        assert_eq!(text.parse::<SigningSecret>().unwrap_err(), InvalidSecret, "{text}");
    }
    assert!(!format!("{:?}", secret(KNOWN_SECRET)).contains("MfKQ"));
}

#[test]
fn any_signature_with_any_secret_will_do() {
    let (old, new) = (secret(KNOWN_SECRET), secret(&SigningSecret::generate([9; 32])));
    let both = sign(&[old.clone(), new.clone()], "id", NOW, b"{}");
    assert_eq!(both.split(' ').count(), 2);
    let headers = signed("id", "1614265330", &format!("v1a,AAAA v2,AAAA v1,%% {both}"));
    for secrets in [vec![old.clone()], vec![new.clone()], vec![new, old]] {
        assert!(verify(&secrets, &headers, b"{}", NOW, DEFAULT_TOLERANCE).is_ok());
    }
    let stranger = [secret(&SigningSecret::generate([1; 32]))];
    assert_eq!(verify(&stranger, &headers, b"{}", NOW, DEFAULT_TOLERANCE), Err(VerifyError::NoMatch));
    assert_eq!(verify(&[], &headers, b"{}", NOW, DEFAULT_TOLERANCE), Err(VerifyError::NoMatch));
}

#[test]
fn time_is_tolerated_in_both_directions_and_no_further() {
    let secrets = [secret(KNOWN_SECRET)];
    let headers = signed(KNOWN_ID, "1614265330", KNOWN_SIGNATURE);
    for (offset, fine) in [(-301, false), (-300, true), (0, true), (300, true), (301, false)] {
        let now = Timestamp::from_seconds(1_614_265_330 + offset);
        let verdict = verify(&secrets, &headers, KNOWN_BODY, now, DEFAULT_TOLERANCE);
        assert_eq!(verdict.is_ok(), fine, "{offset}");
    }
    let wrong = signed(KNOWN_ID, "soon", KNOWN_SIGNATURE);
    assert_eq!(verify(&secrets, &wrong, KNOWN_BODY, NOW, DEFAULT_TOLERANCE), Err(VerifyError::Timestamp));
    let extreme = signed(KNOWN_ID, &i64::MIN.to_string(), KNOWN_SIGNATURE);
    let verdict = verify(&secrets, &extreme, KNOWN_BODY, NOW, DEFAULT_TOLERANCE);
    assert_eq!(verdict, Err(VerifyError::OutsideTolerance));
    for name in [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER] {
        let mut headers = headers.clone();
        headers.remove(name);
        assert_eq!(
            verify(&secrets, &headers, KNOWN_BODY, NOW, DEFAULT_TOLERANCE),
            Err(VerifyError::Header(name))
        );
    }
}

#[test]
fn a_request_is_what_its_receiver_verifies_and_the_same_on_every_try() {
    let secrets = secrets(&[(SIGNING, KNOWN_SECRET), ("header:authorization", "Bearer canary")]);
    let settings = json!({"url": "https://example.com/hook", "headers": {"x-team": "ops"}});
    let platform = find("webhook").unwrap();
    assert_eq!(platform.check_settings(&settings, &secrets), Ok(()));
    let first = platform.request(&settings, &secrets, &event(), NOW).unwrap();
    let later = NOW.plus(Duration::from_secs(3_600));
    let again = platform.request(&settings, &secrets, &event(), later).unwrap();
    assert_eq!((&first.body, &first.headers[ID_HEADER]), (&again.body, &again.headers[ID_HEADER]));
    for (request, now) in [(&first, NOW), (&again, later)] {
        let key = [secret(KNOWN_SECRET)];
        let id = verify(&key, &request.headers, &request.body, now, Duration::ZERO);
        assert_eq!(id, Ok(event().delivery.to_string().as_str()));
    }
    assert_eq!((&first.method, first.url.as_str()), (&Method::POST, "https://example.com/hook"));
    let signed = [event().delivery.to_string().as_bytes(), b".1614265330.", &first.body].concat();
    let key = STANDARD.decode(KNOWN_SECRET.trim_start_matches("whsec_")).unwrap();
    let expected = format!("v1,{}", STANDARD.encode(hmac_by_definition(&key, &signed)));
    assert_eq!(first.headers[SIGNATURE_HEADER], expected.as_str());
    assert_eq!(first.headers["authorization"], "Bearer canary");
    assert_eq!(first.headers["x-team"], "ops");
    assert_eq!(first.headers["content-type"], "application/json");
    assert!(!format!("{first:?} {secrets:?} {:?}", event()).contains("canary"));
}

#[test]
fn the_body_is_as_documented() {
    let secrets = secrets(&[(SIGNING, KNOWN_SECRET)]);
    let request = Webhook.request(&json!({"url": "https://example.com"}), &secrets, &event(), NOW).unwrap();
    let event = event();
    let expected = json!({
        "type": "event.track",
        "timestamp": "2021-02-25T15:02:10Z",
        "data": {
            "delivery_id": event.delivery.to_string(), "event_id": event.event.to_string(),
            "message_id": event.message.to_string(), "profile_id": event.profile.map(|id| id.to_string()),
            "name": "Schedule", "source": "Calendly", "received_at": "2021-02-25T15:02:11.25Z",
            "identifiers": [{"type": "email", "value": "zoë@example.com"}],
            "traits": {"first_name": "Zoë"}, "attributes": {"value": 49.5}, "groups": {"company": "acme"},
            "group_traits": {}, "consents": {}, "context": {"gclid": "abc"},
        },
    });
    assert_eq!(serde_json::from_slice::<Value>(&request.body).unwrap(), expected);
}

#[test]
fn what_became_of_an_event_is_told_with_the_delivery_that_told_of_it() {
    let secrets = secrets(&[(SIGNING, KNOWN_SECRET)]);
    let earlier = EventId::derive(MessageId::new(1, 1), WorkflowId::new(1, 2), 0);
    let delivery = DeliveryId::derive(earlier, DestinationId::new(1, 3), 0);
    for (kind, why, what, reason) in [
        (FollowUpKind::Retract, Why::NoShow, "conversion.retracted", "no_show"),
        (FollowUpKind::Restate, Why::Paid, "conversion.restated", "paid"),
    ] {
        let follow_up = Some(OutgoingFollowUp { kind, event: earlier, delivery, why });
        let event = OutgoingEvent { follow_up, ..event() };
        let request = Webhook.request(&json!({"url": "https://example.com"}), &secrets, &event, NOW).unwrap();
        assert_eq!(request.headers[ID_HEADER], event.delivery.to_string().as_str(), "an id of its own");
        let body = serde_json::from_slice::<Value>(&request.body).unwrap();
        assert_eq!((&body["type"], &body["data"]["reason"]), (&json!(what), &json!(reason)));
        let original = json!({"event_id": earlier.to_string(), "delivery_id": delivery.to_string()});
        assert_eq!(body["data"]["original"], original);
        assert_eq!(body["data"]["attributes"], json!({"value": 49.5}));
    }
    assert!(Webhook.takes_follow_ups());
}

#[test]
fn settings_that_cannot_work_are_refused_where_they_are_wrong() {
    let url = "https://example.com/hook";
    let good = [(SIGNING, KNOWN_SECRET)];
    let long = "x".repeat(5_000);
    let many: Map<String, Value> = (0..21).map(|n| (format!("x-{n}"), json!("v"))).collect();
    let cases = [
        (json!(null), good.to_vec(), "settings"),
        (json!({}), good.to_vec(), "settings.url"),
        (json!({"url": 7}), good.to_vec(), "settings.url"),
        (json!({"url": "example.com"}), good.to_vec(), "settings.url"),
        (json!({"url": "ftp://example.com"}), good.to_vec(), "settings.url"),
        (json!({"url": "https://u:canary@example.com"}), good.to_vec(), "settings.url"),
        (json!({"url": format!("https://example.com/{long}")}), good.to_vec(), "settings.url"),
        (json!({"url": url, "uri": url}), good.to_vec(), "settings.uri"),
        (json!({"url": url, "headers": []}), good.to_vec(), "settings.headers"),
        (json!({"url": url, "headers": many}), good.to_vec(), "settings.headers"),
        (json!({"url": url, "headers": {"x-a": 1}}), good.to_vec(), "settings.headers.x-a"),
        (json!({"url": url, "headers": {"x-a": "b\r\nx: y"}}), good.to_vec(), "settings.headers.x-a"),
        (json!({"url": url, "headers": {"x-a": long}}), good.to_vec(), "settings.headers.x-a"),
        (json!({"url": url, "headers": {"x a": "b"}}), good.to_vec(), "settings.headers.x a"),
        (json!({"url": url, "headers": {"Host": "b"}}), good.to_vec(), "settings.headers.Host"),
        (
            json!({"url": url, "headers": {"Transfer-Encoding": "b"}}),
            good.to_vec(),
            "settings.headers.Transfer-Encoding",
        ),
        (json!({"url": url, "headers": {"Webhook-Id": "b"}}), good.to_vec(), "settings.headers.Webhook-Id"),
        (json!({"url": url, "headers": {"X-A": "b", "x-a": "c"}}), good.to_vec(), "settings.headers.x-a"),
        (
            json!({"url": url, "headers": {"Authorization": "canary"}}),
            good.to_vec(),
            "settings.headers.Authorization",
        ),
        (json!({"url": url}), Vec::new(), "secrets.signing"),
        (json!({"url": url}), vec![(SIGNING, "whsec_canary")], "secrets.signing"),
        (json!({"url": url}), vec![(SIGNING, KNOWN_SECRET); 11], "secrets.signing"),
        (json!({"url": url}), vec![(SIGNING, KNOWN_SECRET), ("token", "canary")], "secrets.token"),
        (
            json!({"url": url}),
            vec![(SIGNING, KNOWN_SECRET), ("header:host", "canary")],
            "secrets.header:host",
        ),
    ];
    for (settings, pairs, path) in cases {
        let error = Webhook.check_settings(&settings, &secrets(&pairs)).unwrap_err();
        assert_eq!(error.path, path, "{settings}");
        assert!(!error.message.contains("canary"), "{error}");
    }
}

#[test]
fn body_and_headers_are_filled_and_signed_as_filled() {
    let secrets = secrets(&[(SIGNING, KNOWN_SECRET)]);
    let settings = json!({
        "url": "https://example.com",
        "headers": {"x-name": "{{ $.data.traits.first_name }}\t{{ $.data.source }}", "x-plain": "as it is"},
        "body": {"who": "{{ $.data.traits.first_name }}", "worth": "{{ $.data.attributes.value }}", "none": "{{ $.x }}"},
    });
    let event = OutgoingEvent { source: "a\r\nx-own: 1".to_owned(), ..event() };
    let request = Webhook.request(&settings, &secrets, &event, NOW).unwrap();
    let body = serde_json::from_slice::<Value>(&request.body).unwrap();
    assert_eq!(body, json!({"who": "Zoë", "worth": 49.5, "none": null}));
    assert_eq!(request.headers["x-name"].as_bytes(), "Zoë a  x-own: 1".as_bytes());
    assert_eq!(
        (&request.headers["x-plain"], request.headers.get("x-own")),
        (&"as it is".parse().unwrap(), None)
    );
    let key = [secret(KNOWN_SECRET)];
    assert!(verify(&key, &request.headers, &request.body, NOW, Duration::ZERO).is_ok());
    for (settings, path) in [
        (json!({"url": "https://example.com", "body": {"x": ["{{ x }}"]}}), "settings.body"),
        (json!({"url": "https://example.com", "body": "text"}), "settings.body"),
        (json!({"url": "https://example.com", "headers": {"x-a": "{{ $.a"}}), "settings.headers.x-a"),
    ] {
        assert_eq!(Webhook.check_settings(&settings, &secrets).unwrap_err().path, path);
    }
}

#[test]
fn answers_mean_what_standard_webhooks_says() {
    let classify = |status: u16, retry_after: Option<&str>| {
        let mut headers = HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        }
        Webhook.classify(status, &headers, b"", NOW)
    };
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(classify(status, Some("60")), Outcome::Delivered, "{status}");
    }
    assert!(matches!(classify(410, None), Outcome::Disable { .. }));
    for status in [199, 300, 301, 302, 307, 308, 400, 401, 404, 409, 422, 429, 500, 502, 503, 504, 599] {
        assert!(matches!(classify(status, None), Outcome::Retry { after: None, .. }), "{status}");
    }
    for status in [429, 503] {
        let Outcome::Retry { after, .. } = classify(status, Some("60")) else {
            panic!("{status} is retried")
        };
        assert_eq!(after, Some(Duration::from_secs(60)));
        assert!(matches!(classify(status, Some("-1")), Outcome::Retry { after: None, .. }));
        let date = classify(status, Some("Thu, 25 Feb 2021 15:03:10 GMT"));
        assert!(matches!(date, Outcome::Retry { after: Some(span), .. } if span == Duration::from_secs(60)));
    }
    assert!(
        matches!(classify(302, None), Outcome::Retry { reason, .. } if reason.contains("redirects are not followed"))
    );
}

proptest! {
    #[test]
    fn one_flipped_bit_is_noticed(body in prop::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let key = [secret(KNOWN_SECRET)];
        let headers = signed("id", "1614265330", &sign(&key, "id", NOW, &body));
        prop_assert!(verify(&key, &headers, &body, NOW, DEFAULT_TOLERANCE).is_ok());
        let mut forged = body;
        let at = at.index(forged.len());
        forged[at] ^= 1 << bit;
        prop_assert_eq!(verify(&key, &headers, &forged, NOW, DEFAULT_TOLERANCE), Err(VerifyError::NoMatch));
    }
}
