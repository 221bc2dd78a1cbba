//! HubSpot: the contact of an event is made or brought up to date.

mod about;
mod item;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::{
    About, HttpRequest, Outcome, OutgoingEvent, Platform, RequestError, Secrets, SettingsError,
    conversion::post,
    errors::{Answer, Verdict},
    schema::Values,
    template::Template,
};

/// The platform `hubspot`.
#[derive(Debug, Clone, Copy)]
pub struct HubSpot;

impl Platform for HubSpot {
    fn about(&self) -> &'static About {
        &about::ABOUT
    }

    fn check_settings(&self, settings: &Value, secrets: &Secrets) -> Result<(), SettingsError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        for (name, text) in values.texts("properties") {
            let path = || format!("settings.properties.{name}");
            if !item::is_property(name) {
                let message =
                    "is not the internal name of a property: it has lower-case letters, digits and `_` only";
                return Err(SettingsError::new(path(), message));
            }
            Template::parse(text).map_err(|message| SettingsError::new(path(), message))?;
        }
        Ok(())
    }

    fn request(
        &self,
        settings: &Value,
        secrets: &Secrets,
        event: &OutgoingEvent,
        _now: Timestamp,
    ) -> Result<HttpRequest, RequestError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        envelope(values, &[item::of(event, values)?])
    }

    /// 207 says that not all went well, and an answer that says that all went well and names no contact has changed none.
    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        let category = |error: &Value| error["category"].as_str().unwrap_or_default().to_owned();
        if !answer.is_success() {
            return answer.judge(&[&category(&answer.body)]);
        }
        if let Some(error) = answer.body["errors"].as_array().and_then(|errors| errors.first()) {
            return answer.judge_item(400, &[&category(error)]);
        }
        // A try more would do it again, and be answered as long.
        if answer.is_cut {
            let reason = || "HubSpot answered 207, and more of why than is read".to_owned();
            return if status == 207 {
                answer.outcome(Verdict::Permanent, reason())
            } else {
                Outcome::Delivered
            };
        }
        match answer.body["results"].as_array() {
            Some(results) if !results.is_empty() => Outcome::Delivered,
            _ => {
                let reason = format!("HubSpot answered {status} and named no contact: it has changed none");
                answer.outcome(Verdict::Retry, reason)
            }
        }
    }
}

/// The request for these contacts.
fn envelope(values: Values<'_>, items: &[Value]) -> Result<HttpRequest, RequestError> {
    let version = values.text("api_version");
    // Versions are called by their day since 2026, and stand elsewhere in the path.
    let path = if version.starts_with('v') {
        format!("/crm/{version}/objects/contacts/batch/upsert")
    } else {
        format!("/crm/objects/{version}/contacts/batch/upsert")
    };
    let token = format!("Bearer {}", values.secret("access_token"));
    post(values.url(&path, &[]), &[("authorization", &token)], &json!({ "inputs": items }))
}

#[cfg(test)]
mod tests;
