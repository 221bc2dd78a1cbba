//! Which web pages may call: those of configured origins, by exact match.

use std::{str::FromStr, time::Duration};

use http::{
    HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
/// What gRPC-Web clients send besides the token and the type of the content.
const SENT: [&str; 4] = ["x-grpc-web", "x-user-agent", "grpc-timeout", "traceparent"];
/// Where a call that has no answer says why: without leave, a page cannot read it.
const SHOWN: [&str; 3] = ["grpc-status", "grpc-message", "grpc-status-details-bin"];

/// The origin of web pages: scheme, host and, where it is not the scheme's own, port, as browsers send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text that no browser sends as an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no origin as browsers send it, which is scheme and host, such as https://dashboard.example.com")]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url = url::Url::parse(text).map_err(|_| InvalidOrigin)?;
        // What is written otherwise (a slash at the end, capitals, port 443) would never equal what browsers send.
        let is_exact = url.origin().ascii_serialization() == text;
        if !is_exact || !matches!(url.scheme(), "https" | "http") || text.contains('*') {
            return Err(InvalidOrigin);
        }
        HeaderValue::from_str(text).map(Self).map_err(|_| InvalidOrigin)
    }
}

/// Lets pages of `origins` call and read what comes back; answers their browsers' questions beforehand, which carry no
/// token.
pub(crate) fn cors(origins: &[Origin]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().map(|origin| origin.0.clone())))
        .allow_methods([Method::POST])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE].into_iter().chain(names(SENT)).collect::<Vec<_>>())
        .expose_headers(names(SHOWN).collect::<Vec<_>>())
        .max_age(MAX_AGE)
}

fn names<const N: usize>(names: [&'static str; N]) -> impl Iterator<Item = HeaderName> {
    names.into_iter().map(HeaderName::from_static)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in
            ["https://dashboard.example.com", "http://localhost:3000", "https://x:8443", "http://[::1]:1"]
        {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "*",
            "null",
            "",
            "dashboard.example.com",
            "https://dashboard.example.com/",
            "https://dashboard.example.com/app",
            "https://Dashboard.example.com",
            "https://dashboard.example.com:443",
            "https://ann@dashboard.example.com",
            "https://*.example.com",
            "file:///tmp/page.html",
            "ws://dashboard.example.com",
        ] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
