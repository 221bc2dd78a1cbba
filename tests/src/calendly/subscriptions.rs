//! Webhook subscriptions.

use serde_json::{Value, json};

use super::{
    HOME,
    account::{Account, Role, Token},
    answer::{Answer, Asked, page},
    time::now,
};

/// What can be subscribed to, and the scope that it takes.
const EVENTS: [(&str, &str); 6] = [
    ("invitee.created", "scheduled_events:read"),
    ("invitee.canceled", "scheduled_events:read"),
    ("invitee_no_show.created", "scheduled_events:read"),
    ("invitee_no_show.deleted", "scheduled_events:read"),
    ("routing_form_submission.created", "routing_forms:read"),
    ("event_type.created", "event_types:read"),
];
/// What only organizations can subscribe to.
const OF_ORGANIZATIONS: &str = "routing_form_submission.created";

#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) uuid: String,
    pub(super) url: String,
    pub(super) events: Vec<String>,
    pub(super) scope: String,
    pub(super) user: Option<String>,
    pub(super) creator: String,
    pub(super) signing_key: Option<String>,
    pub(super) is_active: bool,
    pub(super) retry_started_at: Option<String>,
    created_at: String,
}

impl Subscription {
    /// One that delivers bookings of the organization to `url`, signed with nothing.
    pub(super) fn by_hand(number: u32, url: &str) -> Self {
        Self {
            uuid: format!("hook-{number}"),
            url: url.to_owned(),
            events: vec!["invitee.created".to_owned()],
            scope: "organization".to_owned(),
            user: None,
            creator: Account::host(),
            signing_key: None,
            is_active: true,
            retry_started_at: None,
            created_at: now(),
        }
    }

    /// As the API shows it: without its key.
    pub(super) fn shown(&self) -> Value {
        json!({
            "uri": format!("{HOME}/webhook_subscriptions/{}", self.uuid),
            "callback_url": self.url,
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "retry_started_at": self.retry_started_at,
            "state": if self.is_active { "active" } else { "disabled" },
            "events": self.events,
            "scope": self.scope,
            "organization": Account::organization(),
            "user": self.user,
            "group": null,
            "creator": self.creator,
        })
    }
}

impl Account {
    pub(super) fn list_subscriptions(&mut self, token: &Token, asked: &Asked) -> Answer {
        if let Err(refused) = token.needs("webhooks:read") {
            return refused;
        }
        if asked.query("organization") != Some(&Self::organization()) {
            return Answer::invalid("organization", "is missing");
        }
        let user = asked.query("user");
        match asked.query("scope") {
            Some("organization") => {
                if let Err(refused) = token.needs_owner() {
                    return refused;
                }
            }
            Some("user") if user.is_none() => return Answer::invalid("user", "is missing"),
            Some("user") if token.role == Role::User && user != Some(&token.user) => {
                return Answer::refused(403, "Permission Denied", "You do not have permission");
            }
            Some("user") => {}
            _ => return Answer::invalid("scope", "must be one of organization, user, group"),
        }
        if self.old_lists > 0 {
            self.old_lists -= 1;
            return page(&[], asked, self.page);
        }
        let scope = asked.query("scope").unwrap_or_default();
        let listed =
            |one: &&Subscription| one.scope == scope && (scope != "user" || one.user.as_deref() == user);
        let shown: Vec<Value> = self.subscriptions.iter().filter(listed).map(Subscription::shown).collect();
        page(&shown, asked, self.page)
    }

    pub(super) fn create_subscription(&mut self, token: &Token, asked: &Asked) -> Answer {
        match self.new_subscription(token, asked) {
            Ok(new) => {
                let shown = new.shown();
                self.subscriptions.push(new);
                Answer::created(json!({ "resource": shown }))
            }
            Err(refused) => refused,
        }
    }

    fn new_subscription(&mut self, token: &Token, asked: &Asked) -> Result<Subscription, Answer> {
        token.needs("webhooks:write")?;
        let text = |name: &str| asked.body[name].as_str().map(str::to_owned);
        let needed = |name: &str| text(name).ok_or_else(|| Answer::invalid(name, "is missing"));
        let (url, scope) = (needed("url")?, needed("scope")?);
        if !url.starts_with("https://") {
            return Err(Answer::invalid("url", "must be an https url"));
        }
        if needed("organization")? != Self::organization() {
            return Err(Answer::invalid("organization", "is not valid"));
        }
        let events: Vec<String> = asked.body["events"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if events.is_empty() {
            return Err(Answer::invalid("events", "is missing"));
        }
        for event in &events {
            let known = EVENTS.iter().find(|(name, _)| name == event);
            token.needs(known.ok_or_else(|| Answer::invalid("events", "is not valid"))?.1)?;
        }
        let user = match scope.as_str() {
            "organization" => {
                token.needs_owner()?;
                None
            }
            "user" if events.iter().any(|event| event == OF_ORGANIZATIONS) => {
                return Err(Answer::invalid("events", "is not allowed for this scope"));
            }
            "user" => Some(needed("user")?),
            _ => return Err(Answer::invalid("scope", "is not valid")),
        };
        if user.as_ref().is_some_and(|user| token.role == Role::User && *user != token.user) {
            return Err(Answer::refused(403, "Permission Denied", "You do not have permission"));
        }
        if !self.has_webhooks {
            return Err(Answer::refused(
                403,
                "Permission Denied",
                "Please upgrade your Calendly account to Standard",
            ));
        }
        if self.subscriptions.iter().any(|one| one.url == url && one.scope == scope) {
            return Err(Answer::refused(409, "Already Exists", "Hook with this url already exists"));
        }
        Ok(Subscription {
            uuid: format!("hook-{}", self.next()),
            url,
            events,
            scope,
            user,
            creator: token.user.clone(),
            signing_key: text("signing_key"),
            is_active: true,
            retry_started_at: None,
            created_at: now(),
        })
    }

    pub(super) fn get_subscription(&self, token: &Token, uuid: &str) -> Answer {
        if let Err(refused) = token.needs("webhooks:read") {
            return refused;
        }
        match self.subscriptions.iter().find(|one| one.uuid == uuid) {
            Some(found) => Answer::ok(json!({ "resource": found.shown() })),
            None => Answer::not_found(),
        }
    }

    pub(super) fn delete_subscription(&mut self, token: &Token, uuid: &str) -> Answer {
        if let Err(refused) = token.needs("webhooks:write") {
            return refused;
        }
        let Some(place) = self.subscriptions.iter().position(|one| one.uuid == uuid) else {
            return Answer::not_found();
        };
        if token.role == Role::User && self.subscriptions[place].creator != token.user {
            return Answer::refused(403, "Permission Denied", "You do not have permission");
        }
        self.subscriptions.remove(place);
        Answer::gone()
    }
}
