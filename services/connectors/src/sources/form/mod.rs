//! Plain HTML forms, and whatever posts as they do: a custom source whose bodies need not be JSON.

mod preset;

use http::HeaderMap;
use serde_json::Value;

use super::{
    Facts, FormError, Preset, Provider, Sample, SettingsError, SourceSettings, custom::Custom, form_body,
};

/// Forms.
///
/// Settings: those of [`Custom`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Form;

impl Provider for Form {
    fn name(&self) -> &'static str {
        "form"
    }

    fn display_name(&self) -> &'static str {
        "Form"
    }

    fn help(&self) -> &'static str {
        "A form of a website, or what posts as one: urlencoded, multipart or JSON. Its fields become an object; a field that \
         comes several times, or whose name ends in [], is a list, and of a file only its name, type and size are kept. \
         Plain forms are not signed. Two equal forms are two messages, unless dedupe_path or dedupe_by_body is set. A hidden \
         field named cluid carries the visitor's cluid."
    }

    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError> {
        Custom.check_settings(settings)
    }

    fn body(&self, headers: &HeaderMap, body: &[u8]) -> Result<Option<Vec<u8>>, FormError> {
        Ok(form_body::read(headers, body)?.map(|fields| fields.to_string().into_bytes()))
    }

    fn facts(&self, settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Facts {
        Custom.facts(settings, headers, body)
    }

    fn sample(&self) -> Sample {
        Sample {
            content_type: "application/x-www-form-urlencoded",
            event: "",
            body: include_str!("../../../fixtures/form/contact.txt").trim_ascii_end(),
        }
    }

    fn presets(&self) -> Vec<Preset> {
        preset::all()
    }
}
