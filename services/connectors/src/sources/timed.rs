//! `t=<unix seconds>,v1=<hash>`: a keyed hash over the time as it is written, a full stop, and the bytes of the body. So
//! sign Calendly and Stripe.

use tributary_domain::time::Timestamp;

use super::{SignatureError, Webhook, hmac_scheme::HmacScheme, signature::only_header};

/// Checks the signature; the time that was signed, in seconds since 1970.
pub(super) fn verify(
    scheme: &HmacScheme,
    keys: &[String],
    webhook: &Webhook<'_>,
) -> Result<i64, SignatureError> {
    let header = only_header(webhook.headers, scheme.header())?;
    let Some(parts) = Parts::parse(header, scheme) else {
        return Err(SignatureError::Malformed {
            header: scheme.header().to_string(),
            expected: "t=<unix seconds>,v1=<64 hexadecimal digits>".to_owned(),
        });
    };
    if !scheme.accepts(keys, &[parts.time.as_bytes(), b".", webhook.body], &parts.signatures) {
        return Err(SignatureError::Mismatch);
    }
    Ok(parts.seconds)
}

/// The header that the provider would send.
pub(super) fn sign(scheme: &HmacScheme, key: &str, body: &[u8], now: Timestamp) -> (String, String) {
    let time = now.seconds().to_string();
    let signature = scheme.write(key.as_bytes(), &[time.as_bytes(), b".", body]);
    (scheme.header().to_string(), format!("t={time},v1={signature}"))
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
