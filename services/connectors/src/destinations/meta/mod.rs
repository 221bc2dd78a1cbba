//! Meta's Conversions API: events of a pixel or dataset, told by the server.

mod about;
mod item;

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::{
    About, Batching, HttpRequest, Item, Judged, OutgoingEvent, Platform, RequestError, Secrets,
    conversion::post,
    errors::{Answer, Verdict},
    schema::Values,
};

/// The platform `meta`.
#[derive(Debug, Clone, Copy)]
pub struct Meta;

impl Platform for Meta {
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

    /// The status says little: errors of tokens have come with 500. What counts is the code, and whether it says of itself
    /// that it passes.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        let error = &answer.body["error"];
        if error.is_null() {
            return match answer.body["events_received"].as_u64() {
                Some(_) if answer.is_success() => Judged::delivered(),
                // A page of something in between, or an answer that broke off. The event's id keeps it from counting twice.
                None if answer.is_success() => {
                    let reason = format!("Meta answered {status} and did not say that it took the event");
                    answer.say(Verdict::Retry, reason)
                }
                _ => answer.judge(&[]),
            };
        }
        let code = error["code"].as_u64().unwrap_or_default();
        let plain = code.to_string();
        let exact = match error["error_subcode"].as_u64() {
            Some(subcode) if subcode > 0 => format!("{code}/{subcode}"),
            _ => plain.clone(),
        };
        let family = match code {
            // All of them are about rights.
            10 | 200..=299 => "200",
            _ => &plain,
        };
        if error["is_transient"] == json!(true) && !answer.is_too_often(&[&plain]) {
            return answer.judge_as(503, &[]);
        }
        answer.judge(&[&exact, family])
    }

    fn max_age(&self, settings: &Value) -> Option<Duration> {
        Some(item::max_age(settings["action_source"].as_str().unwrap_or_default()))
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
    let mut body = json!({ "data": items });
    let test = values.text("test_event_code");
    if !test.is_empty() {
        body["test_event_code"] = json!(test);
    }
    let path = format!("/{}/{}/events", values.text("api_version"), values.text("dataset_id"));
    let url = values.url(&path, &[("access_token", values.secret("access_token"))]);
    post(url, &[], &body)
}

#[cfg(test)]
mod tests;
