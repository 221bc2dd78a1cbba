//! LinkedIn's Conversions API.

mod about;
mod item;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::{
    About, Batching, Each, HttpRequest, Item, Judged, OutgoingEvent, Platform, Replies, RequestError,
    Secrets, SettingsError,
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
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        if answer.is_success() { element(&answer, &answer.body["elements"][0]) } else { refused(&answer) }
    }

    fn batching(&self) -> Option<&'static Batching> {
        Some(&BATCHING)
    }
}

static BATCHING: Batching = Batching {
    about: &about::ABOUT,
    item: |event, values, now| Ok(Item::new(item::of(event, values, now)?)),
    envelope: |values, told, _| envelope(values, &told),
    each: Some(each),
};

/// What is said of each of several.
fn each(answer: &Answer<'_>, items: &[Item]) -> Replies {
    if !answer.is_success() {
        return Replies::All(refused(answer));
    }
    let all = answer.body["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
    let each = (0..items.len()).map(|index| {
        let part = all.get(index).cloned().unwrap_or_default();
        Each { judged: element(answer, &part), part }
    });
    Replies::Each(each.collect())
}

/// What is said of one item.
fn element(answer: &Answer<'_>, one: &Value) -> Judged {
    match one["status"].as_u64().and_then(|status| u16::try_from(status).ok()) {
        Some(status) if status >= 300 => {
            answer.judge_item(status, &[one["error"]["code"].as_str().unwrap_or_default()])
        }
        // What became of the event stands in the answer, or it was told alone.
        None if answer.status == 200 => {
            let reason = "LinkedIn answered 200 and did not say what became of the event".to_owned();
            answer.say(Verdict::Retry, reason)
        }
        _ => Judged::delivered(),
    }
}

/// What is said of the whole request.
fn refused(answer: &Answer<'_>) -> Judged {
    answer.judge(&[answer.body["code"].as_str().unwrap_or_default()])
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
