//! What is sent, and how it is signed.

use std::fmt;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use serde_json::Value;
use tributary_connectors::sources::{self, Provider, SourceSettings, calendly};
use tributary_domain::time::Clock;
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

/// Signs as a provider does.
pub(in crate::cli) struct Sender {
    provider: &'static dyn Provider,
    settings: SourceSettings,
    key: Option<String>,
}

impl fmt::Debug for Sender {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("provider", &self.provider.name()).finish_non_exhaustive()
    }
}

/// A body with its headers, ready to be posted.
#[derive(Debug)]
pub(in crate::cli) struct Signed {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
}

impl Sender {
    /// Signs as the provider of this name does by default; not at all without a key.
    ///
    /// # Errors
    /// When there is no such provider.
    pub(in crate::cli) fn new(provider: &str, key: Option<String>) -> anyhow::Result<Self> {
        let provider = sources::provider(provider).ok_or_else(|| anyhow!("no provider `{provider}`"))?;
        Ok(Self { provider, settings: provider.check_settings(&Value::Null)?, key })
    }

    /// Signs a body, now.
    pub(in crate::cli) fn sign(&self, body: Bytes) -> Signed {
        let now = SystemClock.now();
        let headers = self.key.as_ref().map(|key| self.provider.sign(&self.settings, key, &body, now));
        Signed { headers: headers.unwrap_or_default(), body }
    }
}
