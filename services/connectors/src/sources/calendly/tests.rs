use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_domain::{
    booking::{BookingFacts, KeyScope, Paid, Stage},
    normalise::cluid::CluidReading,
    time::Timestamp,
};

use super::{Calendly, sample_booking};
use crate::sources::{Facts, Provider, Signature, SignatureError, SourceSettings, testing};

/// Fixed bytes and a fixed time; the signature below was computed with OpenSSL, apart from this code.
const KEY: &str = "whk_harbourlight_2026";
const BODY: &[u8] = br#"{"event":"invitee.created","payload":{"email":"nadia@example.com"}}"#;
const TIME: i64 = 1_773_151_351;
const KNOWN: &str = "db9fba3b10fce1371989b3d3cf8c7f8ef67513fa7a679c012754847d113057c8";

fn settings(settings: &Value) -> SourceSettings {
    Calendly.check_settings(settings).unwrap()
}

fn verify(keys: &[&str], header: &str, body: &[u8], now: i64) -> Result<Signature, &'static str> {
    let keys: Vec<String> = keys.iter().copied().map(str::to_owned).collect();
    let mut headers = HeaderMap::new();
    headers.insert("calendly-webhook-signature", HeaderValue::from_str(header).unwrap());
    let now = Timestamp::from_seconds(now);
    testing::verify(&Calendly, &settings(&Value::Null), &keys, &headers, body, now)
        .map_err(|error| error.code())
}

fn header() -> String {
    format!("t={TIME},v1={KNOWN}")
}

#[test]
fn a_known_signature_is_valid() {
    assert_eq!(verify(&[KEY], &header(), BODY, TIME), Ok(Signature::Valid));
    let signed = testing::sign(&Calendly, &settings(&Value::Null), KEY, BODY, Timestamp::from_seconds(TIME));
    assert_eq!(signed, [("calendly-webhook-signature".to_owned(), header())]);
}

#[test]
fn any_of_several_keys_and_signatures_is_enough() {
    assert_eq!(verify(&["older", KEY, ""], &header(), BODY, TIME), Ok(Signature::Valid));
    assert_eq!(verify(&["older"], &header(), BODY, TIME), Err("SIGNATURE_MISMATCH"));
    let two = format!("t={TIME},v1={},v1={KNOWN}", "0".repeat(64));
    assert_eq!(verify(&[KEY], &two, BODY, TIME), Ok(Signature::Valid));
}

#[test]
fn white_space_and_unknown_keys_do_not_matter() {
    let loose = format!("  v0=abc, t = {TIME} ,  v1={KNOWN}  ,  new=1=2");
    assert_eq!(verify(&[KEY], &loose, BODY, TIME), Ok(Signature::Valid));
    let upper = format!("t={TIME},v1={}", KNOWN.to_uppercase());
    assert_eq!(verify(&[KEY], &upper, BODY, TIME), Err("SIGNATURE_MALFORMED"), "Calendly writes no capitals");
}

#[test]
fn headers_that_cannot_be_read_are_refused() {
    let headers = [
        String::new(),
        KNOWN.to_owned(),
        format!("v1={KNOWN}"),
        format!("t={TIME}"),
        format!("t={TIME},v1="),
        format!("t={TIME},v1=zz"),
        format!("t=,v1={KNOWN}"),
        format!("t=soon,v1={KNOWN}"),
        format!("t=-{TIME},v1={KNOWN}"),
        format!("t=+{TIME},v1={KNOWN}"),
        format!("t={TIME},t={TIME},v1={KNOWN}"),
        format!("t=99999999999999999999,v1={KNOWN}"),
        format!("t={TIME};v1={KNOWN}"),
    ];
    for header in headers {
        assert_eq!(verify(&[KEY], &header, BODY, TIME), Err("SIGNATURE_MALFORMED"), "{header}");
    }
    let short = format!("t={TIME},v1={}", &KNOWN[..62]);
    assert_eq!(verify(&[KEY], &short, BODY, TIME), Err("SIGNATURE_MISMATCH"));
}

#[test]
fn the_time_may_be_off_by_three_minutes_both_ways() {
    for now in [TIME - 180, TIME, TIME + 180] {
        assert_eq!(verify(&[KEY], &header(), BODY, now), Ok(Signature::Valid), "{now}");
    }
    for now in [TIME - 181, TIME + 181, 0] {
        assert_eq!(verify(&[KEY], &header(), BODY, now), Err("SIGNATURE_OUTSIDE_TOLERANCE"), "{now}");
    }
    let moved = format!("t={},v1={KNOWN}", TIME + 100);
    assert_eq!(verify(&[KEY], &moved, BODY, TIME), Err("SIGNATURE_MISMATCH"), "the time is signed too");
}

#[test]
fn the_tolerance_is_a_setting() {
    let check = |seconds: u64, now: i64| {
        let mut headers = HeaderMap::new();
        headers.insert("calendly-webhook-signature", HeaderValue::from_str(&header()).unwrap());
        let settings = settings(&json!({"tolerance_seconds": seconds}));
        testing::verify(&Calendly, &settings, &[KEY.to_owned()], &headers, BODY, Timestamp::from_seconds(now))
    };
    assert_eq!(check(10, TIME + 10), Ok(Signature::Valid));
    assert_eq!(check(10, TIME + 11), Err(SignatureError::OutsideTolerance { seconds: -11, tolerance: 10 }));
    assert_eq!(check(86_400, TIME + 86_400), Ok(Signature::Valid));
}

#[test]
fn unsigned_passes_only_while_there_is_no_key() {
    let verify = |keys: &[String], headers: &HeaderMap| {
        testing::verify(
            &Calendly,
            &settings(&Value::Null),
            keys,
            headers,
            BODY,
            Timestamp::from_seconds(TIME),
        )
    };
    let mut headers = HeaderMap::new();
    assert_eq!(verify(&[], &headers), Ok(Signature::Unsigned));
    let keys = [KEY.to_owned()];
    assert_eq!(verify(&keys, &headers).unwrap_err().code(), "SIGNATURE_MISSING");
    // Signed with nothing: who leaves the key empty has not set one.
    let empty = testing::sign(&Calendly, &settings(&Value::Null), "", BODY, Timestamp::from_seconds(TIME));
    headers.insert("calendly-webhook-signature", HeaderValue::from_str(&empty[0].1).unwrap());
    assert_eq!(verify(&[String::new()], &headers).unwrap_err().code(), "SIGNATURE_MISMATCH");
    headers.append("calendly-webhook-signature", HeaderValue::from_str(&header()).unwrap());
    assert_eq!(verify(&keys, &headers).unwrap_err().code(), "SIGNATURE_MALFORMED");
}

proptest! {
    #[test]
    fn one_bit_changed_is_no_signature(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut body = BODY.to_vec();
        let at_body = at.index(body.len());
        body[at_body] ^= 1 << bit;
        prop_assert_eq!(verify(&[KEY], &header(), &body, TIME), Err("SIGNATURE_MISMATCH"));

        let mut tag = hex::decode(KNOWN).unwrap();
        let at_tag = at.index(tag.len());
        tag[at_tag] ^= 1 << bit;
        let header = format!("t={TIME},v1={}", hex::encode(tag));
        prop_assert_eq!(verify(&[KEY], &header, BODY, TIME), Err("SIGNATURE_MISMATCH"));
    }

    #[test]
    fn what_is_signed_verifies(body in prop::collection::vec(any::<u8>(), 0..200), key in "\\PC{1,40}", now in 0..4_000_000_000_i64) {
        let signed = testing::sign(&Calendly, &settings(&Value::Null), &key, &body, Timestamp::from_seconds(now));
        prop_assert_eq!(verify(&[&key], &signed[0].1, &body, now), Ok(Signature::Valid));
    }
}

fn facts(body: &Value) -> Facts {
    Calendly.facts(&settings(&Value::Null), &HeaderMap::new(), body)
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn booking() -> Value {
    fixture(sample_booking())
}

#[test]
fn a_booking_says_what_it_is_and_who_came() {
    let facts = facts(&booking());
    let uri = booking()["payload"]["uri"].as_str().unwrap().to_owned();
    assert_eq!(facts.provider_event.as_deref(), Some("invitee.created"));
    assert_eq!(facts.dedupe_key, Some(format!("invitee.created {uri}")));
    assert_eq!(facts.cluid, CluidReading::Found("trb_01h8xkq7v2m3n4p5r6s7t8v9w0".to_owned()));
    assert_eq!(facts.cluid_path, "$.payload.tracking.utm_term");
    assert_eq!(facts.notice, None);
}

#[test]
fn copies_of_one_fact_have_one_key() {
    let mut copy = booking();
    copy["created_at"] = json!("2026-03-10T15:00:00.000000Z");
    copy["payload"]["updated_at"] = json!("2026-03-10T14:59:59.000000Z");
    copy["payload"]["scheduled_event"]["location"]["status"] = json!("pushed");
    assert_eq!(facts(&copy).dedupe_key, facts(&booking()).dedupe_key);
}

#[test]
fn different_facts_have_different_keys() {
    let no_show = fixture(include_str!("../../../fixtures/calendly/no_show.json"));
    let mut marked_again = no_show.clone();
    marked_again["payload"]["no_show"]["uri"] = json!("https://api.calendly.com/invitee_no_shows/again");
    let mut unmarked = booking();
    unmarked["event"] = json!("invitee_no_show.deleted");
    let mut unmarked_again = unmarked.clone();
    unmarked_again["payload"]["updated_at"] = json!("2026-03-13T10:00:00.000000Z");
    let bodies = [
        booking(),
        fixture(include_str!("../../../fixtures/calendly/canceled.json")),
        fixture(include_str!("../../../fixtures/calendly/rescheduled_created.json")),
        fixture(include_str!("../../../fixtures/calendly/routing_form.json")),
        fixture(include_str!("../../../fixtures/calendly/created_2020.json")),
        no_show,
        marked_again,
        unmarked,
        unmarked_again,
    ];
    let keys: std::collections::BTreeSet<String> =
        bodies.iter().map(|body| facts(body).dedupe_key.unwrap()).collect();
    assert_eq!(keys.len(), bodies.len());
}

#[test]
fn a_mark_beside_the_payload_counts_as_one_inside() {
    let inside = fixture(include_str!("../../../fixtures/calendly/no_show.json"));
    let mut beside = inside.clone();
    beside["no_show"] = beside["payload"]["no_show"].take();
    assert_eq!(facts(&beside).dedupe_key, facts(&inside).dedupe_key);
}

#[test]
fn a_body_in_another_shape_has_no_key_and_is_noticed() {
    let nested = json!({
        "event": "invitee.created",
        "payload": {"uri": "https://example.com/x", "invitee": {"email": "a@example.com"}, "event": {"uuid": "X"}},
    });
    let of_nested = facts(&nested);
    assert_eq!((of_nested.dedupe_key, of_nested.notice), (None, Some("CALENDLY_NESTED_V1_SHAPE")));
    for odd in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"event": 7, "payload": []}),
        json!({"event": "invitee.created"}),
    ] {
        let facts = facts(&odd);
        assert_eq!((facts.dedupe_key, facts.cluid.status(), facts.notice), (None, "MISSING", None), "{odd}");
    }
}

#[test]
fn what_stands_in_utm_term_is_told_apart() {
    let status = |term: Value| {
        let mut body = booking();
        body["payload"]["tracking"]["utm_term"] = term;
        facts(&body).cluid.status()
    };
    assert_eq!(status(json!("dentist near me")), "FOREIGN");
    assert_eq!(status(json!("{\"id\":\"7\"}")), "FOREIGN");
    assert_eq!(status(json!("{{cluid}}")), "PLACEHOLDER");
    assert_eq!(status(json!("undefined")), "PLACEHOLDER");
    assert_eq!(status(json!(null)), "MISSING");
}

#[test]
fn a_source_may_say_where_the_cluid_stands_and_what_counts() {
    let settings = settings(
        &json!({"cluid_path": "$.payload.tracking.salesforce_uuid", "allowed_cluids": ["aaid_[0-9]+"]}),
    );
    let read = |value: &str| {
        let mut body = booking();
        body["payload"]["tracking"]["salesforce_uuid"] = json!(value);
        Calendly.facts(&settings, &HeaderMap::new(), &body).cluid
    };
    assert_eq!(read("aaid_42"), CluidReading::Found("aaid_42".to_owned()));
    assert_eq!(
        read("x-aaid_42"),
        CluidReading::Foreign("x-aaid_42".to_owned()),
        "a pattern has to match the whole"
    );
}

#[test]
fn settings_that_are_wrong_are_named() {
    let path = |settings: Value| Calendly.check_settings(&settings).map(drop).map_err(|error| error.path);
    assert_eq!(path(json!({})), Ok(()));
    assert_eq!(path(json!([])), Err(String::new()));
    assert_eq!(path(json!({"tolerance_seconds": 0})), Err("tolerance_seconds".to_owned()));
    assert_eq!(path(json!({"tolerance_seconds": 86_401})), Err("tolerance_seconds".to_owned()));
    assert_eq!(path(json!({"tolerance_seconds": "180"})), Err("tolerance_seconds".to_owned()));
    assert_eq!(path(json!({"cluid_path": "payload.x"})), Err("cluid_path".to_owned()));
    assert_eq!(path(json!({"allowed_cluids": ["("]})), Err("allowed_cluids".to_owned()));
    assert_eq!(path(json!({"toleranz": 1})), Err("toleranz".to_owned()));
}

fn told_of(text: &str) -> BookingFacts {
    facts(&fixture(text)).booking.unwrap()
}

#[test]
fn the_halves_of_a_reschedule_name_each_other() {
    let old = told_of(include_str!("../../../fixtures/calendly/canceled.json"));
    let new = told_of(include_str!("../../../fixtures/calendly/rescheduled_created.json"));
    assert_eq!(
        (old.stages.as_slice(), new.stages.as_slice()),
        (&[Stage::Moved][..], &[Stage::Rescheduled][..])
    );
    assert_eq!((old.next, new.previous), (Some(new.key), Some(old.key.clone())));
    let first = told_of(sample_booking());
    assert_eq!((first.key, first.stages, first.scope), (old.key, vec![Stage::Created], KeyScope::Tenant));
    assert_eq!(first.at.unwrap().to_string(), "2026-03-10T14:02:30.512873Z");
    assert_eq!(old.at.unwrap().to_string(), "2026-03-11T09:17:04.861733Z");
}

#[test]
fn a_cancellation_that_moves_nothing_is_one() {
    let mut cancelled = fixture(include_str!("../../../fixtures/calendly/canceled.json"));
    cancelled["payload"]["new_invitee"] = Value::Null;
    // The half of a move whose other half it does not name yet.
    assert_eq!(facts(&cancelled).booking.unwrap().stages, [Stage::Moved]);
    cancelled["payload"]["rescheduled"] = json!(false);
    assert_eq!(facts(&cancelled).booking.unwrap().stages, [Stage::Cancelled]);
    cancelled["payload"].as_object_mut().unwrap().remove("cancellation");
    let at = facts(&cancelled).booking.unwrap().at.unwrap();
    assert_eq!(at.to_string(), "2026-03-11T09:17:04.88412Z", "of 2020: the last change");
}

#[test]
fn marks_and_payments_are_told_with_their_times() {
    let mut mark = fixture(include_str!("../../../fixtures/calendly/no_show.json"));
    let marked = facts(&mark).booking.unwrap();
    assert_eq!(marked.stages, [Stage::NoShow]);
    assert_eq!(marked.at.unwrap().to_string(), "2026-03-12T15:21:39.670248Z");
    mark["no_show"] = mark["payload"]["no_show"].take();
    assert_eq!(facts(&mark).booking, Some(marked), "a mark beside the payload counts as one inside");
    mark["event"] = json!("invitee_no_show.deleted");
    assert_eq!(facts(&mark).booking.unwrap().stages, [Stage::NoShowRemoved]);
    let mut paid = fixture(include_str!("../../../fixtures/calendly/paid.json"));
    let told = facts(&paid).booking.unwrap();
    assert_eq!(told.stages, [Stage::Created, Stage::Paid]);
    assert_eq!(told.paid, Some(Paid { value: 120.5, currency: Some("EUR".to_owned()) }));
    paid["payload"]["payment"]["successful"] = json!(false);
    assert_eq!(facts(&paid).booking.unwrap().stages, [Stage::Created]);
}

#[test]
fn what_is_about_no_invitee_is_about_no_booking() {
    assert_eq!(facts(&fixture(include_str!("../../../fixtures/calendly/routing_form.json"))).booking, None);
    let mut nested = booking();
    nested["payload"]["invitee"] = json!({"email": "a@example.com"});
    assert_eq!(facts(&nested).booking, None);
    let mut without = booking();
    without["payload"]["uri"] = Value::Null;
    assert_eq!(facts(&without).booking, None);
}
