//! What is refused: everything but what was made.

use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://in.example.com";
const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn id(number: u128) -> SigningKeyId {
    SigningKeyId::new(1, number)
}

fn key() -> SigningKey {
    SigningKey::new(id(1), &[7; 32]).unwrap()
}

fn member() -> Identified {
    let member = PrincipalId::Member(tributary_domain::id::MemberId::new(1, 1));
    Identified { principal: member, session: Some(SessionId::new(1, 1)) }
}

fn good() -> String {
    key().sign(ISSUER, member(), NOW).unwrap().0
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn header() -> Value {
    json!({"typ": "at+jwt", "alg": "EdDSA", "kid": id(1)})
}

fn claims() -> Value {
    let issued = NOW.seconds();
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": member().principal.to_string(), "iat": issued, "exp": issued + 600,
        "sid": SessionId::new(1, 1),
    })
}

/// A token with this header and these claims, signed with our own key: only what it says is wrong.
fn signed(header: &Value, claims: &Value) -> String {
    signed_with(&key(), &part(header), &part(claims))
}

fn signed_with(key: &SigningKey, header: &str, claims: &str) -> String {
    let message = format!("{header}.{claims}");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.signs, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

#[test]
fn what_was_made_is_accepted_as_long_as_it_lives() {
    let made_here = signed(&header(), &claims());
    assert_eq!(
        key().verify(ISSUER, &made_here, NOW),
        Ok(member()),
        "what the tests change is all that is wrong"
    );
    let verify =
        |seconds: i64| key().verify(ISSUER, &good(), Timestamp::from_seconds(NOW.seconds() + seconds));
    assert_eq!(verify(0), Ok(member()));
    assert_eq!(verify(-5), Ok(member()), "the clocks of nodes differ a little");
    assert_eq!(verify(599), Ok(member()));
    assert!(verify(600).is_err() && verify(-6).is_err());
    let service = PrincipalId::ApiKey(tributary_domain::id::ApiKeyId::new(1, 1));
    let service = Identified { principal: service, session: None };
    let (token, expires) = key().sign(ISSUER, service, NOW).unwrap();
    assert_eq!(key().verify(ISSUER, &token, NOW), Ok(service));
    assert_eq!(expires, NOW.plus(ACCESS_LIFETIME));
}

/// Tokens whose header is not ours.
fn bad_headers() -> Vec<(&'static str, String)> {
    let hmac_with_the_public_key = {
        let header = part(&with(header(), "alg", json!("HS256")));
        let message = format!("{header}.{}", part(&claims()));
        let secret = EncodingKey::from_secret(key().verifies.try_get_as_bytes().unwrap());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let own = |name: &str, value: Value| signed(&with(header(), name, value), &claims());
    let embedded = serde_json::to_value(key().public()).unwrap();
    vec![
        ("algorithm none", own("alg", json!("none"))),
        ("algorithm None", own("alg", json!("None"))),
        ("no algorithm", signed(&without(header(), "alg"), &claims())),
        ("key confusion", hmac_with_the_public_key),
        ("another algorithm", own("alg", json!("ES256"))),
        ("an algorithm of RSA", own("alg", json!("RS256"))),
        ("an algorithm that is a number", own("alg", json!(1))),
        ("no type", signed(&without(header(), "typ"), &claims())),
        ("another type", own("typ", json!("JWT"))),
        ("no key", signed(&without(header(), "kid"), &claims())),
        ("an unknown key", own("kid", json!(id(2)))),
        ("a path for a key", own("kid", json!("../../dev/null"))),
        ("a statement for a key", own("kid", json!("' or 1=1 --"))),
        ("an embedded key", own("jwk", embedded.clone())),
        ("a key from elsewhere", own("jku", json!("https://evil.example/keys"))),
        ("a certificate from elsewhere", own("x5u", json!("https://evil.example/cert"))),
        ("a certificate", own("x5c", json!([STANDARD.encode("certificate")]))),
        ("an extension", own("crit", json!(["exp"]))),
        ("an unencoded payload", own("b64", json!(false))),
        ("a compressed payload", own("zip", json!("DEF"))),
        (
            "a header twice",
            signed_with(
                &key(),
                &URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"sgk_1"}"#),
                &part(&claims()),
            ),
        ),
    ]
}

/// Tokens whose claims are not ours.
fn bad_claims() -> Vec<(&'static str, String)> {
    let own = |name: &str, value: Value| signed(&header(), &with(claims(), name, value));
    let lacks = |name: &str| signed(&header(), &without(claims(), name));
    let now = NOW.seconds();
    let times = |issued: i64, expires: i64| {
        signed(&header(), &with(with(claims(), "iat", json!(issued)), "exp", json!(expires)))
    };
    vec![
        ("no issuer", lacks("iss")),
        ("another issuer", own("iss", json!("https://evil.example"))),
        ("several issuers", own("iss", json!([ISSUER, "https://evil.example"]))),
        ("no audience", lacks("aud")),
        ("another audience", own("aud", json!("tributary.admin.v2"))),
        ("several audiences", own("aud", json!([AUDIENCE]))),
        ("no subject", lacks("sub")),
        ("nobody", own("sub", json!(""))),
        ("a subject that is a tenant", own("sub", json!("ten_00000000000000000000000001"))),
        ("no expiry", lacks("exp")),
        ("expired", times(now - 700, now - 100)),
        ("an expiry that is text", own("exp", json!((now + 60).to_string()))),
        ("an expiry that is a fraction", own("exp", json!(1.79e9 + 0.5))),
        ("an expiry without end", own("exp", json!(i64::MAX))),
        ("a negative expiry", own("exp", json!(-1))),
        ("no time of issue", lacks("iat")),
        ("issued in the future", times(now + 60, now + 120)),
        ("too long a life", times(now - 10, now + 600)),
        ("expired before it was issued", times(now, now - 1)),
        ("another claim", own("role", json!("OWNER"))),
        ("a session that is none", own("sid", json!("everything"))),
        ("a member without a session", lacks("sid")),
        ("a service with a session", own("sub", json!("key_00000000000000000000000001"))),
        ("claims that are a list", signed(&header(), &json!([1]))),
    ]
}

/// Texts that are not signed as ours are.
fn bad_texts() -> Vec<(&'static str, String)> {
    let token = good();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[0] ^= 1;
    let other = SigningKey::new(id(1), &[8; 32]).unwrap();
    let padded = format!("{}==.{}.{signature}", part(&header()), part(&claims()));
    vec![
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("four parts", format!("{token}.x")),
        ("a changed signature", format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))),
        ("a short signature", format!("{message}.{}", &signature[..40])),
        ("a signature of another key", signed_with(&other, &part(&header()), &part(&claims()))),
        (
            "a changed payload",
            format!("{}.{}.{signature}", part(&header()), part(&with(claims(), "iat", json!(1)))),
        ),
        ("padding", padded),
        ("a space", format!(" {token}")),
        ("a line end", format!("{token}\n")),
        ("too long", format!("{}.{}.{signature}", part(&header()), "A".repeat(2_000))),
        ("not base64", token.replace('.', ".%")),
    ]
}

#[test]
fn everything_else_is_refused_alike() {
    let bad: Vec<_> = [bad_headers(), bad_claims(), bad_texts()].concat();
    assert!(bad.len() > 55);
    for (what, token) in bad {
        assert_eq!(key().verify(ISSUER, &token, NOW), Err(TokenRefused), "{what}");
    }
}

#[test]
fn a_token_of_another_installation_is_refused() {
    assert!(key().verify("https://other.example.com", &good(), NOW).is_err());
}

#[test]
fn nothing_of_the_key_is_shown() {
    let shown = format!("{:?}", key());
    assert!(!shown.contains("PrivateKey") && !shown.contains("302e"), "{shown}");
    assert!(serde_json::to_value(key().public()).unwrap().get("d").is_none());
}
