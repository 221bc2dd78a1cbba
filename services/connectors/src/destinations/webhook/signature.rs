//! Signatures by Standard Webhooks, symmetric (`v1`): the base64 of HMAC-SHA256 over `id.timestamp.body`.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::Mac;
use http::HeaderMap;
use tributary_domain::time::Timestamp;

use super::secret::SigningSecret;

/// The header with the id of the delivery, the same on every try: receivers deduplicate by it.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the time of this try, in seconds since the epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header with the signatures, separated by spaces.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far a timestamp may lie from the receiver's clock, in either direction, if there is no reason for another.
pub const DEFAULT_TOLERANCE: Duration = Duration::from_secs(300);

/// Why a webhook was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A header is missing or not text.
    #[error("header `{0}` is missing or unreadable")]
    Header(&'static str),
    /// The timestamp is no number of seconds.
    #[error("the timestamp is not a number of seconds since 1970")]
    Timestamp,
    /// The timestamp lies outside the tolerance.
    #[error("the timestamp is too far from the time now: check both clocks, or whether this is a replay")]
    OutsideTolerance,
    /// No signature was made of this body with one of the secrets.
    #[error("no signature matches: check the signing secret, and that the body is taken unchanged")]
    NoMatch,
}

/// The signature header for a webhook that is sent at `now`: one `v1` signature for each secret.
pub fn sign(secrets: &[SigningSecret], id: &str, now: Timestamp, body: &[u8]) -> String {
    let seconds = now.seconds().to_string();
    let signature = |secret: &SigningSecret| {
        format!("v1,{}", STANDARD.encode(secret.mac(id, &seconds, body).finalize().into_bytes()))
    };
    secrets.iter().map(signature).collect::<Vec<_>>().join(" ")
}

/// Checks a webhook as a receiver does, and gives its id. It is accepted when any of its `v1` signatures was made
/// with any of `secrets` and its time lies within `tolerance` of `now`; signatures of other versions are skipped.
///
/// # Errors
/// When a header is missing, the time lies outside, or nothing matches.
pub fn verify<'a>(
    secrets: &[SigningSecret],
    headers: &'a HeaderMap,
    body: &[u8],
    now: Timestamp,
    tolerance: Duration,
) -> Result<&'a str, VerifyError> {
    let id = text(headers, ID_HEADER)?;
    let seconds = text(headers, TIMESTAMP_HEADER)?;
    let signatures = text(headers, SIGNATURE_HEADER)?;
    let time = Timestamp::from_seconds(seconds.parse().map_err(|_| VerifyError::Timestamp)?);
    if now.since(time).max(time.since(now)) > tolerance {
        return Err(VerifyError::OutsideTolerance);
    }
    let candidates = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    let matched = candidates.filter_map(|encoded| STANDARD.decode(encoded).ok()).any(|signature| {
        // Compared in constant time.
        secrets.iter().any(|secret| secret.mac(id, seconds, body).verify_slice(&signature).is_ok())
    });
    if matched { Ok(id) } else { Err(VerifyError::NoMatch) }
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, VerifyError> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(VerifyError::Header(name))
}
