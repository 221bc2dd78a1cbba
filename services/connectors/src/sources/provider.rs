//! What every provider answers.

use std::fmt;

use http::HeaderMap;
use serde_json::Value;
use tributary_domain::{time::Timestamp, workflow::spec::WorkflowSpec};

use super::{
    Ask, Challenge, Facts, FormError, Sample, Sending, SettingsError, Signature, SignatureError,
    SourceSettings, Webhook, headers, signing::Signing,
};

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

    /// What its owner has to know and do, in a few sentences.
    fn help(&self) -> &'static str;

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
        webhook: &Webhook<'_>,
        now: Timestamp,
    ) -> Result<Signature, SignatureError> {
        if keys.is_empty() {
            return Ok(Signature::Unsigned);
        }
        Signing::verify(settings, keys, webhook, now).map(|()| Signature::Valid)
    }

    /// Whether `key` can be a signing key of the provider's.
    ///
    /// # Errors
    /// What is expected, in words.
    fn check_key(&self, key: &str) -> Result<(), &'static str> {
        let _ = key;
        Ok(())
    }

    /// The answer to a request by which the provider makes sure that the URL is its owner's; none: it is no such
    /// request. What is answered here is no message.
    fn challenge(&self, ask: &Ask<'_>) -> Option<Challenge> {
        let _ = ask;
        None
    }

    /// The JSON of a body that came in another form; none: it is taken as it is.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn body(&self, headers: &HeaderMap, body: &[u8]) -> Result<Option<Vec<u8>>, FormError> {
        let _ = (headers, body);
        Ok(None)
    }

    /// What the request says of itself: its event, what tells it from others, and the visitor it came from.
    fn facts(&self, settings: &SourceSettings, headers: &HeaderMap, body: &Value) -> Facts;

    /// The headers, as names and values, that the provider would sign a body with at `now`.
    fn sign(
        &self,
        settings: &SourceSettings,
        key: &str,
        sending: &Sending<'_>,
        now: Timestamp,
    ) -> Vec<(String, String)> {
        settings.signing.sign(key, sending, now)
    }

    /// The other headers that the provider would send a body with, its content type among them.
    fn accompany(&self, sending: &Sending<'_>) -> Vec<(String, String)> {
        vec![("content-type".to_owned(), sending.content_type.to_owned())]
    }

    /// A body that it could send.
    fn sample(&self) -> Sample;

    /// The workflows to start from.
    fn presets(&self) -> Vec<Preset>;

    /// The headers of a request that are kept with its message, in lower case: what helps to understand it, never
    /// a signature or a credential.
    fn kept_headers(&self, settings: &SourceSettings, headers: &HeaderMap) -> Vec<(String, String)> {
        headers::kept(headers, settings.signing.header(), &[])
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
    /// The provider's own name of the event that it takes; empty: whatever comes.
    pub provider_event: &'static str,
    /// What it does.
    pub spec: WorkflowSpec,
}
