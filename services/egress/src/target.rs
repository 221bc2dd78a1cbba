//! What a URL says about where to go.

use http::Uri;
use url::{Position, Url};

use crate::error::{EgressError, EgressErrorKind};

/// The schemes that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// A URL that was read by the rules of WHATWG, as browsers read it: `0x7f.1` is an address, `ｅxample.com` is
/// `example.com`. Names lose their trailing dot, so that one host is one host.
#[derive(Debug)]
pub(crate) struct Target {
    /// What the client is asked for.
    pub(crate) uri: Uri,
    /// Scheme, host and port: the part that may be shown.
    pub(crate) origin: String,
}

fn invalid(message: impl Into<String>) -> EgressError {
    EgressError::new(EgressErrorKind::InvalidUrl, message)
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, EgressError> {
        let url = Url::parse(text).map_err(|error| {
            invalid(format!("not a url ({error}): give one such as https://example.com/hook"))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("the url's scheme is not supported: use https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the url holds a user name or password: send it in an authorization header"));
        }
        let host = url.host_str().unwrap_or_default();
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.is_empty() || host.ends_with('.') {
            return Err(invalid("the url has no usable host: give one such as https://example.com/hook"));
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let origin = format!("{}://{host}{port}", url.scheme());
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let uri = format!("{origin}{path}").parse().map_err(|_| {
            invalid(format!("the url for {origin} has characters that must be percent-encoded"))
        })?;
        Ok(Self { uri, origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_browsers_read_them() {
        for (text, uri) in [
            ("https://example.com", "https://example.com/"),
            ("https://EXAMPLE.com.:443/a?b#c", "https://example.com/a?b"),
            ("https://例え.jp/", "https://xn--r8jz45g.jp/"),
            ("https://ｅxample.com/", "https://example.com/"),
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://0177.0.0.1:8080/", "http://127.0.0.1:8080/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://127.0.0.1./", "http://127.0.0.1/"),
            ("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"),
            ("https:example.com", "https://example.com/"),
            ("https://example.com\\@evil.example/", "https://example.com/@evil.example/"),
            ("https://example.com/a b\r\nx: y", "https://example.com/a%20bx:%20y"),
        ] {
            assert_eq!(Target::parse(text).unwrap().uri.to_string(), uri, "{text}");
        }
    }

    #[test]
    fn what_is_no_usable_url_is_refused_without_showing_it() {
        for text in [
            "",
            "canary",
            "//canary/",
            "ftp://canary/",
            "file:///canary",
            "gopher://canary",
            "javascript:canary",
            "https://",
            "https://./",
            "https://canary../",
            "https://user:canary@example.com/",
            "https://canary@example.com/",
            "https://[fe80::1%25eth0]/canary",
            "https://[::1/canary",
            "https://1.2.3.4.5/canary",
            "https://0x100000000/canary",
            "https://example.com:99999/canary",
            "https://exa mple.com/canary",
            "https://xn--a/canary",
        ] {
            let error = Target::parse(text).unwrap_err();
            assert_eq!(error.kind(), EgressErrorKind::InvalidUrl, "{text}");
            assert!(!error.to_string().contains("canary"), "{text}: {error}");
        }
    }
}
