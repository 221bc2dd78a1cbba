//! A request that a platform wants to be sent.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};

/// A request, ready for the outbound client.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Its method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// All headers that do not belong to the transport.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for HttpRequest {
    /// Without URL, header values and body: any of them can hold a secret or personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("headers", &self.headers.keys())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}
