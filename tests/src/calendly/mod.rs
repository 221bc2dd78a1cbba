//! A Calendly of tests: an account with its bookings, the part of its API that matters here, and webhooks. It keeps to what
//! Calendly documents: scopes, roles and plans, pages, limits, subscriptions that are there already, and those that are
//! disabled after their deliveries failed.

mod account;
mod answer;
mod bookings;
mod events;
mod forms;
mod subscriptions;
mod time;
mod webhooks;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use account::Role;

use self::{
    account::{Account, Token},
    answer::{Answer, Asked},
};
use crate::{listen::listen, post::Door};

/// What the URIs of everything begin with, wherever the API is reached.
const HOME: &str = "https://api.calendly.com";
/// What webhook URLs begin with in tests: a name that the internet would know, and that leads to the server under test.
const PUBLIC: &str = "https://hooks.brightwater.example";

/// A Calendly that listens until it is dropped.
#[derive(Debug)]
pub struct Calendly {
    address: SocketAddr,
    account: Arc<Mutex<Account>>,
    door: Door,
    task: JoinHandle<()>,
}

impl Calendly {
    /// An account on a plan with webhooks, in which nothing is booked.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let account = Arc::new(Mutex::new(Account::default()));
        let asked = Arc::clone(&account);
        let task = tokio::spawn(listen(listener, move |request| {
            let asked = Arc::clone(&asked);
            async move { answer(request, &asked).await.response() }
        }));
        Self { address, account, door: Door::default(), task }
    }

    /// Where its API is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a server under test has to be reached by, as far as Calendly knows.
    pub fn public_url(&self) -> &'static str {
        PUBLIC
    }

    /// A token with these scopes, such as `webhooks:write`, of a user with this role.
    pub fn token(&self, role: Role, scopes: &[&str]) -> String {
        self.account().add_token(role, scopes)
    }

    /// A token of an owner with all scopes that a connection takes.
    pub fn owner(&self) -> String {
        self.token(
            Role::Owner,
            &["users:read", "webhooks:write", "scheduled_events:read", "routing_forms:read"],
        )
    }

    /// Takes a token away.
    pub fn revoke(&self, token: &str) {
        self.account().tokens.retain(|known| known.secret != token);
    }

    /// Whether the plan has webhooks.
    pub fn set_plan(&self, has_webhooks: bool) {
        self.account().has_webhooks = has_webhooks;
    }

    /// How many requests a user may make in so many seconds.
    pub fn set_limit(&self, requests: u32, seconds: u64) {
        self.account().limit = (requests, seconds);
    }

    /// How many items a page has at most, whatever is asked for.
    pub fn set_page(&self, items: usize) {
        self.account().page = items;
    }

    /// Shows so many empty lists of subscriptions, as if they were read before any was made.
    pub fn show_old_lists(&self, count: u32) {
        self.account().old_lists = count;
    }

    /// The requests that came since the last call, as `GET /users/me`, without their queries.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.account().requests)
    }

    /// How many requests were refused for the limit, so far.
    pub fn limited(&self) -> usize {
        self.account().limited
    }

    /// The subscriptions as the API shows them.
    pub fn subscriptions(&self) -> Vec<Value> {
        self.account().subscriptions.iter().map(subscriptions::Subscription::shown).collect()
    }

    /// The keys that subscriptions sign with, which no API shows.
    pub fn signing_keys(&self) -> Vec<Option<String>> {
        self.account().subscriptions.iter().map(|one| one.signing_key.clone()).collect()
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().expect("whole")
    }
}

impl Drop for Calendly {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The answer to a request.
async fn answer(request: Request<Incoming>, account: &Mutex<Account>) -> Answer {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return Answer::refused(400, "Invalid Argument", "The body broke off.");
    };
    let asked = Asked::new(&head, &body);
    let mut account = account.lock().expect("whole");
    account.requests.push(format!("{} {}", asked.method, asked.path));
    let Some(token) =
        account.tokens.iter().find(|token| asked.token.as_deref() == Some(&token.secret)).cloned()
    else {
        return Answer::refused(401, "Unauthenticated", "The access token is invalid");
    };
    if let Some(refused) = account.count(&token) {
        return refused;
    }
    let limits = account.limits(&token);
    route(&asked, &token, &mut account).with(limits)
}

fn route(asked: &Asked, token: &Token, account: &mut Account) -> Answer {
    let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["users", "me"]) => account.me(token),
        ("GET", ["webhook_subscriptions"]) => account.list_subscriptions(token, asked),
        ("POST", ["webhook_subscriptions"]) => account.create_subscription(token, asked),
        ("GET", ["webhook_subscriptions", uuid]) => account.get_subscription(token, uuid),
        ("DELETE", ["webhook_subscriptions", uuid]) => account.delete_subscription(token, uuid),
        ("GET", ["scheduled_events"]) => account.list_events(token, asked),
        ("GET", ["scheduled_events", uuid, "invitees"]) => account.list_invitees(token, uuid, asked),
        ("GET", ["routing_forms"]) => account.list_routing_forms(token, asked),
        ("GET", ["routing_form_submissions"]) => account.list_answers(token, asked),
        _ => Answer::not_found(),
    }
}
