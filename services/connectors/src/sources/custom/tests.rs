use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_domain::{
    booking::{BookingFacts, KeyScope, Paid, Stage},
    normalise::cluid::CluidReading,
    time::Timestamp,
};

use super::Custom;
use crate::sources::{Facts, Provider, Signature, testing};

/// Signatures computed with OpenSSL, apart from this code.
const KEY: &str = "shared-secret-of-a-form";
const BODY: &[u8] = br#"{"id":"frm_7","email":"nadia@example.com"}"#;
const KNOWN: [(&str, &str, &str); 6] = [
    ("sha1", "hex", "6f2c9ae249077297dfa7473a87d5940ca70439d7"),
    ("sha256", "hex", "de0a25a29d704781ebb0acbf5e274f5843087497f4af321c2f0998037148a470"),
    (
        "sha512",
        "hex",
        "73dfd5c0e512a8408ae166b440f0c1af768115f9b53c8f96e29ddd896893e50b\
         65888422c93e2fd878c6be86cb861073161806358009bba548c1b66fb6ebf665",
    ),
    ("sha1", "base64", "byya4kkHcpffp0c6h9WUDKcEOdc="),
    ("sha256", "base64", "3golop1wR4HrsKy/XidPWEMIdJf0rzIcLwmYA3FIpHA="),
    (
        "sha512",
        "base64",
        "c9/VwOUSqECK4Wa0QPDBr3aBFfm1PI+W4p3diWiT5QtliIQiyT4v2HjGvobLhhBzFhgGNYAJu6VIwbZvtuv2ZQ==",
    ),
];

fn verify(
    settings: &Value,
    keys: &[&str],
    pairs: &[(&str, &str)],
    body: &[u8],
) -> Result<Signature, &'static str> {
    let settings = Custom.check_settings(settings).unwrap();
    let keys: Vec<String> = keys.iter().copied().map(str::to_owned).collect();
    testing::verify(&Custom, &settings, &keys, &testing::headers(pairs), body, Timestamp::default())
        .map_err(|error| error.code())
}

#[test]
fn known_signatures_are_valid_in_every_writing() {
    for (algorithm, encoding, known) in KNOWN {
        let settings = json!({"signature": {
            "header": "X-Form-Signature", "prefix": "v1=", "algorithm": algorithm, "encoding": encoding,
        }});
        let written = format!("v1={known}");
        let pairs = [("x-form-signature", written.as_str())];
        assert_eq!(
            verify(&settings, &["other", KEY], &pairs, BODY),
            Ok(Signature::Valid),
            "{algorithm} {encoding}"
        );
        assert_eq!(verify(&settings, &["other"], &pairs, BODY), Err("SIGNATURE_MISMATCH"));
        assert_eq!(
            verify(&settings, &[KEY], &[("x-form-signature", known)], BODY),
            Err("SIGNATURE_MALFORMED")
        );
        assert_eq!(verify(&settings, &[KEY], &[("x-signature", &written)], BODY), Err("SIGNATURE_MISSING"));
        if encoding == "hex" {
            let upper = format!("v1={}", known.to_uppercase());
            let pairs = [("x-form-signature", upper.as_str())];
            assert_eq!(verify(&settings, &[KEY], &pairs, BODY), Ok(Signature::Valid));
            let mixed = format!("v1={}{}", &known[..4].to_uppercase(), &known[4..]);
            let pairs = [("x-form-signature", mixed.as_str())];
            assert_eq!(verify(&settings, &[KEY], &pairs, BODY), Err("SIGNATURE_MALFORMED"));
        }
        let parsed = Custom.check_settings(&settings).unwrap();
        let signed = testing::sign(&Custom, &parsed, KEY, BODY, Timestamp::default());
        assert_eq!(signed, [("x-form-signature".to_owned(), written)]);
    }
}

#[test]
fn without_settings_it_is_sha256_in_hex() {
    let (_, _, known) = KNOWN[1];
    assert_eq!(verify(&Value::Null, &[KEY], &[("x-signature", known)], BODY), Ok(Signature::Valid));
    assert_eq!(verify(&Value::Null, &[], &[], BODY), Ok(Signature::Unsigned));
    assert_eq!(verify(&Value::Null, &[KEY], &[], BODY), Err("SIGNATURE_MISSING"));
    assert_eq!(verify(&Value::Null, &[KEY], &[("x-signature", "")], BODY), Err("SIGNATURE_MALFORMED"));
    assert_eq!(
        verify(&Value::Null, &[KEY], &[("x-signature", &known[..10])], BODY),
        Err("SIGNATURE_MISMATCH")
    );
    let two = [("x-signature", known), ("x-signature", known)];
    assert_eq!(verify(&Value::Null, &[KEY], &two, BODY), Err("SIGNATURE_MALFORMED"));
}

#[test]
fn base64_is_read_with_and_without_padding() {
    let (_, _, known) = KNOWN[4];
    let settings = json!({"signature": {"encoding": "base64"}});
    let bare = known.trim_end_matches('=');
    assert_ne!(bare, known);
    assert_eq!(verify(&settings, &[KEY], &[("x-signature", bare)], BODY), Ok(Signature::Valid));
}

proptest! {
    #[test]
    fn one_bit_changed_is_no_signature(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let (_, _, known) = KNOWN[1];
        let mut body = BODY.to_vec();
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        prop_assert_eq!(
            verify(&Value::Null, &[KEY], &[("x-signature", known)], &body),
            Err("SIGNATURE_MISMATCH")
        );
    }
}

fn facts(settings: &Value, pairs: &[(&str, &str)], body: &Value) -> Facts {
    Custom.facts(&Custom.check_settings(settings).unwrap(), &testing::headers(pairs), body)
}

#[test]
fn facts_stand_where_the_owner_says() {
    let settings =
        json!({"event_path": "$.type", "dedupe_path": "$.data.id", "cluid_path": "$.hidden.visitor"});
    let body = json!({
        "type": "form.sent",
        "data": {"id": 4711},
        "hidden": {"visitor": "trb_01h8xkq7v2m3n4p5r6s7t8v9w0"},
    });
    let found = facts(&settings, &[("idempotency-key", "k")], &body);
    assert_eq!(found.provider_event.as_deref(), Some("form.sent"));
    assert_eq!(found.dedupe_key.as_deref(), Some("4711"));
    assert_eq!(found.cluid, CluidReading::Found("trb_01h8xkq7v2m3n4p5r6s7t8v9w0".to_owned()));
    let nothing = facts(&settings, &[("idempotency-key", "k")], &json!({"data": {"id": {"a": 1}}}));
    assert_eq!((nothing.provider_event, nothing.dedupe_key), (None, None));
}

#[test]
fn without_a_path_the_senders_header_tells_deliveries_apart() {
    let key = |pairs: &[(&str, &str)]| facts(&Value::Null, pairs, &json!({})).dedupe_key;
    assert_eq!(key(&[("Idempotency-Key", " k1 ")]).as_deref(), Some("k1"));
    assert_eq!(key(&[("webhook-id", "w1")]).as_deref(), Some("w1"));
    assert_eq!(key(&[("webhook-id", "w1"), ("idempotency-key", "k1")]).as_deref(), Some("k1"));
    assert_eq!(key(&[("idempotency-key", "")]), None);
    assert_eq!(key(&[]), None, "equal bodies may be two people");
    let long = key(&[("idempotency-key", &"x".repeat(2_000))]).unwrap();
    assert!(long.starts_with("sha256:") && long.len() == 71, "{long}");
}

#[test]
fn bodies_are_compared_only_where_asked() {
    let settings = json!({"dedupe_by_body": true});
    let key = |body: Value| facts(&settings, &[], &body).dedupe_key;
    assert_eq!(key(json!({"a": 1})), key(json!({"a": 1})));
    assert_ne!(key(json!({"a": 1})), key(json!({"a": 2})));
    assert_eq!(facts(&settings, &[("webhook-id", "w1")], &json!({})).dedupe_key.as_deref(), Some("w1"));
}

#[test]
fn settings_that_are_wrong_are_named() {
    let path = |settings: Value| Custom.check_settings(&settings).map(drop).map_err(|error| error.path);
    for (settings, expected) in [
        (json!({"signature": {"header": "X Form"}}), "signature.header"),
        (json!({"signature": {"header": "Content-Type"}}), "signature.header"),
        (json!({"signature": {"algorithm": "md5"}}), "signature.algorithm"),
        (json!({"signature": {"encoding": 7}}), "signature.encoding"),
        (json!({"signature": {"secret": "x"}}), "signature.secret"),
        (json!({"signature": []}), "signature"),
        (json!({"dedupe_path": "id"}), "dedupe_path"),
        (json!({"dedupe_by_body": "yes"}), "dedupe_by_body"),
    ] {
        assert_eq!(path(settings), Err(expected.to_owned()));
    }
    let refused =
        Custom.check_settings(&json!({"signature": {"prefix": 7, "secret": "hunter2"}})).unwrap_err();
    assert!(!refused.to_string().contains("hunter2"));
}

#[test]
fn headers_are_kept_but_never_a_signature() {
    let pairs = [
        ("content-type", "application/json"),
        ("user-agent", "Forms/2"),
        ("webhook-id", "w1"),
        ("x-signature", "c0ffee"),
        ("authorization", "Bearer c0ffee"),
        ("cookie", "c0ffee"),
    ];
    let kept = |settings: Value| {
        Custom.kept_headers(&Custom.check_settings(&settings).unwrap(), &testing::headers(&pairs))
    };
    let names = |kept: Vec<(String, String)>| kept.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(kept(Value::Null)), ["content-type", "user-agent", "webhook-id"]);
    let odd = json!({"signature": {"header": "Webhook-Id"}});
    assert_eq!(names(kept(odd)), ["content-type", "user-agent"]);
    let long = testing::headers(&[("user-agent", &"x".repeat(513))]);
    let settings = Custom.check_settings(&Value::Null).unwrap();
    assert_eq!(Custom.kept_headers(&settings, &long), []);
}

#[test]
fn deliveries_with_long_keys_are_told_apart_by_what_is_kept_of_them() {
    let settings = Custom.check_settings(&Value::Null).unwrap();
    let facts = |last: char| {
        let key = format!("{}{last}", "x".repeat(600));
        let kept = Custom.kept_headers(&settings, &testing::headers(&[("idempotency-key", &key)]));
        let kept: Vec<(&str, &str)> =
            kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Custom.facts(&settings, &testing::headers(&kept), &json!({})).dedupe_key.unwrap()
    };
    assert_eq!(facts('a'), facts('a'));
    assert_ne!(facts('a'), facts('b'));
}

#[test]
fn a_number_whose_digits_were_lost_tells_nothing_apart() {
    let settings = Custom.check_settings(&json!({"dedupe_path": "$.id"})).unwrap();
    let key = |body: &str| {
        Custom.facts(&settings, &HeaderMap::new(), &serde_json::from_str(body).unwrap()).dedupe_key
    };
    assert_eq!(key(r#"{"id":18446744073709551615}"#).as_deref(), Some("18446744073709551615"));
    assert_eq!(key(r#"{"id":123456789012345678901}"#), None);
}

#[test]
fn paths_that_could_cost_too_much_are_refused() {
    for setting in ["cluid_path", "event_path", "dedupe_path"] {
        let nested = format!("${}{}", "[?@".repeat(40), "]".repeat(40));
        let refused = Custom.check_settings(&serde_json::json!({setting: nested})).unwrap_err();
        assert_eq!(refused.path, setting);
        assert!(refused.message.contains("would search too much"), "{}", refused.message);
    }
}

#[test]
fn a_body_speaks_of_a_booking_where_the_owner_says() {
    let settings = json!({"booking": {
        "key_path": "$.order.id", "previous_key_path": "$.order.was", "next_key_path": "$.order.now",
        "stage_path": "$.type", "stages": {"order.refunded": "cancelled"}, "time_path": "$.at",
        "value_path": "$.amount", "currency_path": "$.currency",
    }});
    let told = |body: Value| facts(&settings, &[], &body).booking;
    let paid = json!({"type": "paid", "order": {"id": 7, "was": "6"}, "at": 1_700_000_000, "amount": "12.5", "currency": "EUR"});
    assert_eq!(
        told(paid),
        Some(BookingFacts {
            scope: KeyScope::Source,
            key: "7".to_owned(),
            previous: Some("6".to_owned()),
            next: None,
            stages: vec![Stage::Paid],
            at: Some(Timestamp::from_seconds(1_700_000_000)),
            paid: Some(Paid { value: 12.5, currency: Some("EUR".to_owned()) }),
        })
    );
    let refunded =
        told(json!({"type": "order.refunded", "order": {"id": 7}, "at": "2026-01-31T09:30:00Z"})).unwrap();
    assert_eq!((refunded.stages, refunded.paid), (vec![Stage::Cancelled], None));
    assert_eq!(refunded.at.unwrap().to_string(), "2026-01-31T09:30:00Z");
    let millis = told(json!({"type": "created", "order": {"id": 7}, "at": 1_700_000_000_123_i64})).unwrap();
    assert_eq!(millis.at, Some(Timestamp::from_millis(1_700_000_000_123)));
    for never in [json!(i64::MIN), json!(i64::MAX), json!("soon"), json!(null)] {
        let told = told(json!({"type": "created", "order": {"id": 7}, "at": never}));
        assert_eq!(told.unwrap().at, None);
    }
    assert_eq!(
        told(json!({"type": "order.shipped", "order": {"id": 7}})),
        None,
        "a stage that means nothing"
    );
    assert_eq!(told(json!({"type": "created"})), None, "no key");
    assert_eq!(facts(&json!({}), &[], &json!({"type": "created"})).booking, None);
}

#[test]
fn settings_of_bookings_that_are_wrong_are_named() {
    let path = |booking: Value| {
        Custom.check_settings(&json!({"booking": booking})).map(drop).map_err(|error| error.path)
    };
    let with = |name: &str, value: Value| {
        let mut booking = json!({"key_path": "$.id", "stage_path": "$.type"});
        booking[name] = value;
        booking
    };
    assert_eq!(path(json!({})), Ok(()));
    assert_eq!(path(with("shared_keys", json!(true))), Ok(()));
    assert_eq!(path(json!({"key_path": "$.id"})), Err("booking.stage_path".to_owned()));
    assert_eq!(path(json!({"stage_path": "$.type"})), Err("booking.key_path".to_owned()));
    assert_eq!(path(json!({"shared_keys": true})), Err("booking.key_path".to_owned()));
    assert_eq!(path(with("stages", json!({"x": "refunded"}))), Err("booking.stages".to_owned()));
    assert_eq!(path(with("stages", json!([]))), Err("booking.stages".to_owned()));
    assert_eq!(path(with("keys", json!(1))), Err("booking.keys".to_owned()));
}
