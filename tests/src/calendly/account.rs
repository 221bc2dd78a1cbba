//! The account, its tokens, and what they may.

use std::{collections::HashMap, net::SocketAddr};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{HOME, answer::Answer, bookings::Booked, subscriptions::Subscription};

/// What a user is in the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reaches everything of it.
    Owner,
    /// Reaches what is their own.
    User,
}

/// A personal access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) secret: String,
    pub(super) role: Role,
    pub(super) user: String,
    scopes: Vec<String>,
}

impl Token {
    /// Whether it has a scope; who may write may read.
    pub(super) fn has(&self, scope: &str) -> bool {
        let writing = scope.replace(":read", ":write");
        self.scopes.iter().any(|known| known == scope || *known == writing)
    }

    /// A refusal where it has not.
    pub(super) fn needs(&self, scope: &str) -> Result<(), Answer> {
        if self.has(scope) {
            return Ok(());
        }
        Err(Answer::refused(403, "Permission Denied", "You do not have permission to access this resource."))
    }

    /// A refusal where it is not of an owner.
    pub(super) fn needs_owner(&self) -> Result<(), Answer> {
        match self.role {
            Role::Owner => Ok(()),
            Role::User => Err(Answer::refused(403, "Permission Denied", "You do not have permission")),
        }
    }
}

/// An account of an organization.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) tokens: Vec<Token>,
    pub(super) has_webhooks: bool,
    /// Requests of a user, and in how many seconds.
    pub(super) limit: (u32, u64),
    pub(super) page: usize,
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) booked: Vec<Booked>,
    /// What was answered to routing forms, in that order.
    pub(super) answers: Vec<Value>,
    pub(super) requests: Vec<String>,
    pub(super) limited: usize,
    /// How many lists are still to show nothing.
    pub(super) old_lists: u32,
    /// Where webhooks arrive.
    pub(super) leads_to: Option<SocketAddr>,
    /// For each user, when their window began, and how many requests they made in it.
    windows: HashMap<String, (Instant, u32)>,
    /// Makes ids different.
    count: u32,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            tokens: Vec::new(),
            has_webhooks: true,
            limit: (500, 60),
            page: 100,
            subscriptions: Vec::new(),
            booked: Vec::new(),
            answers: Vec::new(),
            requests: Vec::new(),
            limited: 0,
            old_lists: 0,
            leads_to: None,
            windows: HashMap::new(),
            count: 0,
        }
    }
}

impl Account {
    pub(super) fn organization() -> String {
        format!("{HOME}/organizations/ORGBRIGHTWATER01")
    }

    /// Whose calendar everything is booked in.
    pub(super) fn host() -> String {
        format!("{HOME}/users/OWNERBRIGHTWATER")
    }

    pub(super) fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    pub(super) fn add_token(&mut self, role: Role, scopes: &[&str]) -> String {
        let number = self.next();
        let secret = format!("calendly-token-{number}-{:016x}", rand::random::<u64>());
        let user = match role {
            Role::Owner => Self::host(),
            Role::User => format!("{HOME}/users/USERBRIGHTWATER1"),
        };
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.tokens.push(Token { secret: secret.clone(), role, user, scopes });
        secret
    }

    /// Counts a request; an answer where it is one too many.
    pub(super) fn count(&mut self, token: &Token) -> Option<Answer> {
        let (most, seconds) = self.limit;
        let window = self.windows.entry(token.user.clone()).or_insert_with(|| (Instant::now(), 0));
        if window.0.elapsed().as_secs() >= seconds {
            *window = (Instant::now(), 0);
        }
        window.1 += 1;
        if window.1 <= most {
            return None;
        }
        self.limited += 1;
        let refused = Answer::refused(429, "Too Many Requests", "You have exceeded the rate limit");
        Some(refused.with(self.limits(token)))
    }

    /// The headers by which a user knows how many requests are left.
    pub(super) fn limits(&self, token: &Token) -> Vec<(&'static str, String)> {
        let (most, seconds) = self.limit;
        let (began, made) = self.windows.get(&token.user).copied().unwrap_or_else(|| (Instant::now(), 0));
        let left = seconds.saturating_sub(began.elapsed().as_secs()).max(1);
        vec![
            ("x-ratelimit-limit", most.to_string()),
            ("x-ratelimit-remaining", most.saturating_sub(made).to_string()),
            ("x-ratelimit-reset", left.to_string()),
        ]
    }

    pub(super) fn me(&self, token: &Token) -> Answer {
        if let Err(refused) = token.needs("users:read") {
            return refused;
        }
        Answer::ok(json!({ "resource": {
            "uri": token.user,
            "name": "Tomás Lindqvist",
            "slug": "tomas-lindqvist",
            "email": "tomas@brightwater.example",
            "scheduling_url": "https://calendly.com/tomas-lindqvist",
            "timezone": "Europe/Stockholm",
            "avatar_url": null,
            "created_at": "2024-01-02T03:04:05.678123Z",
            "updated_at": "2025-08-07T06:05:04.321123Z",
            "current_organization": Self::organization(),
            "resource_type": "User",
        }}))
    }
}
