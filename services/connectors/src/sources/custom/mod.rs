//! Any other sender of JSON: its owner says how it signs, and where what stands.

mod booking;
mod facts;
mod signature;

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;
use tributary_domain::time::Timestamp;

pub(super) use self::booking::BookingPaths;
use super::{
    Facts, Preset, Provider, SettingsError, Signature, SignatureError, SourceSettings, reader::Reader,
    settings::CluidField,
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

    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError> {
        let mut reader = Reader::new(settings)?;
        let mut signing = reader.object("signature")?;
        let scheme = signature::scheme(&mut signing)?;
        signing.finish()?;
        let event_path = reader.json_path("event_path")?;
        let dedupe_path = reader.json_path("dedupe_path")?;
        let dedupe_by_body = reader.flag("dedupe_by_body")?;
        let mut bookings = reader.object("booking")?;
        let booking = BookingPaths::read(&mut bookings)?;
        bookings.finish()?;
        let path = reader.json_path_or("cluid_path", DEFAULT_CLUID_PATH)?;
        let allowed = reader.patterns("allowed_cluids")?;
        reader.finish()?;
        Ok(SourceSettings {
            cluid: CluidField { path, allowed },
            signing: scheme,
            // What a custom source signs has no time in it.
            tolerance: Duration::ZERO,
            event_path,
            dedupe_path,
            dedupe_by_body,
            booking,
            tag: None,
        })
    }

    fn verify(
        &self,
        settings: &SourceSettings,
        keys: &[String],
        headers: &HeaderMap,
        body: &[u8],
        _now: Timestamp,
    ) -> Result<Signature, SignatureError> {
        if keys.is_empty() {
            return Ok(Signature::Unsigned);
        }
        signature::verify(&settings.signing, keys, headers, body).map(|()| Signature::Valid)
    }

    fn facts(&self, settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Facts {
        facts::of(settings, headers, body)
    }

    fn sign(
        &self,
        settings: &SourceSettings,
        key: &str,
        body: &[u8],
        _now: Timestamp,
    ) -> Vec<(String, String)> {
        vec![signature::sign(&settings.signing, key, body)]
    }

    /// None: nobody knows what it will send.
    fn presets(&self) -> Vec<Preset> {
        Vec::new()
    }
}
