//! What a token server is asked for, and what it says.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::*;
use crate::destinations::{About, Trouble, find, tests::secrets};

const NOW: Timestamp = Timestamp::from_seconds(1_795_168_860);

fn about() -> &'static About {
    find("google_ads").unwrap().about()
}

fn settings(client_id: &str) -> Value {
    json!({"customer_id": "1234567890", "conversions": {}, "client_id": client_id})
}

#[test]
fn a_refresh_token_is_exchanged_with_its_client() {
    let secrets = secrets(&[("client_secret", "s&cret"), ("refresh_token", "1//canary")]);
    let grant = grant(about(), &settings("id.example"), &secrets, NOW).unwrap().unwrap();
    assert_eq!((grant.to_sign(), grant.refresh_token()), (None, Some("1//canary")));
    let request = grant.request(&[]);
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "https://oauth2.googleapis.com/token")
    );
    assert_eq!(request.headers["content-type"], "application/x-www-form-urlencoded");
    let form =
        "grant_type=refresh_token&client_id=id.example&client_secret=s%26cret&refresh_token=1%2F%2Fcanary";
    assert_eq!(request.body, form);
    assert!(!format!("{grant:?}{request:?}").contains("canary"));
}

#[test]
fn a_service_account_asserts_who_it_is() {
    let key = "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n";
    let file = json!({
        "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": key,
        "client_email": "robot@p.iam.gserviceaccount.com", "token_uri": "https://evil.example/token",
    });
    // It counts before a refresh token.
    let secrets =
        secrets(&[("service_account", &file.to_string()), ("client_secret", "s"), ("refresh_token", "r")]);
    let grant = grant(about(), &settings(""), &secrets, NOW).unwrap().unwrap();
    let (unsigned, found) = grant.to_sign().unwrap();
    assert_eq!(found, key);
    let parts: Vec<Value> = unsigned
        .split('.')
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let claims = json!({
        "iss": "robot@p.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/datamanager",
        "aud": "https://oauth2.googleapis.com/token", "iat": NOW.seconds(), "exp": NOW.seconds() + 3_600,
    });
    assert_eq!(parts[1], claims);
    let request = grant.request(b"signed");
    assert_eq!(request.url, "https://oauth2.googleapis.com/token", "the file does not say where secrets go");
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={unsigned}.c2lnbmVk"
    );
    assert_eq!(request.body, form);
    assert!(!format!("{grant:?}").contains("canary"));
}

#[test]
fn platforms_with_tokens_of_their_own_ask_nobody() {
    for (name, secret) in [("meta", "access_token"), ("hubspot", "access_token")] {
        let secrets = secrets(&[(secret, "t")]);
        let settings = if name == "meta" { json!({"dataset_id": "1"}) } else { json!({}) };
        assert_eq!(grant(find(name).unwrap().about(), &settings, &secrets, NOW), Ok(None), "{name}");
    }
}

fn answered(status: u16, body: &Value) -> Result<Token, Refusal> {
    read(about(), status, &HeaderMap::new(), body.to_string().as_bytes(), NOW)
}

#[test]
fn a_token_comes_with_what_is_said_of_it() {
    let scope = "openid https://www.googleapis.com/auth/datamanager";
    let whole = json!({
        "access_token": "ya29.canary", "token_type": "Bearer", "expires_in": 3599, "scope": scope,
        "refresh_token": "1//new", "refresh_token_expires_in": 604_799,
    });
    let token = answered(200, &whole).unwrap();
    let expected = Token {
        access: "ya29.canary".to_owned(),
        lasts: Duration::from_secs(3_599),
        refresh: Some("1//new".to_owned()),
        credential_lasts: Some(Duration::from_secs(604_799)),
    };
    assert_eq!(token, expected);
    assert!(!format!("{token:?}").contains("canary"));
    let least = answered(200, &json!({"access_token": "t"})).unwrap();
    assert_eq!(
        (least.lasts, least.refresh, least.credential_lasts),
        (Duration::from_secs(3_600), None, None)
    );
}

#[test]
fn answers_without_a_token_say_whether_there_will_be_one() {
    let error = |word: &str| json!({"error": word, "error_description": "canary"});
    let google = json!({"access_token": "t", "scope": "https://www.googleapis.com/auth/adwords"});
    for (status, body, expected) in [
        (400, error("invalid_grant"), Some(Trouble::Revoked)),
        (401, error("invalid_client"), Some(Trouble::Revoked)),
        (401, error("deleted_client"), Some(Trouble::Revoked)),
        (400, error("unsupported_grant_type"), Some(Trouble::Revoked)),
        (400, error("invalid_scope"), Some(Trouble::ScopeMissing)),
        (403, error("access_denied"), Some(Trouble::ScopeMissing)),
        (200, google, Some(Trouble::ScopeMissing)),
        (200, json!({"token": "t"}), None),
        (200, json!({"access_token": "two words"}), None),
        (200, json!({"access_token": "t", "token_type": "mac"}), None),
        (200, json!({"access_token": ""}), None),
        (400, json!("<html>"), None),
        (401, json!({}), None),
        (404, error("invalid_request"), None),
        (400, error("temporarily_unavailable"), None),
        (429, error("slow_down"), None),
        (500, error("internal_failure"), None),
        (503, Value::Null, None),
    ] {
        let refusal = answered(status, &body).unwrap_err();
        let trouble = match &refusal {
            Refusal::Trouble(trouble, _) => Some(*trouble),
            Refusal::Later { .. } => None,
        };
        assert_eq!(trouble, expected, "{status} {body}");
        assert!(!format!("{refusal:?}").contains("canary"), "{refusal:?}");
    }
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "7".parse().unwrap());
    let waits = read(about(), 503, &headers, b"", NOW).unwrap_err();
    assert!(matches!(waits, Refusal::Later { after: Some(span), .. } if span.as_secs() == 7), "{waits:?}");
}
