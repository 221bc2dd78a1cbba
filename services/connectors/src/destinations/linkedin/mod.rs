//! LinkedIn's Conversions API.

mod about;
mod item;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::{
    About, HttpRequest, Outcome, OutgoingEvent, Platform, RequestError, Secrets, SettingsError,
    conversion::post,
    errors::{Answer, Verdict},
    oauth,
    schema::Values,
};

/// The platform `linkedin`.
#[derive(Debug, Clone, Copy)]
pub struct LinkedIn;

impl Platform for LinkedIn {
    fn about(&self) -> &'static About {
        &about::ABOUT
    }

    fn check_settings(&self, settings: &Value, secrets: &Secrets) -> Result<(), SettingsError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        let wrong = values.texts("conversions").find(|(_, rule)| item::rule_of(rule).is_none());
        if let Some((name, _)) = wrong {
            let path = format!("settings.conversions.{name}");
            return Err(SettingsError::new(path, "is not the id of a conversion rule: enter its number"));
        }
        oauth::grant(&about::ABOUT, settings, secrets, Timestamp::default()).map(drop)
    }

    fn request(
        &self,
        settings: &Value,
        secrets: &Secrets,
        event: &OutgoingEvent,
        now: Timestamp,
    ) -> Result<HttpRequest, RequestError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        envelope(values, &[item::of(event, values, now)?])
    }

    /// The answer to a batch is 200 whatever became of its items; each has a status of its own.
    fn classify(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Outcome {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        let one = &answer.body["elements"][0];
        let of_item = one["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        match of_item {
            Some(of_item) if answer.is_success() && of_item >= 300 => {
                let code = one["error"]["code"].as_str().unwrap_or_default();
                answer.judge_item(of_item, &[code])
            }
            // What became of the event stands in the answer, or it was told alone.
            None if answer.status == 200 => {
                let reason = "LinkedIn answered 200 and did not say what became of the event".to_owned();
                answer.outcome(Verdict::Retry, reason)
            }
            _ if answer.is_success() => Outcome::Delivered,
            _ => answer.judge(&[answer.body["code"].as_str().unwrap_or_default()]),
        }
    }
}

/// The request for these items.
fn envelope(values: Values<'_>, items: &[Value]) -> Result<HttpRequest, RequestError> {
    let headers = [
        ("authorization", values.bearer("access_token")),
        ("linkedin-version", values.text("api_version").to_owned()),
        ("x-restli-protocol-version", "2.0.0".to_owned()),
        ("x-restli-method", "BATCH_CREATE".to_owned()),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    post(values.url("/rest/conversionEvents", &[]), &headers, &json!({ "elements": items }))
}

#[cfg(test)]
mod tests;
