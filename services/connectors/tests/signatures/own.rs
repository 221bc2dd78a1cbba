//! What a provider signed verifies; one bit changed, of whatever was signed, does not.

use std::collections::BTreeSet;

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_connectors::sources::{
    Provider, Sending, Signature, SignatureError, Webhook, provider, providers,
};
use tributary_domain::time::Timestamp;

use crate::{
    case::{Case, headers},
    vectors::{TIME, VECTORS},
};

/// Where all requests go.
const ORIGIN: &str = "https://in.example.com";
/// A key that every provider takes.
const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// The providers that sign: who can be seen through by everybody cannot.
fn signing() -> impl Iterator<Item = &'static dyn Provider> {
    providers().iter().copied().filter(|provider| !provider.is_public())
}

#[test]
fn every_vector_is_valid_and_not_with_one_bit_changed() {
    for vector in VECTORS {
        Case::of(vector).assert_every_bit_counts();
    }
    let tried: BTreeSet<&str> = VECTORS.iter().map(|vector| vector.provider).collect();
    // What a custom source signs is in its own tests, in every writing.
    let all: BTreeSet<&str> = signing().map(|one| one.name()).filter(|name| *name != "custom").collect();
    assert_eq!(tried, all);
}

#[test]
fn a_time_that_is_signed_may_be_off_by_so_much_and_no_more() {
    for vector in VECTORS {
        let mut case = Case::of(vector);
        let tolerance: i64 = if vector.provider == "calendly" { 180 } else { 300 };
        for (off, is_near) in
            [(-tolerance, true), (tolerance, true), (-tolerance - 1, false), (tolerance + 1, false)]
        {
            case.now = Timestamp::from_seconds(TIME + off);
            let verified = case.verify();
            if is_near || !vector.signs_time {
                assert_eq!(verified, Ok(Signature::Valid), "{} {off}", case.what);
            } else {
                let outside =
                    SignatureError::OutsideTolerance { seconds: -off, tolerance: tolerance.unsigned_abs() };
                assert_eq!(verified, Err(outside), "{} {off}", case.what);
            }
        }
    }
}

#[test]
fn every_provider_verifies_what_it_signs() {
    for provider in signing() {
        provider.check_key(KEY).unwrap();
        let settings = provider.check_settings(&Value::Null).unwrap();
        let (sample, now) = (provider.sample(), Timestamp::from_millis(TIME * 1_000 + 417));
        let sending = Sending {
            url: "https://in.example.com/in/secret?x=%3A",
            id: "dlv_1",
            event: sample.event,
            content_type: sample.content_type,
            body: sample.body.as_bytes(),
        };
        let mut sent = provider.accompany(&sending);
        let signatures = provider.sign(&settings, KEY, &sending, now);
        assert!(!signatures.is_empty());
        sent.extend(signatures);
        let sent = headers(&sent);
        let target = "/in/secret?x=%3A";
        let webhook = Webhook { origin: ORIGIN, target, headers: &sent, body: sending.body };
        let verify =
            |key: &str, webhook: &Webhook<'_>| provider.verify(&settings, &[key.to_owned()], webhook, now);
        assert_eq!(verify(KEY, &webhook), Ok(Signature::Valid), "{}", provider.name());
        let other = verify("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &webhook);
        assert_eq!(other, Err(SignatureError::Mismatch), "{}", provider.name());
        let unsigned = HeaderMap::new();
        let bare = Webhook { headers: &unsigned, ..webhook };
        assert_eq!(verify(KEY, &bare).unwrap_err().code(), "SIGNATURE_MISSING", "{}", provider.name());
        assert_eq!(provider.verify(&settings, &[], &bare, now), Ok(Signature::Unsigned));
    }
}

fn verified(
    name: &str,
    settings: &Value,
    key: &str,
    pairs: &[(&str, &str)],
    body: &str,
) -> Result<Signature, &'static str> {
    let provider = provider(name).unwrap();
    let settings = provider.check_settings(settings).unwrap();
    let sent = headers(pairs);
    let webhook = Webhook { origin: ORIGIN, target: "/in/secret", headers: &sent, body: body.as_bytes() };
    let now = Timestamp::from_seconds(TIME);
    provider.verify(&settings, &[key.to_owned()], &webhook, now).map_err(|error| error.code())
}

#[test]
fn what_providers_write_without_a_secret_is_no_signature() {
    let headers = [("x-cal-signature-256", "no-secret-provided")];
    assert_eq!(verified("calcom", &Value::Null, "k", &headers, "{}"), Err("SIGNATURE_MALFORMED"));
}

#[test]
fn hubspot_takes_the_older_versions_only_where_the_third_is_missing_and_not_required() {
    let vector = |what: &str| VECTORS.iter().find(|vector| vector.what == what).unwrap();
    let (first, third) = (vector("first version"), vector("third version"));
    let strict = json!({ "require_v3": true });
    assert_eq!(verified("hubspot", &strict, first.key, first.headers, first.body), Err("SIGNATURE_MISSING"));
    let url = |strict: &Value, pairs: &[(&str, &str)], target: &str| {
        let provider = provider("hubspot").unwrap();
        let settings = provider.check_settings(strict).unwrap();
        let sent = headers(pairs);
        let webhook = Webhook { origin: ORIGIN, target, headers: &sent, body: third.body.as_bytes() };
        let keys = [third.key.to_owned()];
        provider
            .verify(&settings, &keys, &webhook, Timestamp::from_seconds(TIME))
            .map_err(|error| error.code())
    };
    assert_eq!(url(&strict, third.headers, third.target), Ok(Signature::Valid));
    assert_eq!(url(&Value::Null, third.headers, "/in/secret?a=b:d"), Err("SIGNATURE_MISMATCH"));
    // A wrong third one is not made good by a right first one.
    let mut both = vec![("x-hubspot-signature-v3", "AAAA"), third.headers[1]];
    both.extend(first.headers);
    assert_eq!(url(&Value::Null, &both, third.target), Err("SIGNATURE_MISMATCH"));
}

#[test]
fn keys_of_standard_webhooks_are_base64() {
    let standard = provider("standard_webhooks").unwrap();
    for good in ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"] {
        assert_eq!(standard.check_key(good), Ok(()));
    }
    for bad in ["whsec_", "whpk_C2FVsBQIhrscChlQIMV", "not base64!", ""] {
        assert!(standard.check_key(bad).is_err(), "{bad}");
    }
    assert_eq!(provider("stripe").unwrap().check_key("anything"), Ok(()));
}

proptest! {
    #[test]
    fn whatever_is_signed_verifies_and_nothing_else(
        which in any::<prop::sample::Index>(),
        body in prop::collection::vec(any::<u8>(), 1..200),
        key in "[ -~]{1,40}",
        bit in any::<prop::sample::Index>(),
        now in 0..4_000_000_000_000_i64,
    ) {
        let all: Vec<_> = signing().collect();
        let provider = all[which.index(all.len())];
        let now = Timestamp::from_millis(now);
        let key = if provider.check_key(&key).is_ok() { key } else { format!("whsec_{}", "QUJD".repeat(key.len())) };
        let settings = provider.check_settings(&Value::Null).unwrap();
        let sending =
            Sending { url: "https://in.example.com/in/secret", id: "dlv_1", event: "", content_type: "", body: &body };
        let mut sent = provider.sign(&settings, &key, &sending, now);
        // Standard Webhooks sign the delivery's id, which stands in a header of its own.
        sent.push(("webhook-id".to_owned(), "dlv_1".to_owned()));
        let sent = headers(&sent);
        let check = |key: &str, body: &[u8]| {
            let webhook = Webhook { origin: ORIGIN, target: "/in/secret", headers: &sent, body };
            provider.verify(&settings, &[key.to_owned()], &webhook, now)
        };
        prop_assert_eq!(check(&key, &body), Ok(Signature::Valid));
        let mut other = body.clone();
        let bit = bit.index(body.len() * 8);
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(check(&key, &other), Err(SignatureError::Mismatch));
        prop_assert_eq!(check(KEY, &body), Err(SignatureError::Mismatch));
    }
}
