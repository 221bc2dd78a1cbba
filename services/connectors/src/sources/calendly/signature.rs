//! `Calendly-Webhook-Signature: t=<unix seconds>,v1=<hex>`: HMAC-SHA256, keyed by the text of the signing key, over
//! the time as it is written, a full stop, and the bytes of the body.

use http::{HeaderMap, HeaderName};
use tributary_domain::time::Timestamp;

use crate::sources::{
    SignatureError, SourceSettings,
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    signature::only_header,
};

/// As Calendly writes it; HTTP compares it without regard to case.
const HEADER: &str = "Calendly-Webhook-Signature";

/// How Calendly signs.
pub(super) fn scheme() -> HmacScheme {
    HmacScheme {
        header: HeaderName::from_static("calendly-webhook-signature"),
        prefix: String::new(),
        encoding: Encoding::Hex,
        algorithm: Algorithm::Sha256,
    }
}

/// Checks the signature, and then its time: of a time that nobody signed nothing can be said.
pub(super) fn verify(
    settings: &SourceSettings,
    keys: &[String],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let header = only_header(headers, settings.signing.header())?;
    let Some(parts) = Parts::parse(header, &settings.signing) else {
        return Err(SignatureError::Malformed {
            header: HEADER.to_owned(),
            expected: "t=<unix seconds>,v1=<64 hexadecimal digits>".to_owned(),
        });
    };
    if !settings.signing.accepts(keys, &[parts.time.as_bytes(), b".", body], &parts.signatures) {
        return Err(SignatureError::Mismatch);
    }
    let seconds = parts.seconds.saturating_sub(now.seconds());
    let tolerance = settings.tolerance.as_secs();
    if seconds.unsigned_abs() > tolerance {
        return Err(SignatureError::OutsideTolerance { seconds, tolerance });
    }
    Ok(())
}

/// The header that Calendly would send.
pub(super) fn sign(settings: &SourceSettings, key: &str, body: &[u8], now: Timestamp) -> (String, String) {
    let time = now.seconds().to_string();
    let signature = settings.signing.write(key, &[time.as_bytes(), b".", body]);
    (HEADER.to_owned(), format!("t={time},v1={signature}"))
}

/// A header that was read: the time as it is written and as a number, and every `v1` that can be one.
struct Parts<'a> {
    time: &'a str,
    seconds: i64,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Parts<'a> {
    /// Reads comma-separated `key=value` pairs; white space around them and unknown keys do not matter.
    fn parse(header: &'a str, scheme: &HmacScheme) -> Option<Self> {
        let mut time = None;
        let mut signatures = Vec::new();
        for pair in header.split(',') {
            let (key, value) = pair.split_once('=')?;
            let value = value.trim();
            match key.trim() {
                "t" if time.is_none() => time = Some(value),
                // Two times: which of them was signed cannot be told.
                "t" => return None,
                "v1" => signatures.extend(scheme.decode(value)),
                _ => {}
            }
        }
        let time = time.filter(|time| time.bytes().all(|byte| byte.is_ascii_digit()))?;
        let seconds = time.parse().ok()?;
        (!signatures.is_empty()).then_some(Self { time, seconds, signatures })
    }
}
