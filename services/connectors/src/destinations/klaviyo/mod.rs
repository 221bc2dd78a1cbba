//! Klaviyo: events become metrics of profiles, and identify events the profiles themselves.

mod about;
mod item;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::{time::Timestamp, workflow::spec::Kind};

use super::{
    About, HttpRequest, Judged, OutgoingEvent, Platform, RequestError, Secrets, conversion::post,
    errors::Answer, schema::Values,
};

/// The platform `klaviyo`.
#[derive(Debug, Clone, Copy)]
pub struct Klaviyo;

impl Platform for Klaviyo {
    fn about(&self) -> &'static About {
        &about::ABOUT
    }

    fn request(
        &self,
        settings: &Value,
        secrets: &Secrets,
        event: &OutgoingEvent,
        now: Timestamp,
    ) -> Result<HttpRequest, RequestError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        let (path, data) = match event.kind {
            Kind::Identify => ("/api/profile-import", item::profile(event)?),
            Kind::Track | Kind::Group => ("/api/events", item::of(event, values, now)?),
        };
        envelope(values, path, &data)
    }

    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        if answer.is_success() {
            return Judged::delivered();
        }
        answer.judge(&[answer.body["errors"][0]["code"].as_str().unwrap_or_default()])
    }
}

/// The request for this resource.
fn envelope(values: Values<'_>, path: &str, data: &Value) -> Result<HttpRequest, RequestError> {
    let key = format!("Klaviyo-API-Key {}", values.secret("api_key"));
    let headers = [
        ("authorization", key.as_str()),
        ("revision", values.text("revision")),
        ("accept", "application/json"),
    ];
    post(values.url(path, &[]), &headers, &json!({ "data": data }))
}

#[cfg(test)]
mod tests;
