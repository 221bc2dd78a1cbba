//! The browser tag: pages of the tenant's own sites send what their visitors do.
//!
//! What is sent carries no signature, for every visitor can read the key that it is sent with: all that is known of it is
//! that somebody who has seen the page sent it.

mod batch;
mod bots;
mod clock;
mod cookie;
mod preset;
mod settings;

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header};
use serde_json::Value;
use serde_json_path::JsonPath;
use tributary_domain::json_path;

pub use self::{
    batch::{Batch, BatchError, LARGEST_BATCH, Observed, ScriptFailure, read},
    bots::is_bot,
    cookie::COOKIE,
    settings::{ConsentMode, Decoration, Script, TagSettings},
};
use super::{
    Facts, Preset, Provider, Sample, SettingsError, SourceSettings,
    facts::{bounded_key, scalar_at},
    settings::CluidField,
    signing::Signing,
    webhook::JSON,
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

    fn help(&self) -> &'static str {
        "The pages of your own sites. Put the script of the source's tag URL into every page, and list the sites in origins. \
         Visitors' browsers can read the write key, so nothing is signed, and only those sites may send. Pages are followed \
         from when a visitor consents, unless consent is granted."
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
        let cluid = CluidField { path: path(CLUID_PATH)?, allowed: Vec::new() };
        let common = SourceSettings::of_provider(cluid, Signing::Nothing, Duration::ZERO);
        Ok(SourceSettings {
            event_path: Some(path("$.type")?),
            dedupe_path: Some(path("$.id")?),
            tag: Some(Arc::new(tag)),
            ..common
        })
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

    fn sample(&self) -> Sample {
        Sample { content_type: JSON, event: "", body: include_str!("../../../fixtures/tag/page.json") }
    }

    fn presets(&self) -> Vec<Preset> {
        preset::all()
    }

    /// What the page's browser says of itself stands in the body; besides that, which site it was is worth keeping.
    fn kept_headers(&self, _settings: &SourceSettings, headers: &HeaderMap) -> Vec<(String, String)> {
        let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        origin.map(|origin| (header::ORIGIN.to_string(), origin.to_owned())).into_iter().collect()
    }
}

/// A path that the tag's own bodies are read by.
fn path(text: &str) -> Result<JsonPath, SettingsError> {
    json_path(text).map_err(|fault| SettingsError { path: String::new(), message: fault.to_string() })
}
