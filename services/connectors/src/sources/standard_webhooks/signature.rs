//! `webhook-id`, `webhook-timestamp` and `webhook-signature: v1,<base64> …`: HMAC-SHA256 over the id, the time and the body,
//! with full stops between them, keyed by the bytes that the key writes in base64 after `whsec_`. Svix has the same in
//! headers that begin with `svix-`. See <https://github.com/standard-webhooks/standard-webhooks>.

use std::borrow::Cow;

use base64::Engine;
use http::{HeaderMap, HeaderName};
use tributary_domain::time::Timestamp;

use crate::sources::{
    SignatureError, Webhook,
    hmac_scheme::{Algorithm, BASE64, Encoding, HmacScheme},
    signature::only_header,
    webhook::Sending,
};

/// What keys begin with; it is no part of what they write.
const KEY_PREFIX: &str = "whsec_";
/// What a signature of the one version begins with that has a shared key.
const VERSION: &str = "v1,";

/// The header that has the delivery's own id, in either family.
pub(super) const IDS: [HeaderName; 2] =
    [HeaderName::from_static("webhook-id"), HeaderName::from_static("svix-id")];
const TIMES: [HeaderName; 2] =
    [HeaderName::from_static("webhook-timestamp"), HeaderName::from_static("svix-timestamp")];
const SIGNATURES: [HeaderName; 2] =
    [HeaderName::from_static("webhook-signature"), HeaderName::from_static("svix-signature")];

fn scheme() -> HmacScheme {
    HmacScheme {
        header: SIGNATURES[0].clone(),
        prefix: Cow::Borrowed(VERSION),
        encoding: Encoding::Base64,
        algorithm: Algorithm::Sha256,
    }
}

fn key_bytes(key: &str) -> Option<Vec<u8>> {
    let written = key.strip_prefix(KEY_PREFIX).unwrap_or(key);
    BASE64.decode(written).ok().filter(|bytes| !bytes.is_empty())
}

/// Whether a text is such a key.
///
/// # Errors
/// What is expected.
pub(in crate::sources) fn check_key(key: &str) -> Result<(), &'static str> {
    match key_bytes(key) {
        Some(_) => Ok(()),
        None => Err("the endpoint's secret is expected as its sender shows it: whsec_ and base64"),
    }
}

/// Which family of headers a delivery is of: the first whose id is there. The signature and what tells deliveries apart go by
/// the same one, so that nobody can send a signed delivery again under another id.
pub(super) fn family(headers: &HeaderMap) -> Option<usize> {
    IDS.iter().position(|name| headers.contains_key(name))
}

/// Checks the signature; the time that was signed, in seconds since 1970. Signatures of versions that are not known
/// are passed over.
pub(in crate::sources) fn verify(keys: &[String], webhook: &Webhook<'_>) -> Result<i64, SignatureError> {
    // Where there is neither, the one that the specification names is missed.
    let family = family(webhook.headers).unwrap_or(0);
    let id = only_header(webhook.headers, &IDS[family])?;
    let time = only_header(webhook.headers, &TIMES[family])?;
    let written = only_header(webhook.headers, &SIGNATURES[family])?;
    let malformed = |header: &HeaderName, expected: &str| SignatureError::Malformed {
        header: header.to_string(),
        expected: expected.to_owned(),
    };
    let seconds = time.bytes().all(|byte| byte.is_ascii_digit()).then(|| time.parse::<i64>().ok()).flatten();
    let seconds = seconds.ok_or_else(|| malformed(&TIMES[family], "seconds since 1970"))?;
    let scheme = scheme();
    let given: Vec<Vec<u8>> =
        written.split(' ').filter_map(|signature| scheme.decode(signature.strip_prefix(VERSION)?)).collect();
    if given.is_empty() {
        return Err(malformed(&SIGNATURES[family], "v1,<base64>, one or several with spaces between them"));
    }
    let keys: Vec<Vec<u8>> = keys.iter().filter_map(|key| key_bytes(key)).collect();
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", webhook.body];
    if !scheme.accepts(&keys, &parts, &given) {
        return Err(SignatureError::Mismatch);
    }
    Ok(seconds)
}

/// The headers that a sender would send. A key that is none signs with its own text: no server takes that.
pub(in crate::sources) fn sign(key: &str, sending: &Sending<'_>, now: Timestamp) -> Vec<(String, String)> {
    let time = now.seconds().to_string();
    let key = key_bytes(key).unwrap_or_else(|| key.as_bytes().to_vec());
    let parts: [&[u8]; 5] = [sending.id.as_bytes(), b".", time.as_bytes(), b".", sending.body];
    let signature = scheme().write(&key, &parts);
    vec![(TIMES[0].to_string(), time), (SIGNATURES[0].to_string(), format!("{VERSION}{signature}"))]
}
