//! Signatures, written anew here: a signature that both sides compute with the same code proves little.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The keyed hash of `parts`, one after the other.
///
/// # Panics
/// Never: every key is taken.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a keyed hash takes every key");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// The value of `Calendly-Webhook-Signature` for `body`, signed at `seconds`.
pub fn calendly_signature(key: &str, seconds: i64, body: &[u8]) -> String {
    let time = seconds.to_string();
    format!("t={time},v1={}", hex::encode(hmac_sha256(key.as_bytes(), &[time.as_bytes(), b".", body])))
}
