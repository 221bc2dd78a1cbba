//! Google Analytics 4 by the Measurement Protocol.

mod about;
mod item;
mod names;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::{
    About, Batching, HttpRequest, Item, Judged, OutgoingEvent, Platform, RequestError, Secrets,
    conversion::post, errors::Answer, schema::Values,
};

/// Where the time stands: beside the events, or with each.
const TIME: &str = "timestamp_micros";

/// The platform `ga4`.
#[derive(Debug, Clone, Copy)]
pub struct Ga4;

impl Platform for Ga4 {
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
        envelope(values, item::whose(event, values, now)?, &[item::of(event, values)?])
    }

    /// It answers 204 to whatever it is sent; only its validation server says what it thinks of an event.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        if !answer.is_success() {
            return answer.judge(&[]);
        }
        match answer.body["validationMessages"].as_array().and_then(|messages| messages.first()) {
            Some(message) => {
                let code = message["validationCode"].as_str().unwrap_or("VALUE_INVALID");
                answer.judge_as(400, &[code])
            }
            None => Judged::delivered(),
        }
    }

    fn batching(&self) -> Option<&'static Batching> {
        Some(&BATCHING)
    }
}

/// A request is of one browser; each of several events has a time of its own.
static BATCHING: Batching = Batching {
    about: &about::ABOUT,
    item: |event, values, now| {
        let mut whose = item::whose(event, values, now)?;
        let mut told = item::of(event, values)?;
        told[TIME] = whose[TIME].take();
        Ok(Item::new(told).beside(whose))
    },
    envelope: |values, mut told, mut whose| {
        if let [alone] = told.as_mut_slice() {
            whose[TIME] = alone[TIME].take();
            alone.as_object_mut().map(|alone| alone.remove(TIME));
        } else {
            whose.as_object_mut().map(|whose| whose.remove(TIME));
        }
        envelope(values, whose, &told)
    },
    each: None,
};

/// The request for these events, all of one person.
fn envelope(values: Values<'_>, mut whose: Value, events: &[Value]) -> Result<HttpRequest, RequestError> {
    whose["events"] = json!(events);
    let path = if values.flag("test_mode") { "/debug/mp/collect" } else { "/mp/collect" };
    let query =
        [("measurement_id", values.text("measurement_id")), ("api_secret", values.secret("api_secret"))];
    post(values.url(path, &query), &[], &whose)
}

#[cfg(test)]
mod tests;
