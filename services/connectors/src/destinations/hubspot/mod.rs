//! HubSpot: the contact of an event is made or brought up to date.

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
        envelope(values, &[item::of(event, values)?.into_told()])
    }

    /// 207 says that not all went well, and an answer that says that all went well and names no contact has changed none.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        if let Some(judged) = of_all(&answer) {
            return judged;
        }
        match (answer.body["errors"][0].as_object(), answer.body["results"][0].as_object()) {
            (Some(_), _) => answer.judge_item(400, &[category(&answer.body["errors"][0])]),
            (None, Some(_)) => Judged::delivered(),
            (None, None) => unnamed(&answer),
        }
    }

    fn batching(&self) -> Option<&'static Batching> {
        Some(&BATCHING)
    }
}

static BATCHING: Batching = Batching {
    about: &about::ABOUT,
    item: |event, values, _| item::of(event, values),
    envelope: numbered,
    each: Some(each),
};

/// What is said of each of several.
fn each(answer: &Answer<'_>, items: &[Item]) -> Replies {
    if let Some(judged) = of_all(answer) {
        return Replies::All(judged);
    }
    let list = |name: &str| answer.body[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let (results, errors) = (list("results"), list("errors"));
    // An error that names no contact is of those that are named nowhere.
    let of_nobody = errors.iter().find(|error| traces(error).next().is_none());
    let each = items.iter().enumerate().map(|(number, item)| {
        let number = number.to_string();
        let is_named = |result: &&Value| {
            items.len() == 1
                || result["objectWriteTraceId"] == number.as_str()
                || result["properties"]["email"]
                    .as_str()
                    .is_some_and(|email| email.to_lowercase() == item.once())
        };
        let error = errors.iter().find(|error| traces(error).any(|trace| trace == number));
        if let Some(error) = error {
            return Each { judged: answer.judge_item(400, &[category(error)]), part: error.clone() };
        }
        if let Some(result) = results.iter().find(is_named) {
            return Each { judged: Judged::delivered(), part: result.clone() };
        }
        let judged = match of_nobody {
            Some(error) => answer.judge_item(400, &[category(error)]),
            None => unnamed(answer),
        };
        Each { judged, part: Value::Null }
    });
    Replies::Each(each.collect())
}

/// The request for several contacts: what is wrong with one is told by its number. Of one alone there is nothing to tell apart.
fn numbered(values: Values<'_>, mut told: Vec<Value>, _: Value) -> Result<HttpRequest, RequestError> {
    if told.len() > 1 {
        for (number, input) in told.iter_mut().enumerate() {
            input["objectWriteTraceId"] = number.to_string().into();
        }
    }
    envelope(values, &told)
}

/// What the answer says of all contacts; nothing where it says of each its own.
fn of_all(answer: &Answer<'_>) -> Option<Judged> {
    if !answer.is_success() {
        return Some(answer.judge(&[category(&answer.body)]));
    }
    if !answer.is_cut {
        return None;
    }
    // A try more would do it again, and be answered as long.
    Some(if answer.status == 207 {
        answer.say(Verdict::Permanent, "HubSpot answered 207, and more of why than is read".to_owned())
    } else {
        Judged::delivered()
    })
}

fn unnamed(answer: &Answer<'_>) -> Judged {
    let reason = format!("HubSpot answered {} and named no contact: it has changed none", answer.status);
    answer.say(Verdict::Retry, reason)
}

fn category(error: &Value) -> &str {
    error["category"].as_str().unwrap_or_default()
}

/// The numbers of the contacts that an error is about.
fn traces(error: &Value) -> impl Iterator<Item = &str> {
    error["context"]["objectWriteTraceId"].as_array().into_iter().flatten().filter_map(Value::as_str)
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
