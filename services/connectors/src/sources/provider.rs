//! What every provider answers.

use std::fmt;

use http::HeaderMap;
use serde_json::Value;
use tributary_domain::{time::Timestamp, workflow::spec::WorkflowSpec};

use super::{Facts, SettingsError, Signature, SignatureError, SourceSettings, headers};

/// A kind of source. It holds nothing: what a source's owner set is parsed once by [`Provider::check_settings`],
/// kept by the caller (in an `Arc`), and handed in again.
pub trait Provider: Send + Sync + fmt::Debug {
    /// Its unchanging name, such as `calendly`.
    fn name(&self) -> &'static str;

    /// The name that people see.
    fn display_name(&self) -> &'static str;

    /// Whether web pages send to it, with a key that everybody may see, and not a service with a secret of its own.
    fn is_public(&self) -> bool {
        false
    }

    /// The most bytes that a source's settings may have as JSON.
    fn largest_settings(&self) -> usize {
        16 * 1024
    }

    /// Parses a source's settings: a JSON object, or null for the defaults.
    ///
    /// # Errors
    /// The first setting that is wrong, unknown ones included.
    fn check_settings(&self, settings: &Value) -> Result<SourceSettings, SettingsError>;

    /// Checks the signature of a request over the bytes of its body, in constant time. `keys` are the signing keys
    /// in force, the old ones of a rotation among them; while there is none, every request is
    /// [`Signature::Unsigned`].
    ///
    /// # Errors
    /// Why the request is not known to come from the provider.
    fn verify(
        &self,
        settings: &SourceSettings,
        keys: &[String],
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Signature, SignatureError>;

    /// What the request says of itself: its event, what tells it from others, and the visitor it came from.
    fn facts(&self, settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Facts;

    /// The headers, as names and values, that the provider would sign `body` with at `now`.
    fn sign(
        &self,
        settings: &SourceSettings,
        key: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Vec<(String, String)>;

    /// The workflows to start from.
    fn presets(&self) -> Vec<Preset>;

    /// The headers of a request that are kept with its message, in lower case: what helps to understand it, never
    /// a signature or a credential.
    fn kept_headers(&self, settings: &SourceSettings, headers: &HeaderMap) -> Vec<(String, String)> {
        headers::kept(headers, settings.signing.header())
    }
}

/// A workflow to start from.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// The key that a workflow made from it has at first.
    pub key: &'static str,
    /// The name that people see.
    pub display_name: &'static str,
    /// What it makes of which messages, in a sentence or two.
    pub help: &'static str,
    /// The provider's own name of the event that it takes.
    pub provider_event: &'static str,
    /// What it does.
    pub spec: WorkflowSpec,
}
