//! What a tenant may set on an outbound HTTP request.

/// Headers that belong to the transport: whoever could set them could smuggle requests, or break framing,
/// routing and the limits on answers (RFC 9110, 7.6.1; RFC 9112).
const RESERVED_HEADERS: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether the header `name`, in whatever case, is set by the transport alone and cannot be configured.
pub fn is_reserved_header(name: &str) -> bool {
    RESERVED_HEADERS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_headers_are_reserved_in_any_case() {
        assert!(is_reserved_header("host") && is_reserved_header("Transfer-Encoding"));
        assert!(!is_reserved_header("x-api-key") && !is_reserved_header("authorization"));
    }
}
