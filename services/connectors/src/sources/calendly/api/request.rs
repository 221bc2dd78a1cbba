//! What the API is asked.

use std::fmt;

use http::Method;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::{Account, Owned, Problem, Reach, Wanted};

/// What a page has at most, as Calendly allows it.
const PAGE: &str = "100";

/// A request, without the token that it is made with.
#[derive(Clone, PartialEq)]
pub struct ApiRequest {
    /// GET, POST or DELETE.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The body; none: it has none.
    pub body: Option<Value>,
    /// The scope that the token has to have.
    pub scope: &'static str,
}

impl fmt::Debug for ApiRequest {
    /// Without the body, which can have the signing key, and the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field("path", &path)
            .finish_non_exhaustive()
    }
}

impl ApiRequest {
    /// Whose token it is.
    pub fn me() -> Self {
        Self::get("/users/me".to_owned(), "users:read")
    }

    /// Subscriptions.
    pub fn subscriptions(of: Owned<'_>) -> Self {
        let mut query = vec![
            ("organization", of.account.organization.as_str()),
            ("scope", of.reach.name()),
            ("count", PAGE),
        ];
        if of.reach == Reach::User {
            query.push(("user", &of.account.user));
        }
        // To read them takes less, but what is connected has to write.
        Self::get(listing("/webhook_subscriptions", query), "webhooks:write")
    }

    /// One subscription.
    ///
    /// # Errors
    /// When `uri` names none.
    pub fn subscription(uri: &str) -> Result<Self, Problem> {
        Ok(Self::get(format!("/webhook_subscriptions/{}", uuid(uri)?), "webhooks:write"))
    }

    /// Makes a subscription that delivers to `url`, signed with `key`.
    pub fn subscribe(of: Owned<'_>, wanted: &Wanted, url: &str, key: &str) -> Self {
        let mut body = json!({
            "url": url,
            "events": wanted.events,
            "organization": of.account.organization,
            "scope": wanted.reach.name(),
            "signing_key": key,
        });
        if wanted.reach == Reach::User {
            body["user"] = json!(of.account.user);
        }
        let path = "/webhook_subscriptions".to_owned();
        Self { method: Method::POST, path, body: Some(body), scope: "webhooks:write" }
    }

    /// Removes a subscription.
    ///
    /// # Errors
    /// When `uri` names none.
    pub fn unsubscribe(uri: &str) -> Result<Self, Problem> {
        let path = format!("/webhook_subscriptions/{}", uuid(uri)?);
        Ok(Self { method: Method::DELETE, path, body: None, scope: "webhooks:write" })
    }

    /// What was booked and starts at `from` or later, in that order; the given up ones too. There is no way to ask by the time of
    /// booking.
    pub fn events(of: Owned<'_>, from: Timestamp) -> Self {
        let from = from.to_string();
        let mut query = owner(of);
        query.extend([("min_start_time", from.as_str()), ("sort", "start_time:asc"), ("count", PAGE)]);
        Self::get(listing("/scheduled_events", query), "scheduled_events:read")
    }

    /// The booked event that starts last.
    pub fn newest_event(of: Owned<'_>) -> Self {
        let mut query = owner(of);
        query.extend([("sort", "start_time:desc"), ("count", "1")]);
        Self::get(listing("/scheduled_events", query), "scheduled_events:read")
    }

    /// Who booked an event.
    ///
    /// # Errors
    /// When `event` is no URI of one.
    pub fn invitees(event: &str) -> Result<Self, Problem> {
        let path = format!("/scheduled_events/{}/invitees", uuid(event)?);
        Ok(Self::get(listing(&path, vec![("count", PAGE)]), "scheduled_events:read"))
    }

    /// The organization's routing forms.
    pub fn routing_forms(account: &Account) -> Self {
        let query = vec![("organization", account.organization.as_str()), ("count", PAGE)];
        Self::get(listing("/routing_forms", query), "routing_forms:read")
    }

    /// What was answered to the routing form with this URI, the newest first. There is no way to ask for a time.
    pub fn submissions(form: &str) -> Self {
        let query = vec![("form", form), ("sort", "created_at:desc"), ("count", PAGE)];
        Self::get(listing("/routing_form_submissions", query), "routing_forms:read")
    }

    /// The same list from a later page on, whose token the page before has.
    #[must_use]
    pub fn page(mut self, token: &str) -> Self {
        let token: String = byte_serialize(token.as_bytes()).collect();
        self.path = format!("{}&page_token={token}", self.path);
        self
    }

    fn get(path: String, scope: &'static str) -> Self {
        Self { method: Method::GET, path, body: None, scope }
    }
}

fn owner<'a>(of: Owned<'a>) -> Vec<(&'static str, &'a str)> {
    match of.reach {
        Reach::Organization => vec![("organization", &of.account.organization)],
        Reach::User => vec![("user", &of.account.user)],
    }
}

fn listing(path: &str, query: Vec<(&str, &str)>) -> String {
    let mut written = Serializer::new(String::new());
    written.extend_pairs(query);
    format!("{path}?{}", written.finish())
}

/// What the API calls a thing in paths: the last part of its URI. Nothing else of a URI is used, so that no answer leads
/// a request elsewhere.
fn uuid(uri: &str) -> Result<&str, Problem> {
    let last = uri.rsplit('/').next().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if last.is_empty() || !last.bytes().all(is_plain) {
        return Err(Problem::unexpected("a uri that names something"));
    }
    Ok(last)
}
