//! Webhook subscriptions: which are wanted, and which there are.

use std::collections::BTreeSet;

use serde_json::Value;
use tributary_domain::time::Timestamp;

use super::{ROUTING_FORMS, booking::UNMARKED};

/// How far a subscription reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Everybody of the organization: only its owners and admins may.
    Organization,
    /// Whose token it is.
    User,
}

impl Reach {
    /// As Calendly calls its scope.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::User => "user",
        }
    }

    /// The reach that Calendly calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Organization, Self::User].into_iter().find(|reach| reach.name() == name)
    }
}

/// A subscription that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// How far it reaches.
    pub reach: Reach,
    /// What it tells of.
    pub events: Vec<&'static str>,
}

const BOOKINGS: [&str; 2] = ["invitee.created", "invitee.canceled"];
const NO_SHOWS: [&str; 2] = ["invitee_no_show.created", UNMARKED];

/// What is to be told of: bookings and their cancellations; no-shows and answers of routing forms where they are asked for.
pub fn kinds(no_shows: bool, routing_forms: bool) -> Vec<&'static str> {
    let mut kinds = BOOKINGS.to_vec();
    if no_shows {
        kinds.extend(NO_SHOWS);
    }
    if routing_forms {
        kinds.push(ROUTING_FORMS);
    }
    kinds
}

/// The subscriptions that tell of these `kinds`. Answers of routing forms belong to the organization: where the rest reaches
/// one person only, they take a subscription of their own.
pub fn wanted(reach: Reach, kinds: &[&'static str]) -> Vec<Wanted> {
    if reach == Reach::Organization {
        return vec![Wanted { reach, events: kinds.to_vec() }];
    }
    let (forms, events): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| **kind == ROUTING_FORMS);
    let mut wanted = vec![Wanted { reach, events }];
    if !forms.is_empty() {
        wanted.push(Wanted { reach: Reach::Organization, events: forms });
    }
    wanted
}

/// A subscription that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its URI.
    pub uri: String,
    /// Where it delivers to; it holds a secret where that is one of ours.
    pub callback_url: String,
    /// How far it reaches; none: in another way than ours.
    pub reach: Option<Reach>,
    /// What it tells of.
    pub events: BTreeSet<String>,
    /// Whether it delivers: Calendly ends those whose deliveries failed for a day.
    pub is_active: bool,
    /// Since when deliveries fail; none: they do not.
    pub failing_since: Option<Timestamp>,
}

impl Subscription {
    /// Reads a subscription as the API shows it; nothing when it lacks what each has.
    pub fn read(resource: &Value) -> Option<Self> {
        let text = |name: &str| resource[name].as_str();
        let events = resource["events"].as_array()?;
        Some(Self {
            uri: text("uri")?.to_owned(),
            callback_url: text("callback_url")?.to_owned(),
            reach: text("scope").and_then(Reach::from_name),
            events: events.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            is_active: text("state") == Some("active"),
            failing_since: text("retry_started_at").and_then(|time| time.parse().ok()),
        })
    }

    /// Whether it delivers what is wanted to `url`.
    pub fn serves(&self, wanted: &Wanted, url: &str) -> bool {
        self.is_active
            && self.callback_url == url
            && self.reach == Some(wanted.reach)
            && self.events.len() == wanted.events.len()
            && wanted.events.iter().all(|event| self.events.contains(*event))
    }
}
