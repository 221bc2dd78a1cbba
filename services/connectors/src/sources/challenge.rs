//! Requests by which a provider makes sure that a webhook URL is its owner's. They are answered and are no messages.

use http::HeaderMap;

/// A request that may be such a question.
#[derive(Clone, Copy)]
pub enum Ask<'a> {
    /// A `GET`.
    Get {
        /// Its query, as it came, without the question mark.
        query: &'a str,
        /// The secret of the webhook URL that was asked, which is the verify token where a provider wants one.
        token: &'a str,
    },
    /// A `POST`, before its signature is looked at.
    Post {
        /// Its headers.
        headers: &'a HeaderMap,
        /// Its body.
        body: &'a [u8],
    },
}

impl std::fmt::Debug for Ask<'_> {
    /// Without what came: there are secrets in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Get { .. } => "Get",
            Self::Post { .. } => "Post",
        })
    }
}

/// What is said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// 200, with this plain text.
    Answer(String),
    /// 403: whoever asks does not know the verify token, or asks in another way than the provider does.
    Refused,
}
