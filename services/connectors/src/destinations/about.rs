//! What is known of a platform, as data: forms are drawn of it, settings checked by it and answers read with it.

use std::time::Duration;

use serde_json::Value;
use tributary_domain::workflow::{catalogue::PlatformNames, needs::Need};
use url::Url;

use super::{Facility, errors::KnownError, matching::Signal, oauth::OAuth, schema::Field};

/// What is known of a platform.
#[derive(Debug)]
pub struct About {
    /// Its name in the API, such as `webhook`; never changes.
    pub name: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// Its settings and secrets, in the order of a form.
    pub fields: &'static [Field],
    /// What it needs of every event to make use of it: a workflow that does not map it gets a warning.
    pub needs: &'static [Need],
    /// What it finds people by, with points that add up to 100; empty: it matches nobody.
    pub signals: &'static [Signal],
    /// What it can be told of an event that it was told of before.
    pub follow_ups: FollowUps,
    /// How events are tried there without being counted; empty: it has no means for that.
    pub test_mode: &'static str,
    /// How tests reach it without being counted.
    pub facility: Facility,
    /// What it takes.
    pub limits: Limits,
    /// How access to it is got where that takes a token; none: its secrets are put into requests as they are.
    pub oauth: Option<&'static OAuth>,
    /// What its answers mean, by the codes in them.
    pub errors: &'static [KnownError],
    /// The headers of its requests, in lower case, whose values are made with a secret: they are shown to nobody.
    pub signatures: &'static [&'static str],
    /// Its name for a standard event; empty: it has none.
    pub standard_name: fn(&PlatformNames) -> &'static str,
}

impl About {
    /// Where these settings have the secrets sent: scheme, host and port of the `base_url`, and of the `token_url` where there
    /// is one. Nothing where the platform has none, as a webhook, whose receiver gets signatures and no secret; nor where that
    /// is no URL.
    pub fn origins(&self, settings: &Value) -> Vec<Option<String>> {
        let places = self.fields.iter().filter(|field| ["base_url", "token_url"].contains(&field.name));
        let origin = |field: &Field| {
            let set = settings.get(field.name).and_then(Value::as_str).filter(|set| !set.is_empty());
            let url = Url::parse(set.unwrap_or(field.default)).ok()?;
            Some(url.origin().ascii_serialization())
        };
        places.map(origin).collect()
    }
}

/// What a platform can be told of an event that it was told of before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowUps {
    /// Something, and how.
    Taken(&'static str),
    /// Nothing, and why.
    Refused(&'static str),
}

/// What a platform takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How old an event may be when it is sent; none: any age.
    pub max_age: Option<Duration>,
    /// How many events one request may hold.
    pub max_batch: u32,
    /// How many bytes they may have together.
    pub max_bytes: usize,
    /// Whether all of them have to be of one person.
    pub of_one_person: bool,
    /// How often it may be asked; none: as often as it answers.
    pub rate: Option<Rate>,
    /// How many requests may be under way at a time.
    pub concurrency: u32,
    /// Whether it has to hear of a person's events one after the other.
    pub order: Order,
}

impl Limits {
    /// The limits of a platform that says of none: events of any age, one in a request, 64 requests at a time.
    pub(super) const NONE: Self = Self {
        max_age: None,
        max_batch: 1,
        max_bytes: 256 << 10,
        of_one_person: false,
        rate: None,
        concurrency: 64,
        order: Order::FirstTries,
    };
}

/// How often a platform may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a minute, in the long run.
    pub per_minute: u32,
    /// How many of them may go at once.
    pub burst: u32,
}

/// In which order a platform hears of a person's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First tries go one after the other; what is tried again holds up nothing.
    FirstTries,
    /// What comes later waits until what is before it was taken or given up: the last one to arrive is what counts there.
    Strict,
}

/// Days as a span.
pub(super) const fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}

/// For platforms that have no names of their own for standard events.
pub(super) const fn no_names(_: &PlatformNames) -> &'static str {
    ""
}
