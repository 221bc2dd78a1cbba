//! What every destination platform can do.

use std::{fmt, time::Duration};

use http::HeaderMap;
use serde_json::Value;
use tributary_domain::{time::Timestamp, workflow::needs::Need};

use super::{
    About, Batching, FollowUps, HttpRequest, Judged, Outcome, OutgoingEvent, Secrets, oauth, schema::Values,
};

/// A place that events are forwarded to. Pure: it says what to send and what an answer means, others do it.
pub trait Platform: Send + Sync + fmt::Debug {
    /// What is known of it, as data.
    fn about(&self) -> &'static About;

    /// Its name in the API, such as `webhook`; never changes.
    fn name(&self) -> &'static str {
        self.about().name
    }

    /// Its name for people.
    fn display_name(&self) -> &'static str {
        self.about().display_name
    }

    /// What it needs of every event to make use of it: a workflow that does not map it gets a warning.
    fn needs(&self) -> &'static [Need] {
        self.about().needs
    }

    /// Whether it can be told what became of an event that it was told of before.
    fn takes_follow_ups(&self) -> bool {
        matches!(self.about().follow_ups, FollowUps::Taken(_))
    }

    /// The headers of its requests, in lower case, whose values are made with a secret: they are shown to nobody.
    fn signatures(&self) -> &'static [&'static str] {
        self.about().signatures
    }

    /// Whether a destination with these settings and secrets can work: whether they have the right form, and are all there.
    ///
    /// # Errors
    /// The first setting or secret that cannot be used.
    fn check_settings(&self, settings: &Value, secrets: &Secrets) -> Result<(), SettingsError> {
        Values::read(self.about().fields, settings, secrets)?;
        oauth::grant(self.about(), settings, secrets, Timestamp::default()).map(drop)
    }

    /// The request that tells the platform of `event`, sent at `now`.
    ///
    /// # Errors
    /// When the settings cannot be used, or the event cannot be told.
    fn request(
        &self,
        settings: &Value,
        secrets: &Secrets,
        event: &OutgoingEvent,
        now: Timestamp,
    ) -> Result<HttpRequest, RequestError>;

    /// What the answer to a request of one event means, that came at `now`. `body` may be only the beginning of the answer's
    /// body.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged;

    /// The same without the platform's word for it.
    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
        self.judge(status, headers, body, now).outcome
    }

    /// How several events go in one request; nothing: each goes alone.
    fn batching(&self) -> Option<&'static Batching> {
        None
    }

    /// How old an event may be when it is sent; nothing: any age.
    fn max_age(&self, _settings: &Value) -> Option<Duration> {
        self.about().limits.max_age
    }
}

/// A setting or a secret that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct SettingsError {
    /// Where: `settings.…` or `secrets.…`.
    pub path: String,
    /// What is wrong and what to do; never the value itself.
    pub message: String,
}

impl SettingsError {
    /// The error of the setting or secret at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// Why no request can be made of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The destination's settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The platform cannot be told of this event.
    #[error("the event cannot be sent: {0}")]
    Event(String),
}
