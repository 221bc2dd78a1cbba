//! The browser tag: pages of the tenant's own sites send what their visitors do.
//!
//! What is sent carries no signature, for every visitor can read the key that it is sent with: all that is known of it is
//! that somebody who has seen the page sent it.

mod settings;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName};
use serde_json::Value;
use serde_json_path::JsonPath;
use tributary_domain::{json_path, time::Timestamp};

pub use self::settings::{ConsentMode, Decoration, Script, TagSettings};
use super::{
    Facts, Preset, Provider, SettingsError, Signature, SignatureError, SourceSettings,
    facts::{bounded_key, scalar_at},
    hmac_scheme::{Algorithm, Encoding, HmacScheme},
    settings::CluidField,
};

/// Where the visitor's id stands.
const CLUID_PATH: &str = "$.cluid";

/// The browser tag.
///
/// Settings: `origins` (the sites that it runs on, as browsers send them, such as `https://shop.example`; at most 50),
/// `cookie_domain` (such as `shop.example`; default: the page's own host), `consent` (`wait`, `granted`; default `wait`),
/// `decorate` (at most 20 of `hosts`, `parameter` and `prefix`; default: `utm_term` of links to `calendly.com`) and
/// `scripts` (at most 20 of `name`, `code` up to 32 KiB, `sites`, by default all, and `enabled`, by default true).
#[derive(Debug, Clone, Copy)]
pub struct Tag;

impl Provider for Tag {
    fn name(&self) -> &'static str {
        "tag"
    }

    fn display_name(&self) -> &'static str {
        "Browser tag"
    }

    fn is_public(&self) -> bool {
        true
    }

    /// Scripts take their room.
    fn largest_settings(&self) -> usize {
        128 * 1024
    }

    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError> {
        let tag = TagSettings::read(settings)?;
        Ok(SourceSettings {
            cluid: CluidField { path: path(CLUID_PATH)?, allowed: Vec::new() },
            // Nothing is signed, and no header is asked for one.
            signing: HmacScheme {
                header: HeaderName::from_static("x-signature"),
                prefix: String::new(),
                encoding: Encoding::Hex,
                algorithm: Algorithm::Sha256,
            },
            tolerance: Duration::ZERO,
            event_path: Some(path("$.type")?),
            dedupe_path: Some(path("$.id")?),
            dedupe_by_body: false,
            booking: None,
            tag: Some(Arc::new(tag)),
        })
    }

    /// Every visitor can read the key of a page, so that a signature would prove nothing.
    fn verify(
        &self,
        _settings: &SourceSettings,
        _keys: &[String],
        _headers: &HeaderMap,
        _body: &[u8],
        _now: Timestamp,
    ) -> Result<Signature, SignatureError> {
        Ok(Signature::Unsigned)
    }

    fn facts(&self, settings: &SourceSettings, _headers: &HeaderMap, body: &Value) -> Facts {
        let at = |path: &Option<JsonPath>| path.as_ref().and_then(|path| scalar_at(body, path));
        Facts {
            provider_event: at(&settings.event_path),
            dedupe_key: at(&settings.dedupe_path).map(bounded_key),
            cluid: settings.cluid.read(body),
            cluid_path: settings.cluid.path.to_string(),
            notice: None,
            booking: None,
        }
    }

    fn sign(
        &self,
        _settings: &SourceSettings,
        _key: &str,
        _body: &[u8],
        _now: Timestamp,
    ) -> Vec<(String, String)> {
        Vec::new()
    }

    fn presets(&self) -> Vec<Preset> {
        Vec::new()
    }
}

/// A path that the tag's own bodies are read by.
fn path(text: &str) -> Result<JsonPath, SettingsError> {
    json_path(text).map_err(|fault| SettingsError { path: String::new(), message: fault.to_string() })
}
