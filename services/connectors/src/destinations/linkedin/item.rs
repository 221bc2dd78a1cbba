//! An event as LinkedIn takes it.

use serde_json::{Map, Value, json};
use tributary_domain::time::Timestamp;

use super::about::ABOUT;
use crate::destinations::{
    OutgoingEvent, RequestError,
    conversion::{done, event_id, happened, money, put},
    matching::{Person, country, hashed_all, lower},
    schema::Values,
};

const URN: &str = "urn:lla:llaPartnerConversion:";

/// The name of a conversion rule, of its number or its name; nothing where it is neither.
pub(super) fn rule_of(text: &str) -> Option<String> {
    let number = text.trim().strip_prefix(URN).unwrap_or(text.trim());
    let is_number = (1..=20).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{URN}{number}"))
}

/// One entry of `elements`.
pub(super) fn of(event: &OutgoingEvent, values: Values<'_>, now: Timestamp) -> Result<Value, RequestError> {
    let name = done(&ABOUT, event)?;
    let set = values.texts("conversions").find(|(ours, _)| *ours == name);
    let rule = set.and_then(|(_, rule)| rule_of(rule)).ok_or_else(|| {
        RequestError::Event("no conversion rule is set for its name: add one to `conversions`".to_owned())
    })?;
    let time = happened(&ABOUT, event, ABOUT.limits.max_age, now)?;
    let mut item = Map::new();
    item.insert("conversion".to_owned(), rule.into());
    item.insert("conversionHappenedAt".to_owned(), json!(time.millis()));
    item.insert("eventId".to_owned(), event_id(event).into());
    if let Some(money) = money(event, values.text("default_currency")) {
        let value = json!({ "currencyCode": money.currency, "amount": money.value.to_string() });
        item.insert("conversionValue".to_owned(), value);
    }
    item.insert("user".to_owned(), user(Person(event))?.into());
    Ok(item.into())
}

fn user(person: Person<'_>) -> Result<Map<String, Value>, RequestError> {
    let id = |kind: &str, value: &str| json!({ "idType": kind, "idValue": value });
    let mut ids: Vec<Value> =
        hashed_all(&person.emails(), lower).iter().map(|hash| id("SHA256_EMAIL", hash)).collect();
    ids.extend(person.context("li_fat_id").map(|value| id("LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", value)));
    let mut info = Map::new();
    // A name is taken whole or not at all.
    if let (Some(first), Some(last)) = (person.clear_text("first_name"), person.clear_text("last_name")) {
        info.insert("firstName".to_owned(), first.into());
        info.insert("lastName".to_owned(), last.into());
        put(&mut info, "companyName", person.clear_text("company"));
        put(&mut info, "title", person.clear_text("job_title"));
        let code = person.text("country").and_then(|value| country(&value));
        put(&mut info, "countryCode", code.map(|code| code.to_ascii_uppercase()));
    }
    if ids.is_empty() && info.is_empty() {
        let reason = "it says nothing of the person by which LinkedIn could find them: map an e-mail address or a cluid";
        return Err(RequestError::Event(reason.to_owned()));
    }
    let mut user = Map::new();
    user.insert("userIds".to_owned(), ids.into());
    if !info.is_empty() {
        user.insert("userInfo".to_owned(), info.into());
    }
    Ok(user)
}
