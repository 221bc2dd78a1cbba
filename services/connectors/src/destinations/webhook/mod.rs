//! The generic webhook: JSON by POST, signed as Standard Webhooks says, to any receiver. Body and headers can be templates.

mod about;
mod secret;
mod settings;
mod signature;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use tributary_domain::{retry::parse_retry_after, time::Timestamp};

pub use secret::{InvalidSecret, SigningSecret};
pub use settings::SIGNING;
pub use signature::{
    DEFAULT_TOLERANCE, ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, VerifyError, sign, verify,
};

use self::settings::Settings;
use super::{
    About, HttpRequest, Judged, Outcome, OutgoingEvent, Platform, RequestError, Secrets, SettingsError,
    document, template,
};

/// The platform `webhook`.
///
/// Its settings are `{"url": "https://…", "headers": {"x-name": "value"}, "body": {…}}`, all but the URL optional. Texts of headers
/// and body are templates. Its secrets are [`SIGNING`], one to ten active values, each of which signs, so that a secret is
/// replaced without a gap; and `header:<name>` for headers whose value is a secret.
#[derive(Debug, Clone, Copy)]
pub struct Webhook;

impl Platform for Webhook {
    fn about(&self) -> &'static About {
        &about::ABOUT
    }

    fn check_settings(&self, settings: &Value, secrets: &Secrets) -> Result<(), SettingsError> {
        Settings::read(settings, secrets).map(drop)
    }

    fn request(
        &self,
        settings: &Value,
        secrets: &Secrets,
        event: &OutgoingEvent,
        now: Timestamp,
    ) -> Result<HttpRequest, RequestError> {
        let Settings { url, mut headers, templates, body, signing } = Settings::read(settings, secrets)?;
        let wrong = |error: serde_json::Error| RequestError::Event(error.to_string());
        let body = if body.is_none() && templates.is_empty() {
            document::bytes(event).map_err(wrong)?
        } else {
            let document = document::value(event).map_err(wrong)?;
            for (name, template) in templates {
                headers.insert(name, carried(&template.text(&document, str::to_owned))?);
            }
            match body {
                Some(shape) => {
                    let filled = template::fill(shape, &document);
                    filled
                        .map_err(|message| SettingsError::new("settings.body", message))?
                        .to_string()
                        .into_bytes()
                }
                None => document::bytes(event).map_err(wrong)?,
            }
        };
        let id = event.delivery.to_string();
        let signature = sign(&signing, &id, now, &body);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(TIMESTAMP_HEADER, HeaderValue::from(now.seconds()));
        for (name, value) in [(ID_HEADER, id), (SIGNATURE_HEADER, signature)] {
            let value =
                HeaderValue::try_from(value).map_err(|error| RequestError::Event(error.to_string()))?;
            headers.insert(name, value);
        }
        Ok(HttpRequest { method: Method::POST, url, headers, body: Bytes::from(body) })
    }

    /// Standard Webhooks: 2xx is success, 410 says that nobody listens any more, and everything else is a failure
    /// that may pass. Retry-After is honoured wherever it comes.
    fn judge(&self, status: u16, headers: &HeaderMap, _body: &[u8], now: Timestamp) -> Judged {
        let reason = match status {
            200..=299 => return Judged::delivered(),
            410 => "the receiver answered 410: it wants no more events; enable the destination again when it does"
                .to_owned(),
            300..=399 => format!(
                "the receiver answered {status}, and redirects are not followed: enter the final url in the settings"
            ),
            429 | 502..=504 => {
                format!("the receiver answered {status}: it is overloaded or not reachable now")
            }
            _ => format!("the receiver answered {status} instead of 2xx: see its logs"),
        };
        let outcome = if status == 410 {
            Outcome::Disable { reason }
        } else {
            let after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            Outcome::Retry { after: after.and_then(|value| parse_retry_after(value, now)), reason }
        };
        Judged { outcome, code: format!("HTTP_{status}"), status }
    }
}

/// A filled text as a header carries it: a line break of what somebody entered begins no header of theirs.
fn carried(text: &str) -> Result<HeaderValue, RequestError> {
    let line: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    let mut value = HeaderValue::from_bytes(line.trim().as_bytes())
        .map_err(|error| RequestError::Event(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
