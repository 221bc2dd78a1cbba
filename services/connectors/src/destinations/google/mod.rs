//! Google Ads by the Data Manager API, which took the place of the upload of conversions.

mod about;
mod item;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::time::Timestamp;

use super::{
    About, Batching, HttpRequest, Item, Judged, OutgoingEvent, Platform, RequestError, Secrets,
    SettingsError,
    conversion::post,
    errors::{Answer, Verdict},
    oauth,
    schema::Values,
};

/// The platform `google_ads`.
#[derive(Debug, Clone, Copy)]
pub struct GoogleAds;

impl Platform for GoogleAds {
    fn about(&self) -> &'static About {
        &about::ABOUT
    }

    fn check_settings(&self, settings: &Value, secrets: &Secrets) -> Result<(), SettingsError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        for name in ["customer_id", "login_customer_id"] {
            let number = values.text(name);
            if !number.is_empty() && item::account(number).is_none() {
                let message = "is no account: enter its ten digits, such as 123-456-7890";
                return Err(SettingsError::new(format!("settings.{name}"), message));
            }
        }
        if let Some((name, _)) =
            values.texts("conversions").find(|(_, action)| item::action(action).is_none())
        {
            let path = format!("settings.conversions.{name}");
            return Err(SettingsError::new(path, "is not the id of a conversion action: enter its number"));
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
        let action = item::action_of(event, values)?;
        envelope(values, &action.into(), &[item::of(event, values, now)?])
    }

    /// It takes a request as a whole or not at all, and says which field of which event is wrong, and why.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        if answer.is_success() {
            if answer.body.is_object() {
                return Judged::delivered();
            }
            let reason = format!("Google answered {status} and did not say that it took the event");
            return answer.say(Verdict::Retry, reason);
        }
        let error = &answer.body["error"];
        let details = || error["details"].as_array().into_iter().flatten();
        let of_fields = details()
            .filter_map(|detail| detail["fieldViolations"].as_array())
            .flatten()
            .filter_map(|wrong| wrong["reason"].as_str());
        let of_all = details().filter_map(|detail| detail["reason"].as_str());
        let codes = of_fields.chain(of_all).chain(error["status"].as_str());
        let codes: Vec<&str> = codes.filter(|code| !code.is_empty()).collect();
        answer.judge(&codes)
    }

    fn batching(&self) -> Option<&'static Batching> {
        Some(&BATCHING)
    }
}

/// A request could name the conversion actions of ten events. With one, what is wrong with another sinks nothing.
static BATCHING: Batching = Batching {
    about: &about::ABOUT,
    item: |event, values, now| {
        let action = item::action_of(event, values)?;
        Ok(Item::new(item::of(event, values, now)?).beside(action.into()))
    },
    envelope: |values, told, action| envelope(values, &action, &told),
    each: None,
};

/// The request for these items, all of one conversion action.
fn envelope(values: Values<'_>, action: &Value, items: &[Value]) -> Result<HttpRequest, RequestError> {
    let account = |name: &str| {
        item::account(values.text(name)).map(|id| json!({"accountType": "GOOGLE_ADS", "accountId": id}))
    };
    let customer = account("customer_id").ok_or_else(|| {
        SettingsError::new(
            "settings.customer_id",
            "is no account: enter its ten digits, such as 123-456-7890",
        )
    })?;
    // Each event refers to its conversion action; the request says once whose that is.
    let mut destination =
        json!({"reference": action, "operatingAccount": customer, "productDestinationId": action});
    if let Some(manager) = account("login_customer_id") {
        destination["loginAccount"] = manager;
    }
    let mut body = json!({"destinations": [destination], "events": items, "encoding": "HEX"});
    if values.flag("test_mode") {
        body["validateOnly"] = json!(true);
    }
    let url = values.url(&format!("/{}/events:ingest", values.text("api_version")), &[]);
    let bearer = values.bearer("");
    post(url, &[("authorization", bearer.as_str())], &body)
}

#[cfg(test)]
mod tests;
