//! Which pages may send, and read what is answered: those of the tag's own sites, by exact match.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use tributary_connectors::sources::tag::TagSettings;

/// For how long a browser may remember what it was allowed, in seconds: the longest that one of them does.
const MAX_AGE: &str = "7200";

/// The page's origin, where pages of it may send.
pub(super) fn allowed<'a>(settings: &TagSettings, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    origin.to_str().is_ok_and(|text| settings.allows(text)).then_some(origin)
}

/// What lets pages of `origin` read an answer, and have their browser keep its cookie. `None` lets nobody.
pub(super) fn lets<B>(origin: Option<&HeaderValue>, mut response: Response<B>) -> Response<B> {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    }
    response
}

/// The answer to a browser that asks beforehand whether a page may send.
pub(super) fn preflight() -> axum::response::Response {
    let answers: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, answers).into_response()
}
