//! TikTok's Events API 2.0.

mod about;
mod item;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::{
    About, Batching, HttpRequest, Item, Judged, OutgoingEvent, Platform, RequestError, Secrets,
    conversion::post, errors::Answer, schema::Values,
};

/// The platform `tiktok`.
#[derive(Debug, Clone, Copy)]
pub struct TikTok;

impl Platform for TikTok {
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
        envelope(values, &[item::of(event, values, now)?])
    }

    /// It answers 200 to nearly everything; the code in the body says what it means.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        match answer.body["code"].as_u64() {
            Some(0) if answer.is_success() => Judged::delivered(),
            Some(code) if code >= 50_000 => answer.judge_as(500, &[&code.to_string()]),
            // With a status that says that it went well, an unknown code is a refusal.
            Some(code) if answer.is_success() => answer.judge_as(400, &[&code.to_string()]),
            Some(code) => answer.judge(&[&code.to_string()]),
            None if answer.is_success() => answer.judge_as(502, &[]),
            None => answer.judge(&[]),
        }
    }

    fn batching(&self) -> Option<&'static Batching> {
        Some(&BATCHING)
    }
}

static BATCHING: Batching = Batching {
    about: &about::ABOUT,
    item: |event, values, now| Ok(Item::new(item::of(event, values, now)?)),
    envelope: |values, told, _| envelope(values, &told),
    each: None,
};

/// The request for these items.
fn envelope(values: Values<'_>, items: &[Value]) -> Result<HttpRequest, RequestError> {
    let mut body = json!({
        "event_source": values.text("event_source"),
        "event_source_id": values.text("event_source_id"),
        "data": items,
    });
    let test = values.text("test_event_code");
    if !test.is_empty() {
        body["test_event_code"] = json!(test);
    }
    let url = values.url(&format!("/open_api/{}/event/track/", values.text("api_version")), &[]);
    post(url, &[("access-token", values.secret("access_token"))], &body)
}

#[cfg(test)]
mod tests;
