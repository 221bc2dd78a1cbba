//! `X-HubSpot-Signature-v3` with `X-HubSpot-Request-Timestamp`: HMAC-SHA256 in base64 over the method, the URL that HubSpot
//! called, the body and the time in milliseconds. Older are `X-HubSpot-Signature` with `X-HubSpot-Signature-Version`: v1 is
//! the SHA-256 of the secret and the body, v2 of the secret, the method, the URL and the body. Neither is a keyed hash nor
//! signs a time: who knows one delivery could make it longer, which JSON in UTF-8 does not survive, or send it again, which
//! the dedupe key finds. See <https://developers.hubspot.com/docs/api/webhooks/validating-requests>.

use std::borrow::Cow;

use http::HeaderName;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tributary_domain::time::Timestamp;

use crate::sources::{
    SettingsError, SignatureError, Webhook,
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    reader::Reader,
    signature::only_header,
    webhook::Sending,
};

const V3: HeaderName = HeaderName::from_static("x-hubspot-signature-v3");
const TIME: HeaderName = HeaderName::from_static("x-hubspot-request-timestamp");
const OLD: HeaderName = HeaderName::from_static("x-hubspot-signature");
const OLD_VERSION: HeaderName = HeaderName::from_static("x-hubspot-signature-version");

/// Webhooks are posted.
const METHOD: &str = "POST";
/// What HubSpot writes plainly in a URL before it signs it, and how it is escaped otherwise.
const PLAIN: [(&str, &str); 12] = [
    ("3A", ":"),
    ("2F", "/"),
    ("3F", "?"),
    ("40", "@"),
    ("21", "!"),
    ("24", "$"),
    ("27", "'"),
    ("28", "("),
    ("29", ")"),
    ("2A", "*"),
    ("2C", ","),
    ("3B", ";"),
];

/// Which versions of the signature a source takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Versions {
    /// The third; where it is not there, an older one.
    All,
    /// The third only.
    OnlyThird,
}

impl Versions {
    /// Reads `require_v3`.
    pub(in crate::sources) fn read(reader: &mut Reader<'_>) -> Result<Self, SettingsError> {
        Ok(if reader.flag("require_v3")? { Self::OnlyThird } else { Self::All })
    }
}

fn scheme() -> HmacScheme {
    HmacScheme {
        header: V3,
        prefix: Cow::Borrowed(""),
        encoding: Encoding::Base64,
        algorithm: Algorithm::Sha256,
    }
}

/// Checks the signature; the time that was signed, in seconds since 1970, of the third version.
pub(in crate::sources) fn verify(
    versions: Versions,
    keys: &[String],
    webhook: &Webhook<'_>,
) -> Result<Option<i64>, SignatureError> {
    if versions == Versions::OnlyThird
        || webhook.headers.contains_key(V3)
        || !webhook.headers.contains_key(OLD)
    {
        return third(keys, webhook).map(Some);
    }
    older(keys, webhook).map(|()| None)
}

fn third(keys: &[String], webhook: &Webhook<'_>) -> Result<i64, SignatureError> {
    let scheme = scheme();
    let written = only_header(webhook.headers, &V3)?;
    let given = scheme.decode(written).ok_or_else(|| malformed(&V3, "the signature in base64"))?;
    let time = only_header(webhook.headers, &TIME)?;
    let millis = time.bytes().all(|byte| byte.is_ascii_digit()).then(|| time.parse::<i64>().ok()).flatten();
    let millis = millis.ok_or_else(|| malformed(&TIME, "milliseconds since 1970"))?;
    let url = plain(&format!("{}{}", webhook.origin, webhook.target));
    let parts = [METHOD.as_bytes(), url.as_bytes(), webhook.body, time.as_bytes()];
    if scheme.accepts(keys, &parts, &[given]) { Ok(millis / 1_000) } else { Err(SignatureError::Mismatch) }
}

fn older(keys: &[String], webhook: &Webhook<'_>) -> Result<(), SignatureError> {
    let written = only_header(webhook.headers, &OLD)?;
    let is_lower = !written.bytes().any(|byte| byte.is_ascii_uppercase());
    let given = hex::decode(written).ok().filter(|_| is_lower);
    let given = given.ok_or_else(|| malformed(&OLD, "64 hexadecimal digits"))?;
    let url = match only_header(webhook.headers, &OLD_VERSION)? {
        "v1" => None,
        "v2" => Some(format!("{}{}", webhook.origin, webhook.target)),
        _ => return Err(malformed(&OLD_VERSION, "v1 or v2")),
    };
    let is_right = keys.iter().filter(|key| !key.is_empty()).any(|key| {
        let mut hash = Sha256::new_with_prefix(key);
        if let Some(url) = &url {
            hash.update(METHOD);
            hash.update(url);
        }
        hash.update(webhook.body);
        hash.finalize().as_slice().ct_eq(&given).into()
    });
    if is_right { Ok(()) } else { Err(SignatureError::Mismatch) }
}

fn malformed(header: &HeaderName, expected: &str) -> SignatureError {
    SignatureError::Malformed { header: header.to_string(), expected: expected.to_owned() }
}

/// A URL as HubSpot signs it.
fn plain(url: &str) -> String {
    let mut written = String::with_capacity(url.len());
    let mut pieces = url.split('%');
    written.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let known = PLAIN
            .iter()
            .find(|(escape, _)| piece.get(..2).is_some_and(|escaped| escaped.eq_ignore_ascii_case(escape)));
        match known {
            Some((_, sign)) => {
                written.push_str(sign);
                written.push_str(&piece[2..]);
            }
            None => {
                written.push('%');
                written.push_str(piece);
            }
        }
    }
    written
}

/// The headers that HubSpot would sign with.
pub(in crate::sources) fn sign(key: &str, sending: &Sending<'_>, now: Timestamp) -> Vec<(String, String)> {
    let (url, time) = (plain(sending.url), now.millis().to_string());
    let parts = [METHOD.as_bytes(), url.as_bytes(), sending.body, time.as_bytes()];
    let signature = scheme().write(key.as_bytes(), &parts);
    vec![(V3.to_string(), signature), (TIME.to_string(), time)]
}
