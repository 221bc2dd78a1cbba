//! What is sent, and how it is signed.

use std::fmt;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use serde_json::Value;
use tributary_connectors::sources::{self, Provider, Sample, Sending, SourceSettings, calendly};
use tributary_domain::time::{Clock, Timestamp};
use tributary_telemetry::ambient::{SystemClock, random_u128};

use super::fresh_booking;

/// What is sent.
#[derive(Debug)]
pub(in crate::cli) enum Letter {
    /// The same bytes each time.
    Fixed(Bytes),
    /// A Calendly body that is made a booking of its own each time.
    Fresh(Value),
}

impl Letter {
    /// A body that is made new each time.
    ///
    /// # Errors
    /// When it is no JSON.
    pub(in crate::cli) fn fresh(bytes: &[u8]) -> anyhow::Result<Self> {
        Ok(Self::Fresh(
            serde_json::from_slice(bytes).context("the file is no JSON, which --fresh has to change")?,
        ))
    }

    /// The sample booking, new each time.
    ///
    /// # Errors
    /// When it cannot be read: a defect of the build.
    pub(in crate::cli) fn sample() -> anyhow::Result<Self> {
        Self::fresh(calendly::sample_booking().as_bytes())
    }

    /// The next body.
    pub(in crate::cli) fn body(&self) -> Bytes {
        match self {
            Self::Fixed(bytes) => bytes.clone(),
            Self::Fresh(body) => {
                fresh_booking(body.clone(), SystemClock.now(), random_u128()).to_string().into()
            }
        }
    }
}

/// Sends as a provider does.
pub(in crate::cli) struct Sender {
    provider: &'static dyn Provider,
    settings: SourceSettings,
    key: Option<String>,
    url: String,
}

impl fmt::Debug for Sender {
    /// Without the key and the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("provider", &self.provider.name()).finish_non_exhaustive()
    }
}

/// A body with its headers, ready to be posted.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Signed {
    pub(in crate::cli) headers: Vec<(String, String)>,
    pub(in crate::cli) body: Bytes,
}

/// What a provider says of a body besides.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Label {
    /// The event, for providers that name it in a header; empty: that of the provider's sample.
    pub(in crate::cli) event: String,
    /// The id of the delivery, for providers that name it in a header; empty: one that was never used.
    pub(in crate::cli) id: String,
    /// The content type; empty: that of the provider's sample.
    pub(in crate::cli) content_type: String,
}

impl Sender {
    /// Signs as the provider of this name does by default; not at all without a key. Some sign the webhook URL too.
    ///
    /// # Errors
    /// When there is no such provider, or the key can be none of it.
    pub(in crate::cli) fn new(provider: &str, key: Option<String>, url: &str) -> anyhow::Result<Self> {
        let provider = sources::provider(provider).ok_or_else(|| anyhow!("no provider `{provider}`"))?;
        if let Some(Err(expected)) = key.as_ref().map(|key| provider.check_key(key)) {
            bail!("the signing key is none of {}: {expected}", provider.display_name());
        }
        let settings = provider.check_settings(&Value::Null)?;
        Ok(Self { provider, settings, key, url: url.to_owned() })
    }

    /// A body that the provider could send.
    pub(in crate::cli) fn sample(&self) -> Sample {
        self.provider.sample()
    }

    /// Signs a body, now.
    pub(in crate::cli) fn sign(&self, body: Bytes, label: &Label) -> Signed {
        self.sign_with(self.key.as_deref(), body, label, SystemClock.now())
    }

    /// Signs a body with some key, or not at all, at some time.
    pub(in crate::cli) fn sign_with(
        &self,
        key: Option<&str>,
        body: Bytes,
        label: &Label,
        now: Timestamp,
    ) -> Signed {
        let sample = self.sample();
        let or = |said: &str, usual: &str| if said.is_empty() { usual.to_owned() } else { said.to_owned() };
        let id = or(&label.id, &format!("{:032x}", random_u128()));
        let (event, kind) = (or(&label.event, sample.event), or(&label.content_type, sample.content_type));
        let sending = Sending { url: &self.url, id: &id, event: &event, content_type: &kind, body: &body };
        let mut headers = self.provider.accompany(&sending);
        headers
            .extend(key.into_iter().flat_map(|key| self.provider.sign(&self.settings, key, &sending, now)));
        Signed { headers, body }
    }

    /// What it signs with; none: not at all.
    pub(in crate::cli) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}
