//! The ways in which providers sign.

use http::HeaderName;
use tributary_domain::time::Timestamp;

use super::{
    SignatureError, SourceSettings, Webhook, hmac_scheme::HmacScheme, hubspot, standard_webhooks, timed,
    webhook::Sending,
};

/// How a source's deliveries are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signing {
    /// Not at all: everybody can read whatever would be signed with.
    Nothing,
    /// A keyed hash of the body.
    Body(HmacScheme),
    /// A keyed hash of the time and the body, beside the time: `t=<unix seconds>,v1=<hash>`.
    Timed(HmacScheme),
    /// Standard Webhooks.
    Standard,
    /// HubSpot.
    HubSpot(hubspot::Versions),
}

impl Signing {
    /// How far the time of a signature may be from ours unless the source says otherwise, in seconds; none: no time is
    /// signed.
    pub(super) fn tolerance(&self) -> Option<u64> {
        match self {
            Self::Nothing | Self::Body(_) => None,
            Self::Timed(_) | Self::Standard | Self::HubSpot(_) => Some(300),
        }
    }

    /// The header that a keyed hash of the body alone, or of it and the time, stands in.
    pub(super) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Body(scheme) | Self::Timed(scheme) => Some(scheme.header()),
            Self::Nothing | Self::Standard | Self::HubSpot(_) => None,
        }
    }

    /// Checks the signature, and then its time: of a time that nobody signed nothing can be said.
    pub(super) fn verify(
        settings: &SourceSettings,
        keys: &[String],
        webhook: &Webhook<'_>,
        now: Timestamp,
    ) -> Result<(), SignatureError> {
        let signed = match &settings.signing {
            Self::Nothing => return Err(SignatureError::Mismatch),
            Self::Body(scheme) => return scheme.verify_body(keys, webhook.headers, webhook.body),
            Self::Timed(scheme) => timed::verify(scheme, keys, webhook)?,
            Self::Standard => standard_webhooks::signature::verify(keys, webhook)?,
            Self::HubSpot(versions) => match hubspot::signature::verify(*versions, keys, webhook)? {
                Some(signed) => signed,
                // The older versions sign no time.
                None => return Ok(()),
            },
        };
        let seconds = signed.saturating_sub(now.seconds());
        let tolerance = settings.tolerance.as_secs();
        if seconds.unsigned_abs() > tolerance {
            return Err(SignatureError::OutsideTolerance { seconds, tolerance });
        }
        Ok(())
    }

    /// The headers that the provider would sign with.
    pub(super) fn sign(&self, key: &str, sending: &Sending<'_>, now: Timestamp) -> Vec<(String, String)> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Body(scheme) => vec![scheme.sign_body(key, sending.body)],
            Self::Timed(scheme) => vec![timed::sign(scheme, key, sending.body, now)],
            Self::Standard => standard_webhooks::signature::sign(key, sending, now),
            Self::HubSpot(_) => hubspot::signature::sign(key, sending, now),
        }
    }
}
