//! Any other sender of JSON: its owner says how it signs, and where what stands.

mod booking;
mod facts;
mod signature;

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

pub(super) use self::booking::BookingPaths;
use super::{
    Facts, Preset, Provider, Sample, SettingsError, SourceSettings, reader::Reader, settings::CluidField,
    webhook::JSON,
};

/// Where the visitor's id stands, unless the source says otherwise.
const DEFAULT_CLUID_PATH: &str = "$.cluid";

/// A custom source.
///
/// Settings: `signature` with `header` (default `X-Signature`), `prefix` (text before the signature, default
/// none), `encoding` (`hex`, `base64`; default `hex`) and `algorithm` (`sha1`, `sha256`, `sha512`; default
/// `sha256`), the body being what is signed; `event_path`, `dedupe_path` and `cluid_path` (JSONPath, the last by
/// default `$.cluid`); `dedupe_by_body` (default false); `allowed_cluids` (patterns of foreign visitor ids that
/// are taken); and, where bodies speak of bookings, `booking` with `key_path` and `stage_path` (needed),
/// `previous_key_path`, `next_key_path`, `time_path`, `value_path` and `currency_path` (JSONPath), `stages` (from what
/// stands at `stage_path` to `created`, `rescheduled`, `moved`, `cancelled`, `no_show`, `no_show_removed` or `paid`;
/// these names need no entry), and `shared_keys` (default false: another source's equal key is another booking).
#[derive(Debug, Clone, Copy)]
pub struct Custom;

impl Provider for Custom {
    fn name(&self) -> &'static str {
        "custom"
    }

    fn display_name(&self) -> &'static str {
        "Custom source"
    }

    fn help(&self) -> &'static str {
        "Any sender of JSON. The settings say in which header the signature stands and how it is written, and where \
         the body has its event, its dedupe key and the visitor's cluid."
    }

    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError> {
        let mut reader = Reader::new(settings)?;
        let mut signing = reader.object("signature")?;
        let scheme = signature::signing(&mut signing)?;
        signing.finish()?;
        let event_path = reader.json_path("event_path")?;
        let dedupe_path = reader.json_path("dedupe_path")?;
        let dedupe_by_body = reader.flag("dedupe_by_body")?;
        let mut bookings = reader.object("booking")?;
        let booking = BookingPaths::read(&mut bookings)?;
        bookings.finish()?;
        let cluid = CluidField::from_settings(&mut reader, DEFAULT_CLUID_PATH)?;
        reader.finish()?;
        // What a custom source signs has no time in it.
        let common = SourceSettings::of_provider(cluid, scheme, Duration::ZERO);
        Ok(SourceSettings { event_path, dedupe_path, dedupe_by_body, booking, ..common })
    }

    fn facts(&self, settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Facts {
        facts::of(settings, headers, body)
    }

    fn sample(&self) -> Sample {
        Sample {
            content_type: JSON,
            event: "",
            body: include_str!("../../../fixtures/custom/signed_up.json"),
        }
    }

    /// None: nobody knows what it will send.
    fn presets(&self) -> Vec<Preset> {
        Vec::new()
    }
}
