//! The token server (RFC 6749 and RFC 7523).

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation, decode, jwk::Jwk};
use serde_json::{Value, json};

use super::{CLIENT_ID, Google, Grants, SCOPE, Taken};
use crate::{
    now_seconds,
    platforms::{Answer, Asked, CREDENTIAL},
};

/// The account that is there.
const ROBOT: &str = "robot@test.iam.gserviceaccount.com";
/// Its key, which nothing but tests has.
const KEY: &[u8] = include_bytes!("../../../../services/auth/tests/keys/rsa.der");

/// The key file of the service account that is there, as it is downloaded.
pub fn service_account() -> String {
    // Its key in PKCS #8: a header, and the key inside.
    let length = |length: usize| u16::try_from(length).expect("a short key").to_be_bytes();
    let head = [
        0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
        0x00,
    ];
    let inner = [&head[..], &[0x04, 0x82], &length(KEY.len()), KEY].concat();
    let whole = [&[0x30, 0x82], &length(inner.len())[..], &inner].concat();
    let text = STANDARD.encode(whole);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    json!({
        "type": "service_account", "project_id": "test", "private_key_id": "k1", "private_key": key,
        "client_email": ROBOT, "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
    })
    .to_string()
}

pub(in super::super) fn answer(asked: &Asked, google: &Google) -> Answer {
    let mut state = google.state();
    state.exchanges += 1;
    let error = |status: u16, word: &str, wrong: &str| {
        Answer::wrong(status, &json!({"error": word, "error_description": wrong}), wrong)
    };
    match state.grants {
        Grants::Broken => return Answer::wrong(503, &Value::Null, "it is told to be broken"),
        Grants::Revoked => return error(400, "invalid_grant", "Token has been expired or revoked."),
        _ => {}
    }
    let form = &asked.form;
    let text = |name: &str| form.get(name).map_or("", String::as_str);
    let refresh = state.refresh.clone().unwrap_or_else(|| CREDENTIAL.to_owned());
    let is_robot = match text("grant_type") {
        "refresh_token" if text("client_id") != CLIENT_ID || text("client_secret") != CREDENTIAL => {
            return error(401, "invalid_client", "The OAuth client was not found.");
        }
        "refresh_token" if text("refresh_token") != refresh => {
            return error(400, "invalid_grant", "Bad Request");
        }
        "refresh_token" => false,
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            if let Err(wrong) = assertion(form, asked.header("host")) {
                return error(400, "invalid_grant", &wrong);
            }
            true
        }
        _ => return error(400, "unsupported_grant_type", "Invalid grant_type"),
    };
    let token = format!("ya29.given-by-a-test-{}", state.exchanges);
    let mut body = json!({"access_token": token, "token_type": "Bearer", "expires_in": 3_599});
    let unscoped = state.grants == Grants::Unscoped;
    state.tokens.push((token, if unscoped { Taken::Unscoped } else { Taken::Yes }));
    if !is_robot {
        body["scope"] = json!(if unscoped { "openid" } else { SCOPE });
    }
    if state.grants == Grants::Rotating {
        let next = format!("1//given-by-a-test-{}", state.exchanges);
        body["refresh_token"] = json!(next);
        state.refresh = Some(next);
    }
    if state.grants == Grants::Ending {
        body["refresh_token_expires_in"] = json!(5 * 24 * 60 * 60);
    }
    Answer::fine(200, &body)
}

/// What a service account asserts has to be signed by its key, be for this server and this API, and be short-lived.
fn assertion(form: &BTreeMap<String, String>, host: &str) -> Result<(), String> {
    let text = form.get("assertion").ok_or("no assertion")?;
    let key = EncodingKey::from_rsa_der(KEY);
    let public = Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(|error| error.to_string())?;
    let public = DecodingKey::from_jwk(&public).map_err(|error| error.to_string())?;
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[format!("http://{host}/token")]);
    rules.set_issuer(&[ROBOT]);
    let claims = decode::<Value>(text, &public, &rules).map_err(|error| error.to_string())?.claims;
    let (from, until) = (claims["iat"].as_i64().ok_or("no iat")?, claims["exp"].as_i64().ok_or("no exp")?);
    if until - from > 3_600 || (now_seconds() - from).abs() > 300 {
        return Err("Invalid JWT: Token must be a short-lived token (60 minutes)".to_owned());
    }
    if claims["scope"] != SCOPE {
        return Err("the scope is another one".to_owned());
    }
    Ok(())
}
