//! Standard Webhooks, from the receiver's side.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderMap;

use crate::{hmac_sha256, now_seconds};

/// How far a time may lie from ours, in seconds.
const TOLERANCE: u64 = 300;

/// A new secret: `whsec_` and 24 random bytes in base64.
pub(super) fn new_secret() -> String {
    format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 24]>()))
}

/// Whether one of the signatures was made of this body with `secret`, and not long ago; what is wrong otherwise.
pub(super) fn check(headers: &HeaderMap, body: &[u8], secret: &str) -> Result<(), String> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| format!("no {name}"))
    };
    let (id, time, signatures) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let seconds: i64 = time.parse().map_err(|_| format!("no time: {time}"))?;
    if now_seconds().abs_diff(seconds) > TOLERANCE {
        return Err(format!("signed at {seconds}, and it is {}", now_seconds()));
    }
    let key = secret.strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok()).unwrap_or_default();
    let tag = hmac_sha256(&key, &[id.as_bytes(), b".", time.as_bytes(), b".", body]);
    let expected = format!("v1,{}", STANDARD.encode(tag));
    if signatures.split(' ').any(|signature| signature == expected) {
        Ok(())
    } else {
        Err(format!("none of `{signatures}` is the signature"))
    }
}
