//! Calendly: webhooks of its API v2.

pub mod api;
mod booking;
mod facts;
mod preset;
mod signature;

#[cfg(test)]
mod tests;

use http::HeaderMap;
use serde_json::Value;

use super::{
    Facts, Preset, Provider, Sample, SettingsError, SourceSettings, reader::Reader, settings::CluidField,
    webhook::JSON,
};

/// How old or early a signature may be, in seconds, unless the source says otherwise: Calendly's own advice.
const DEFAULT_TOLERANCE: u64 = 180;
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

    fn help(&self) -> &'static str {
        "Subscribe the webhook URL to invitee.created and invitee.canceled, with scope organization and a signing key of \
         your own, which is the source's signing key too. The visitor's cluid comes in utm_term of the scheduling link."
    }

    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError> {
        let mut reader = Reader::new(settings)?;
        let tolerance = reader.tolerance(DEFAULT_TOLERANCE)?;
        let cluid = CluidField::from_settings(&mut reader, DEFAULT_CLUID_PATH)?;
        reader.finish()?;
        Ok(SourceSettings::of_provider(cluid, signature::signing(), tolerance))
    }

    fn facts(&self, settings: &SourceSettings, _headers: &HeaderMap, body: &Value) -> Facts {
        facts::of(settings, body)
    }

    fn sample(&self) -> Sample {
        Sample { content_type: JSON, event: "", body: sample_booking() }
    }

    fn presets(&self) -> Vec<Preset> {
        preset::all()
    }
}
