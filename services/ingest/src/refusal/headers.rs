//! The headers of a refused request, fit to be kept: without what proves who sent it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Takes the place of a value that is not kept.
const MASK: &str = "(masked)";
/// Most headers that are kept of one request.
const MOST: usize = 50;
/// Most characters that are kept of one value.
const LONGEST: usize = 500;
/// The headers whose values are kept. Of all others only the name is: a source's owner chooses which header proves
/// who sent a request, and what strangers put into theirs is not known.
const SHOWN: [HeaderName; 12] = [
    header::ACCEPT,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::DATE,
    header::HOST,
    header::ORIGIN,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("webhook-id"),
];

/// The names and values of `headers`, in their order; values that may prove something are masked, long ones cut.
pub(crate) fn masked(headers: &HeaderMap) -> Vec<(String, String)> {
    let kept = headers.iter().take(MOST).map(|(name, value)| {
        let shown = SHOWN.contains(name);
        (name.as_str().to_owned(), if shown { readable(value) } else { MASK.to_owned() })
    });
    kept.collect()
}

/// A value as text that every database can keep; a header's value never holds NUL.
fn readable(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_masked_and_the_rest_kept_and_cut() {
        let mut headers = HeaderMap::new();
        headers.insert("calendly-webhook-signature", HeaderValue::from_static("t=1,v1=canary"));
        headers.insert("authorization", HeaderValue::from_static("Bearer canary"));
        headers.insert("x-our-own-proof", HeaderValue::from_static("canary"));
        headers.insert("user-agent", HeaderValue::from_bytes(&[b'a'; 600]).expect("plain letters"));
        let kept = masked(&headers);
        assert!(kept.iter().all(|(_, value)| !value.contains("canary")), "{kept:?}");
        assert!(kept.contains(&("user-agent".to_owned(), "a".repeat(500))));
    }
}
