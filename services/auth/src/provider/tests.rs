//! Tokens of a provider: every one that is not exactly right is refused, for the reason that the log tells.

use jsonwebtoken::{EncodingKey, crypto::sign};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
/// The header of a PKCS #8 key of Ed25519 (RFC 8410, section 7).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

fn signing(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::EdDSA => EncodingKey::from_ed_der(&[PKCS8.as_slice(), &[9; 32]].concat()),
        Algorithm::ES256 => EncodingKey::from_ec_der(include_bytes!("../../tests/keys/p256.der")),
        _ => EncodingKey::from_rsa_der(include_bytes!("../../tests/keys/rsa.der")),
    }
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDSA => "EdDSA",
        Algorithm::ES256 => "ES256",
        _ => "RS256",
    }
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256];

fn public(algorithm: Algorithm) -> Value {
    let mut key =
        serde_json::to_value(Jwk::from_encoding_key(&signing(algorithm), algorithm).unwrap()).unwrap();
    key["kid"] = json!(name(algorithm));
    key
}

fn keys() -> ProviderKeys {
    let keys: Vec<_> = ALGORITHMS.into_iter().map(public).collect();
    ProviderKeys::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn rules() -> ProviderRules {
    ProviderRules {
        issuer: "https://login.example.com".to_owned(),
        audience: "dashboard".to_owned(),
        email_claim: "email".to_owned(),
        verified_claim: Some("email_verified".to_owned()),
        required_claims: BTreeMap::from([("hd".to_owned(), "example.com".to_owned())]),
    }
}

fn claims() -> Value {
    let now = NOW.seconds();
    json!({
        "iss": "https://login.example.com", "aud": "dashboard", "sub": "1", "email": "Ann@Example.com",
        "email_verified": true, "hd": "example.com", "iat": now - 10, "exp": now + 300, "nonce": "x",
    })
}

fn token(algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(message.as_bytes(), &signing(algorithm), algorithm).unwrap();
    format!("{message}.{signature}")
}

fn header(algorithm: Algorithm) -> Value {
    json!({ "alg": name(algorithm), "kid": name(algorithm), "typ": "JWT" })
}

fn with(mut value: Value, key: &str, new: Value) -> Value {
    value[key] = new;
    value
}

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().unwrap().remove(key);
    value
}

fn verify(token: &str) -> Result<ExternalIdentity, IdentityRefused> {
    rules().verify(&keys(), token, NOW)
}

/// What becomes of a token with these claims.
fn says(claims: &Value) -> Result<ExternalIdentity, IdentityRefused> {
    verify(&token(Algorithm::ES256, &header(Algorithm::ES256), claims))
}

#[test]
fn a_token_of_each_algorithm_tells_who_somebody_is() {
    let ann = ExternalIdentity { subject: "1".to_owned(), email: "ann@example.com".to_owned() };
    for algorithm in ALGORITHMS {
        let token = token(algorithm, &header(algorithm), &claims());
        assert_eq!(verify(&token), Ok(ann.clone()), "{algorithm:?}");
        assert_eq!(issuer_of(&token), Ok("https://login.example.com".to_owned()));
    }
    let several = with(with(claims(), "aud", json!(["other", "dashboard"])), "azp", json!("dashboard"));
    assert_eq!(says(&several), Ok(ann.clone()));
    let trusting = ProviderRules { verified_claim: None, required_claims: BTreeMap::new(), ..rules() };
    let plain = without(without(claims(), "hd"), "email_verified");
    let token = token(Algorithm::ES256, &header(Algorithm::ES256), &plain);
    assert_eq!(trusting.verify(&keys(), &token, NOW), Ok(ann));
}

#[test]
fn claims_that_are_not_right_are_refused() {
    use IdentityRefused::{Audience, Claims, Nobody, Time, Unverified};
    let now = NOW.seconds();
    let own = |name: &str, value: Value| says(&with(claims(), name, value));
    let lacks = |name: &str| says(&without(claims(), name));
    let cases = [
        ("another issuer", own("iss", json!("https://login.example.com/")), Claims),
        ("no issuer", lacks("iss"), Claims),
        ("several issuers", own("iss", json!(["https://login.example.com"])), Claims),
        ("no audience", lacks("aud"), Audience),
        ("another audience", own("aud", json!("dashboard2")), Audience),
        ("issued to another", own("azp", json!("other")), Audience),
        ("issued to others", own("azp", json!(["dashboard"])), Audience),
        ("issued to one of several", own("aud", json!(["other", "dashboard"])), Audience),
        ("other audiences", own("aud", json!(["a", "b"])), Audience),
        ("an audience that is a number", own("aud", json!(1)), Audience),
        ("no expiry", lacks("exp"), Time),
        ("expired", own("exp", json!(now)), Time),
        ("an expiry as text", own("exp", json!("1900000000")), Time),
        ("an expiry as a fraction", own("exp", json!(1.9e9 + 0.5)), Time),
        ("an expiry beyond all times", own("exp", json!(i64::MAX)), Time),
        ("a negative expiry", own("exp", json!(-1)), Time),
        ("no time of issue", lacks("iat"), Time),
        ("issued long ago", own("iat", json!(now - 3_601)), Time),
        ("issued tomorrow", own("iat", json!(now + 86_400)), Time),
        ("not yet valid", own("nbf", json!(now + 61)), Time),
        ("a beginning as text", own("nbf", json!("now")), Time),
        ("another domain", own("hd", json!("example.org")), Claims),
        ("no domain", lacks("hd"), Claims),
        ("domains", own("hd", json!(["example.com"])), Claims),
        ("no subject", lacks("sub"), Nobody),
        ("an empty subject", own("sub", json!("")), Nobody),
        ("a long subject", own("sub", json!("1".repeat(256))), Nobody),
        ("a subject that is a number", own("sub", json!(1)), Nobody),
        ("no address", lacks("email"), Nobody),
        ("no address in it", own("email", json!("ann")), Nobody),
        ("a long address", own("email", json!(format!("{}@example.com", "a".repeat(250)))), Nobody),
        ("addresses", own("email", json!(["ann@example.com"])), Nobody),
        ("not verified", own("email_verified", json!(false)), Unverified),
        ("verified as text", own("email_verified", json!("true")), Unverified),
        ("verified as a number", own("email_verified", json!(1)), Unverified),
        ("nothing about verification", lacks("email_verified"), Unverified),
    ];
    for (what, outcome, why) in cases {
        assert_eq!(outcome, Err(why), "{what}");
    }
    for (claim, value) in [("nbf", now + 60), ("iat", now + 60), ("iat", now - 3_599), ("exp", now + 1)] {
        assert!(own(claim, json!(value)).is_ok(), "{claim} {value}");
    }
}

#[test]
fn headers_keys_and_signatures_that_are_not_right_are_refused() {
    use IdentityRefused::{Form, Signature, UnknownKey};
    let good = token(Algorithm::ES256, &header(Algorithm::ES256), &claims());
    let own = |name: &str, value: Value| {
        verify(&token(Algorithm::ES256, &with(header(Algorithm::ES256), name, value), &claims()))
    };
    let parts: Vec<_> = good.split('.').collect();
    let hmac = {
        let header = json!({ "alg": "HS256", "kid": "RS256" }).to_string();
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), parts[1]);
        let secret = EncodingKey::from_secret(public(Algorithm::RS256)["n"].as_str().unwrap().as_bytes());
        format!("{message}.{}", sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap())
    };
    let changed = URL_SAFE_NO_PAD.encode(with(claims(), "sub", json!("2")).to_string());
    let cases = [
        ("algorithm none", own("alg", json!("none")), Signature),
        ("the key of another algorithm", own("kid", json!("RS256")), Signature),
        ("another algorithm of the curve", own("alg", json!("ES384")), Signature),
        ("key confusion", verify(&hmac), Signature),
        ("an algorithm that is a number", own("alg", json!(1)), Form),
        ("an unknown key", own("kid", json!("other")), UnknownKey),
        ("an embedded key", own("jwk", public(Algorithm::ES256)), Form),
        ("a key from elsewhere", own("jku", json!("https://evil.example/keys")), Form),
        ("a certificate", own("x5c", json!(["MII"])), Form),
        ("an extension", own("crit", json!(["exp"])), Form),
        ("no signature", verify(&format!("{}.{}.", parts[0], parts[1])), Signature),
        ("other claims", verify(&format!("{}.{changed}.{}", parts[0], parts[2])), Signature),
        ("two parts", verify(&format!("{}.{}", parts[0], parts[1])), Form),
        ("five parts", verify(&format!("{good}.a.b")), Form),
        ("padding", verify(&good.replacen('.', "=.", 1)), Form),
        ("nothing", verify(""), Form),
        ("too long", verify(&format!("{good}{}", "A".repeat(LONGEST))), Form),
    ];
    for (what, outcome, why) in cases {
        assert_eq!(outcome, Err(why), "{what}");
    }
    assert!(verify(&good).is_ok());
}

#[test]
fn of_a_set_only_what_verifies_tokens_is_kept() {
    let parse = |keys: Value| ProviderKeys::parse(json!({ "keys": keys }).to_string().as_bytes());
    let key = || public(Algorithm::ES256);
    let useless = [
        without(key(), "kid"),
        with(key(), "use", json!("enc")),
        with(key(), "alg", json!("ES384")),
        with(key(), "x", json!("not a point")),
        with(key(), "crv", json!("P-384")),
        json!({ "kty": "oct", "kid": "a", "k": "c2VjcmV0" }),
        json!("no key"),
    ];
    for one in &useless {
        assert_eq!(parse(json!([one])).err(), Some(NoKeys), "{one}");
    }
    let with_a_good_one: Vec<_> = useless.into_iter().chain([key()]).collect();
    assert_eq!(parse(json!(with_a_good_one)).unwrap().0.len(), 1);
    assert!(ProviderKeys::parse(b"[]").is_err() && ProviderKeys::parse(b"").is_err());
}
