//! What a source's owner sets, parsed.

use std::{sync::Arc, time::Duration};

use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;
use tributary_domain::normalise::cluid::{self, CluidReading};

use super::{custom::BookingPaths, reader::Reader, signing::Signing, tag::TagSettings};

/// A source's settings, ready to be used for every request. Made by
/// [`Provider::check_settings`](super::Provider::check_settings) only.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Where the visitor's id stands.
    pub(super) cluid: CluidField,
    /// How deliveries are signed.
    pub(super) signing: Signing,
    /// How far the time of a signature may be from ours, where the provider signs one.
    pub(super) tolerance: Duration,
    /// Where a custom body names its event.
    pub(super) event_path: Option<JsonPath>,
    /// Where a custom body has what tells it from others.
    pub(super) dedupe_path: Option<JsonPath>,
    /// Whether two custom bodies that are equal are one delivery.
    pub(super) dedupe_by_body: bool,
    /// Where a custom body speaks of a booking.
    pub(super) booking: Option<BookingPaths>,
    /// What holds for the pages that send to it; only browser tags have such.
    pub(super) tag: Option<Arc<TagSettings>>,
}

impl SourceSettings {
    /// What holds for the pages that send to it; nothing for a source that services send to.
    pub fn tag(&self) -> Option<&Arc<TagSettings>> {
        self.tag.as_ref()
    }

    /// Those of a provider whose bodies are known, so that nothing more has to be said of them.
    pub(super) fn of_provider(cluid: CluidField, signing: Signing, tolerance: Duration) -> Self {
        Self {
            cluid,
            signing,
            tolerance,
            event_path: None,
            dedupe_path: None,
            dedupe_by_body: false,
            booking: None,
            tag: None,
        }
    }
}

/// Where the visitor's id stands, and what is taken for one.
#[derive(Debug, Clone)]
pub(super) struct CluidField {
    pub(super) path: JsonPath,
    pub(super) allowed: Vec<Regex>,
}

impl CluidField {
    /// Reads `cluid_path`, which is `default` where it is unset, and `allowed_cluids`.
    pub(super) fn from_settings(reader: &mut Reader<'_>, default: &str) -> Result<Self, SettingsError> {
        let path = reader.json_path_or("cluid_path", default)?;
        Ok(Self { path, allowed: reader.patterns("allowed_cluids")? })
    }

    /// What stands there.
    pub(super) fn read(&self, body: &Value) -> CluidReading {
        cluid::read(self.path.query(body).first(), &self.allowed)
    }
}

/// A setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting `{path}`: {message}")]
pub struct SettingsError {
    /// Which one, such as `signature.header`; empty: all of them.
    pub path: String,
    /// What is wrong, and what is expected.
    pub message: String,
}
