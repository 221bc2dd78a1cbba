//! Asking Calendly's API.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;
use tokio::time::sleep;
use tributary_connectors::sources::calendly::api::{
    ApiRequest, Problem, ProblemKind, next_page, pause, read,
};
use tributary_egress::{Egress, OutboundRequest, Policy};
use tributary_store::Secret;

use super::Connector;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The largest answer: a page of a hundred bookings with all their answers.
const LARGEST: usize = 8 << 20;
/// Pages of a list that are read at most: what has more is not what it should be.
const MOST_PAGES: usize = 1_000;
/// How often a request is made in the background that Calendly has no time for.
const ATTEMPTS: u32 = 5;
/// The rest after an answer that did not come, multiplied by how often it did not.
const REST: Duration = Duration::from_secs(2);

/// Calendly's API, as it answers to a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Api<'a> {
    pub(super) connector: &'a Connector,
    pub(super) token: &'a Secret,
}

impl<'a> Api<'a> {
    /// The answer to one request.
    ///
    /// # Errors
    /// What is in the way.
    pub(super) async fn ask(&self, request: &ApiRequest) -> Result<Value, Problem> {
        self.send(request).await.map(|(answer, _)| answer)
    }

    /// The answer to one request, of which somebody waits for no answer: it rests where Calendly asks for it, before its limit
    /// is used up, and tries again what may work later.
    ///
    /// # Errors
    /// What is in the way for longer.
    pub(super) async fn ask_patiently(&self, request: &ApiRequest) -> Result<Value, Problem> {
        let mut attempt = 1;
        loop {
            let problem = match self.send(request).await {
                Ok((answer, rest)) => {
                    if let Some(rest) = rest {
                        sleep(rest).await;
                    }
                    return Ok(answer);
                }
                Err(problem) if attempt == ATTEMPTS => return Err(problem),
                Err(problem) => problem,
            };
            let rest = match problem.kind {
                ProblemKind::RateLimited => problem.retry_after.unwrap_or(REST),
                ProblemKind::Unavailable if request.is_repeatable() => REST.saturating_mul(attempt),
                _ => return Err(problem),
            };
            sleep(rest).await;
            attempt += 1;
        }
    }

    /// Everything of a list that begins with the answer to `request`.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(super) async fn list(&self, request: &ApiRequest) -> Result<Vec<Value>, Problem> {
        let mut items = Vec::new();
        let mut page = request.clone();
        for _ in 0..MOST_PAGES {
            let mut answer = self.ask(&page).await?;
            items.extend(collection(&mut answer));
            match next_page(&answer) {
                Some(token) => page = request.clone().page(&token),
                None => break,
            }
        }
        Ok(items)
    }

    /// A list that begins with the answer to `request`, to be read page by page, and patiently.
    pub(super) fn pages(self, request: ApiRequest) -> Pages<'a> {
        Pages { api: self, next: Some(request.clone()), request }
    }

    async fn send(&self, request: &ApiRequest) -> Result<(Value, Option<Duration>), Problem> {
        let outbound = OutboundRequest {
            method: request.method.clone(),
            url: format!("{}{}", self.connector.api_url, request.path),
            headers: self.headers(request)?,
            body: request.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
            deadline: DEADLINE,
        };
        let answer = self.connector.egress().await?.send(outbound).await.map_err(|error| {
            Problem::new(ProblemKind::Unavailable, format!("calendly cannot be reached: {error}"))
        })?;
        if answer.truncated {
            return Err(Problem::unexpected("its end"));
        }
        let rest = pause(&answer.headers);
        read(request, answer.status, &answer.headers, &answer.body).map(|body| (body, rest))
    }

    fn headers(&self, request: &ApiRequest) -> Result<HeaderMap, Problem> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.token.expose()));
        let mut bearer = bearer.map_err(|_| {
            Problem::new(
                ProblemKind::TokenRefused,
                "the token has characters that no token has: copy it again",
            )
        })?;
        bearer.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let mut headers =
            HeaderMap::from_iter([(header::AUTHORIZATION, bearer), (header::ACCEPT, json.clone())]);
        if request.body.is_some() {
            headers.insert(header::CONTENT_TYPE, json);
        }
        Ok(headers)
    }
}

/// A list that is read page by page.
pub(super) struct Pages<'a> {
    api: Api<'a>,
    request: ApiRequest,
    /// The page to come; none: the last one was read.
    next: Option<ApiRequest>,
}

impl Pages<'_> {
    /// The items of the next page; nothing after the last one.
    ///
    /// # Errors
    /// As [`Api::ask_patiently`].
    pub(super) async fn read(&mut self) -> Result<Option<Vec<Value>>, Problem> {
        let Some(page) = self.next.take() else { return Ok(None) };
        let mut answer = self.api.ask_patiently(&page).await?;
        self.next = next_page(&answer).map(|token| self.request.clone().page(&token));
        Ok(Some(collection(&mut answer)))
    }
}

/// The items of a page.
pub(super) fn collection(answer: &mut Value) -> Vec<Value> {
    match answer["collection"].take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

impl Connector {
    /// The client, which is made when it is needed first.
    async fn egress(&self) -> Result<&Egress, Problem> {
        let made = async {
            let policy = Policy { response_cap: LARGEST, ..self.policy.clone() };
            super::super::parts::client(policy)
                .map_err(|error| Problem::new(ProblemKind::Unavailable, error.to_string()))
        };
        self.egress.get_or_try_init(|| made).await
    }
}
