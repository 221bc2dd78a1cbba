//! Which headers of a request are kept with its message.

use http::{HeaderMap, HeaderName, header};

use super::facts::bounded_key;

/// The longest value that is kept, in bytes.
const LONGEST: usize = 512;

/// The headers by which senders let deliveries be told apart, the first that is there wins.
pub(super) const IDEMPOTENCY: [HeaderName; 2] =
    [HeaderName::from_static("idempotency-key"), HeaderName::from_static("webhook-id")];

/// What is kept with messages that nobody sent: which API they were read through.
const ORIGIN: &str = "tributary-origin";

/// The headers that are kept with a message that was read through the API of `provider`. No sender can write them: of what is
/// sent, only headers of other names are kept.
pub fn fetched_headers(provider: &str) -> Vec<(String, String)> {
    [(header::CONTENT_TYPE.as_str(), "application/json".to_owned()), (ORIGIN, format!("{provider} api"))]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
}

/// Whether a message with these headers was read through an API.
pub fn is_fetched(headers: &[(String, String)]) -> bool {
    headers.iter().any(|(name, _)| name == ORIGIN)
}

/// What senders can mark tests with, by the rules of a tenant.
const TEST: HeaderName = HeaderName::from_static("x-tributary-test");

/// The headers worth keeping, and those that the provider says `more` in, unless the source's signature stands in one of
/// them.
pub(super) fn kept(
    headers: &HeaderMap,
    signature: Option<&HeaderName>,
    more: &[HeaderName],
) -> Vec<(String, String)> {
    let names = [header::CONTENT_TYPE, header::USER_AGENT, TEST].into_iter().chain(IDEMPOTENCY);
    names
        .chain(more.iter().cloned())
        .filter(|name| Some(name) != signature)
        .filter_map(|name| {
            let value = headers.get(&name)?.to_str().ok()?;
            // Two deliveries stay apart by a hash of what is too long to be kept.
            let value = if IDEMPOTENCY.contains(&name) {
                bounded_key(value.trim().to_owned())
            } else {
                value.to_owned()
            };
            (value.len() <= LONGEST).then(|| (name.as_str().to_owned(), value))
        })
        .collect()
}

/// The text of a header, without white space at its ends; nothing where it is not there, empty, or no text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}
