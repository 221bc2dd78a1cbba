//! What goes out and what comes back.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tributary_domain::outbound::is_reserved_header;

use crate::error::{EgressError, EgressErrorKind};

/// A request.
#[derive(Clone)]
pub struct OutboundRequest {
    /// GET, HEAD, POST, PUT, PATCH or DELETE.
    pub method: Method,
    /// An absolute http or https URL, without user name and password; its fragment is dropped.
    pub url: String,
    /// Headers; those that belong to the transport are refused.
    pub headers: HeaderMap,
    /// The body; may be empty.
    pub body: Bytes,
    /// How long everything may take together: connecting, sending, the answer's head and its body.
    pub deadline: Duration,
}

/// An answer, whatever its status; redirects are answers too.
#[derive(Clone)]
pub struct OutboundResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, up to the policy's cap and as it came over the wire: content codings are not undone.
    pub body: Bytes,
    /// Whether the body is longer than what is kept: it went over the cap, or broke off, or the deadline passed.
    /// The status holds nevertheless.
    pub truncated: bool,
    /// How long everything took.
    pub duration: Duration,
}

impl OutboundRequest {
    pub(crate) fn check(&self) -> Result<(), EgressError> {
        const METHODS: [Method; 6] =
            [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        if !METHODS.contains(&self.method) {
            return Err(EgressError::new(
                EgressErrorKind::InvalidRequest,
                "the method is refused: use GET, HEAD, POST, PUT, PATCH or DELETE",
            ));
        }
        match self.headers.keys().find(|name| is_reserved_header(name.as_str())) {
            Some(name) => Err(EgressError::new(
                EgressErrorKind::InvalidRequest,
                format!("header `{name}` is set by the transport: remove it from the settings"),
            )),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for OutboundRequest {
    /// Without URL, header values and body: any of them can hold a secret or personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundRequest")
            .field("method", &self.method)
            .field("headers", &self.headers.keys())
            .field("body_bytes", &self.body.len())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OutboundResponse {
    /// Without header values and body, for the same reason.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundResponse")
            .field("status", &self.status)
            .field("headers", &self.headers.keys())
            .field("body_bytes", &self.body.len())
            .field("truncated", &self.truncated)
            .field("duration", &self.duration)
            .finish()
    }
}
