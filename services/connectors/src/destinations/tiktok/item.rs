//! An event as the Events API takes it.

use serde_json::{Map, Value, json};
use tributary_domain::time::Timestamp;

use super::about::ABOUT;
use crate::destinations::{
    OutgoingEvent, RequestError, basket,
    conversion::{attributes, consent, done, event_id, happened, money, put, put_all, put_list},
    matching::{Person, Rule, city, country, hashed, hashed_all, lower, name, postal_code, same, state},
    schema::Values,
};

/// Traits that are hashed, with the forms that TikTok has for them.
const HASHED: [(&str, &str, Rule); 3] =
    [("first_name", "first_name", name), ("last_name", "last_name", name), ("zip_code", "zip", postal_code)];

/// Traits that are sent in clear, likewise.
const CLEAR: [(&str, &str, Rule); 4] = [
    ("city", "city", city),
    ("state", "state", state),
    ("country", "country", country),
    ("locale", "language", same),
];

/// What the browser session tells, with TikTok's names for it.
const BROWSER: [(&str, &str); 3] = [("ttclid", "ttclid"), ("ip", "ip"), ("user_agent", "user_agent")];

/// What is bought, with TikTok's names for it.
const ITEM: [(&str, &str); 7] = [
    ("id", "content_id"),
    ("name", "content_name"),
    ("category", "content_category"),
    ("type", "content_type"),
    ("price", "price"),
    ("quantity", "quantity"),
    ("brand", "brand"),
];

/// Attributes that are told in other words.
const NOT_AS_IT_IS: [&str; 7] =
    ["value", "currency", "content_ids", "contents", "items", "products", "lead_id"];

/// One entry of `data`.
pub(super) fn of(event: &OutgoingEvent, values: Values<'_>, now: Timestamp) -> Result<Value, RequestError> {
    let name = done(&ABOUT, event)?;
    let time = happened(&ABOUT, event, ABOUT.limits.max_age, now)?;
    let person = Person(event);
    let mut item = Map::new();
    item.insert("event".to_owned(), json!(name));
    item.insert("event_time".to_owned(), json!(time.seconds()));
    item.insert("event_id".to_owned(), json!(event_id(event)));
    item.insert("user".to_owned(), user(person)?.into());
    let properties = properties(event, name, values)?;
    if !properties.is_empty() {
        item.insert("properties".to_owned(), properties.into());
    }
    let mut page = Map::new();
    put(&mut page, "url", person.context("url"));
    put(&mut page, "referrer", person.context("referrer"));
    if !page.is_empty() {
        item.insert("page".to_owned(), page.into());
    }
    if let Some(lead) = event.attributes.get("lead_id").filter(|_| values.text("event_source") == "crm") {
        item.insert("lead".to_owned(), json!({ "lead_id": lead }));
    }
    if consent(event, "ad_personalization") == Some(false) {
        item.insert("limited_data_use".to_owned(), json!(true));
    }
    Ok(item.into())
}

fn user(person: Person<'_>) -> Result<Map<String, Value>, RequestError> {
    let mut user = Map::new();
    put_all(&mut user, "email", hashed_all(&person.emails(), lower));
    put_all(&mut user, "phone", hashed_all(&person.phones(), same));
    let ids = person.external_ids().chain(person.identifier("cluid")).map(str::to_owned).collect::<Vec<_>>();
    put_all(&mut user, "external_id", hashed_all(&ids, same));
    put(&mut user, "ttp", person.identifier("ttp").or_else(|| person.context("ttp")));
    for (theirs, ours) in BROWSER {
        put(&mut user, theirs, person.context(ours));
    }
    let has = |name: &str| user.contains_key(name);
    let is_somebody = ["email", "phone", "external_id", "ttp", "ttclid"].into_iter().any(has)
        || (has("ip") && has("user_agent"));
    if !is_somebody {
        let reason = "it says nothing of the person by which TikTok could find them: map an e-mail, a phone number or a cluid";
        return Err(RequestError::Event(reason.to_owned()));
    }
    for (theirs, ours, rule) in HASHED {
        put(&mut user, theirs, person.text(ours).and_then(|value| hashed(&value, rule)));
    }
    for (theirs, ours, rule) in CLEAR {
        put(&mut user, theirs, person.text(ours).and_then(|value| rule(&value)));
    }
    Ok(user)
}

fn properties(
    event: &OutgoingEvent,
    name: &str,
    values: Values<'_>,
) -> Result<Map<String, Value>, RequestError> {
    let mut properties = attributes(event, &NOT_AS_IT_IS);
    match money(event, values.text("default_currency")) {
        Some(money) => {
            properties.insert("value".to_owned(), money.value.into());
            properties.insert("currency".to_owned(), money.currency.into());
        }
        None if matches!(name, "Purchase" | "CompletePayment") => {
            let reason = "a purchase needs its value and its currency: map both";
            return Err(RequestError::Event(reason.to_owned()));
        }
        None => {}
    }
    if let Some(words) = event.attributes.get("search_string") {
        properties.entry("query").or_insert_with(|| words.clone());
    }
    let items = basket::items(event);
    let listed: Vec<Value> = items.iter().map(|item| item.named(&ITEM).into()).collect();
    let ids = basket::ids(event).into_iter().map(|id| json!({ "content_id": id })).collect();
    put_list(&mut properties, "contents", if listed.is_empty() { ids } else { listed });
    Ok(properties)
}
