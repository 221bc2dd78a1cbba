//! A request at a webhook URL, as it came and as a provider would send it.

use http::HeaderMap;

/// A request that was posted to a webhook URL.
#[derive(Clone, Copy)]
pub struct Webhook<'a> {
    /// Where this server is reached from outside, such as `https://in.example.com`, without a slash at its end.
    pub origin: &'a str,
    /// The path and the query of the request, as they came.
    pub target: &'a str,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The bytes of its body.
    pub body: &'a [u8],
}

impl std::fmt::Debug for Webhook<'_> {
    /// Without what came: the path is as good as a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// What a provider is about to post.
#[derive(Clone, Copy)]
pub struct Sending<'a> {
    /// The whole webhook URL.
    pub url: &'a str,
    /// What tells this delivery from others, for providers that name it in a header.
    pub id: &'a str,
    /// The provider's own name of the event, for providers that name it in a header.
    pub event: &'a str,
    /// The content type of the body.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl std::fmt::Debug for Sending<'_> {
    /// Without the URL, which is as good as a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sending").field("event", &self.event).finish_non_exhaustive()
    }
}

/// A body that a provider could send, of made-up people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Its content type.
    pub content_type: &'static str,
    /// The provider's own name of its event; empty where a body says it, or nothing does.
    pub event: &'static str,
    /// The body.
    pub body: &'static str,
}

/// The content type of JSON.
pub(super) const JSON: &str = "application/json";
