//! Calendly: webhooks of its API v2.

pub mod api;
mod booking;
mod facts;
mod preset;
mod signature;

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use tributary_domain::time::Timestamp;

use super::{
    Facts, Preset, Provider, SettingsError, Signature, SignatureError, SourceSettings, reader::Reader,
    settings::CluidField,
};

/// How old or early a signature may be, in seconds, unless the source says otherwise: Calendly's own advice.
const DEFAULT_TOLERANCE: u64 = 180;
/// The most that a source may say: a day, for as long as Calendly repeats a delivery.
const LONGEST_TOLERANCE: u64 = 86_400;
/// The tracking parameter that a scheduling link carries the visitor's id in.
const DEFAULT_CLUID_PATH: &str = "$.payload.tracking.utm_term";

/// A realistic booking (`invitee.created`) of made-up people, with a cluid in `utm_term`, as JSON.
pub fn sample_booking() -> &'static str {
    include_str!("../../../fixtures/calendly/created.json")
}

/// Calendly.
///
/// Settings: `tolerance_seconds` (1 to 86400, default 180), `cluid_path` (JSONPath, default
/// `$.payload.tracking.utm_term`), `allowed_cluids` (patterns of foreign visitor ids that are taken).
#[derive(Debug, Clone, Copy)]
pub struct Calendly;

impl Provider for Calendly {
    fn name(&self) -> &'static str {
        "calendly"
    }

    fn display_name(&self) -> &'static str {
        "Calendly"
    }

    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError> {
        let mut reader = Reader::new(settings)?;
        let tolerance = reader.number("tolerance_seconds", 1, LONGEST_TOLERANCE)?;
        let path = reader.json_path_or("cluid_path", DEFAULT_CLUID_PATH)?;
        let allowed = reader.patterns("allowed_cluids")?;
        reader.finish()?;
        Ok(SourceSettings {
            cluid: CluidField { path, allowed },
            signing: signature::scheme(),
            tolerance: Duration::from_secs(tolerance.unwrap_or(DEFAULT_TOLERANCE)),
            event_path: None,
            dedupe_path: None,
            dedupe_by_body: false,
            booking: None,
            tag: None,
        })
    }

    fn verify(
        &self,
        settings: &SourceSettings,
        keys: &[String],
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Signature, SignatureError> {
        if keys.is_empty() {
            return Ok(Signature::Unsigned);
        }
        signature::verify(settings, keys, headers, body, now).map(|()| Signature::Valid)
    }

    fn facts(&self, settings: &SourceSettings, _headers: &HeaderMap, body: &Value) -> Facts {
        facts::of(settings, body)
    }

    fn sign(
        &self,
        settings: &SourceSettings,
        key: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Vec<(String, String)> {
        vec![signature::sign(settings, key, body, now)]
    }

    fn presets(&self) -> Vec<Preset> {
        preset::all()
    }
}
