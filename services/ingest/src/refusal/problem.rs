//! A refusal as `application/problem+json` (RFC 9457).

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::Refusal;

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    reason: &'a str,
    fix: &'a str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let facts = self.facts();
        let problem = Problem {
            r#type: format!("docs/errors.md#{}", facts.reason.to_ascii_lowercase()),
            title: facts.title,
            status: facts.status.as_u16(),
            detail: &self.detail(),
            reason: facts.reason,
            fix: facts.fix,
        };
        // A struct of texts and numbers always has a JSON form.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = facts.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // Digits are a header's value.
        if let Some(seconds) = self.retry_after().and_then(|seconds| HeaderValue::try_from(&*seconds).ok()) {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if self == Self::MethodNotAllowed {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}
