//! What the API answers.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

use super::{ApiRequest, Problem, ProblemKind};

/// How long it is waited when Calendly does not say: its limits are by the minute.
const MINUTE: Duration = Duration::from_secs(60);
/// Longer waits are not believed.
const LONGEST: Duration = Duration::from_secs(600);
/// What part of a limit is left to others: it is the user's, whatever else they use Calendly with.
const LEFT: u64 = 5;

/// The body of an answer to `request`; null where it has none.
///
/// # Errors
/// What the answer says is wrong.
pub fn read(
    request: &ApiRequest,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, Problem> {
    if status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    let parsed = serde_json::from_slice::<Value>(body);
    if status.is_success() {
        return parsed.map_err(|_| Problem::unexpected("json"));
    }
    let body = parsed.unwrap_or_default();
    Err(problem(request, status, headers).of(request.scope).saying(&words(&body)))
}

fn problem(request: &ApiRequest, status: StatusCode, headers: &HeaderMap) -> Problem {
    let (kind, advice) = match status {
        StatusCode::UNAUTHORIZED => (
            ProblemKind::TokenRefused,
            "calendly refuses the token: it was revoked, has expired, or was not copied whole; make another one, \
             and connect again"
                .to_owned(),
        ),
        StatusCode::FORBIDDEN => {
            (ProblemKind::Forbidden, format!("calendly does not allow it: it takes the scope `{}`", request.scope))
        }
        StatusCode::NOT_FOUND => (ProblemKind::NotFound, "it is not there at calendly".to_owned()),
        StatusCode::CONFLICT => (
            ProblemKind::Conflict,
            "calendly has a subscription for this address already, which this token may not remove: have whoever \
             made it remove it"
                .to_owned(),
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            ProblemKind::RateLimited,
            "calendly takes no more requests of this user for now: wait, and try again".to_owned(),
        ),
        status if status.is_client_error() => (
            ProblemKind::Refused,
            format!("calendly takes the request for wrong ({}): see what it says", status.as_u16()),
        ),
        status => {
            let code = status.as_u16();
            (ProblemKind::Unavailable, format!("calendly cannot answer now ({code}): try again later"))
        }
    };
    let retry_after = match kind {
        ProblemKind::RateLimited => {
            Some(seconds(headers, "retry-after").or_else(|| reset(headers)).unwrap_or(MINUTE))
        }
        _ => None,
    };
    Problem { retry_after, ..Problem::new(kind, advice) }
}

/// What an error says: its message, and what it says of single parameters.
fn words(body: &Value) -> String {
    let mut words =
        body["message"].as_str().or_else(|| body["title"].as_str()).unwrap_or_default().to_owned();
    for detail in body["details"].as_array().into_iter().flatten() {
        if let Some(message) = detail["message"].as_str() {
            let parameter = detail["parameter"].as_str().unwrap_or_default();
            words = format!("{words} ({parameter} {message})");
        }
    }
    words
}

/// How long to rest before the next request, by what an answer says of the limit. A fifth of it is left to whoever else
/// uses the same account.
pub fn pause(headers: &HeaderMap) -> Option<Duration> {
    let limit = number(headers, "x-ratelimit-limit")?;
    let remaining = number(headers, "x-ratelimit-remaining")?;
    (remaining <= limit / LEFT).then(|| reset(headers).unwrap_or(MINUTE))
}

fn reset(headers: &HeaderMap) -> Option<Duration> {
    seconds(headers, "x-ratelimit-reset")
}

fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    number(headers, name).map(|seconds| Duration::from_secs(seconds.max(1)).min(LONGEST))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The token of the page after this one; none: it is the last. Older answers have only the URL of the next page.
pub fn next_page(answer: &Value) -> Option<String> {
    let pagination = &answer["pagination"];
    if let Some(token) = pagination["next_page_token"].as_str() {
        return Some(token.to_owned()).filter(|token| !token.is_empty());
    }
    let (_, query) = pagination["next_page"].as_str()?.split_once('?')?;
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "page_token");
    found.map(|(_, token)| token.into_owned()).filter(|token| !token.is_empty())
}

impl ApiRequest {
    /// Whether making it twice does what making it once does.
    pub fn is_repeatable(&self) -> bool {
        self.method != Method::POST
    }
}
