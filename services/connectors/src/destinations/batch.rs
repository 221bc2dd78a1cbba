//! Several events in one request: what stands there for each, and what the answer says of each.

use std::fmt;

use http::HeaderMap;
use serde_json::Value;
use tributary_domain::time::Timestamp;

use super::{
    About, HttpRequest, Judged, OutgoingEvent, Platform, RequestError, Secrets, errors::Answer,
    schema::Values,
};

/// What stands in a request for one of its events.
#[derive(Clone, PartialEq)]
pub struct Item {
    told: Value,
    beside: Value,
    once: String,
    bytes: usize,
}

impl fmt::Debug for Item {
    /// Its size: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Item {
    /// An event as the platform is told of it.
    pub(super) fn new(told: Value) -> Self {
        let bytes = told.to_string().len();
        Self { told, beside: Value::Null, once: String::new(), bytes }
    }

    /// The same of something that a request may name once.
    pub(super) fn of(told: Value, once: &str) -> Self {
        Self { once: once.to_lowercase(), ..Self::new(told) }
    }

    /// The same of a platform whose requests say something beside events, which has to be the same of all.
    pub(super) fn beside(self, beside: Value) -> Self {
        Self { beside, ..self }
    }

    /// How many bytes it takes in a request.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is told of the event.
    pub(super) fn into_told(self) -> Value {
        self.told
    }

    /// What a request may name once, in lower case; empty: it is of nothing such.
    pub(super) fn once(&self) -> &str {
        &self.once
    }

    /// Whether both may stand in one request.
    pub fn goes_with(&self, other: &Self) -> bool {
        self.beside == other.beside && (self.once.is_empty() || self.once != other.once)
    }
}

/// What an answer says of the events of its request.
#[derive(Debug, Clone, PartialEq)]
pub enum Replies {
    /// The same of all of them.
    All(Judged),
    /// Of each its own, in the order in which they were sent.
    Each(Vec<Each>),
}

/// What an answer says of one event of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Each {
    /// What it means.
    pub judged: Judged,
    /// The part of the answer that is about this event and no other; null: there is none.
    pub part: Value,
}

/// How a platform takes several events in one request.
pub struct Batching {
    /// What is known of the platform.
    pub(super) about: &'static About,
    /// What stands in a request for one of its events.
    pub(super) item: fn(&OutgoingEvent, Values<'_>, Timestamp) -> Result<Item, RequestError>,
    /// The request for these, of which each was made by [`Self::item`], with what stands beside all of them.
    pub(super) envelope: fn(Values<'_>, Vec<Value>, Value) -> Result<HttpRequest, RequestError>,
    /// What an answer says of the items; none: it takes all or none.
    pub(super) each: Option<fn(&Answer<'_>, &[Item]) -> Replies>,
}

impl fmt::Debug for Batching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batching").field("platform", &self.about.name).finish_non_exhaustive()
    }
}

impl Batching {
    /// What stands in a request at `now` for `event`. What the platform is known to refuse is refused here, so that it sinks
    /// no others.
    ///
    /// # Errors
    /// As [`Platform::request`].
    pub fn item(
        &self,
        settings: &Value,
        secrets: &Secrets,
        event: &OutgoingEvent,
        now: Timestamp,
    ) -> Result<Item, RequestError> {
        (self.item)(event, Values::read(self.about.fields, settings, secrets)?, now)
    }

    /// The request for these items, which all go with each other. It takes out of them what they tell.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn envelope(
        &self,
        settings: &Value,
        secrets: &Secrets,
        items: &mut [Item],
    ) -> Result<HttpRequest, RequestError> {
        let beside = items.first_mut().map(|item| item.beside.take()).unwrap_or_default();
        let told = items.iter_mut().map(|item| item.told.take()).collect();
        (self.envelope)(Values::read(self.about.fields, settings, secrets)?, told, beside)
    }
}

/// What the answer to a request of several items means, that came at `now`. A refusal of all of them for good says that
/// something in the request is wrong, and not what.
pub fn replies(
    platform: &dyn Platform,
    (status, headers, body): (u16, &HeaderMap, &[u8]),
    now: Timestamp,
    items: &[Item],
) -> Replies {
    match platform.batching().and_then(|batching| batching.each).filter(|_| !items.is_empty()) {
        Some(each) => each(&Answer::read(platform.about(), status, headers, body, now), items),
        None => Replies::All(platform.judge(status, headers, body, now)),
    }
}

#[cfg(test)]
mod tests;
