//! An event as the Conversions API takes it.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tributary_domain::time::Timestamp;

use super::about::ABOUT;
use crate::destinations::{
    OutgoingEvent, RequestError,
    about::days,
    basket,
    conversion::{attributes, consent, done, event_id, happened, money, put, put_all, put_list},
    matching::{
        Person, Rule, birth_date, city, country, digits, gender, hashed, hashed_all, lower, name,
        postal_code, same, state,
    },
    schema::Values,
};

/// How old an event may be, in days.
pub(super) const AGE: u64 = 7;
/// How many days old an event of a shop on the street may be: Meta's guide to offline events has transactions uploaded within 62
/// days, where all others have seven.
const STORE_AGE: u64 = 62;

/// Traits with the names and the forms that Meta has for them.
const TRAITS: [(&str, &str, Rule); 8] = [
    ("fn", "first_name", name),
    ("ln", "last_name", name),
    ("ct", "city", city),
    ("st", "state", state),
    ("zp", "zip", postal_code),
    ("country", "country", country),
    ("ge", "gender", gender),
    ("db", "date_of_birth", birth_date),
];

/// What is bought, with Meta's names for it.
const ITEM: [(&str, &str); 3] = [("id", "id"), ("quantity", "quantity"), ("price", "item_price")];

/// How old an event may be that took place there.
pub(super) fn max_age(action_source: &str) -> Duration {
    days(if action_source == "physical_store" { STORE_AGE } else { AGE })
}

/// One entry of `data`.
pub(super) fn of(event: &OutgoingEvent, values: Values<'_>, now: Timestamp) -> Result<Value, RequestError> {
    let name = done(&ABOUT, event)?;
    let person = Person(event);
    let source = action_source(person, values.text("action_source"))?;
    let time = happened(&ABOUT, event, Some(max_age(source)), now)?;
    let mut item = Map::new();
    item.insert("event_name".to_owned(), json!(name));
    item.insert("event_time".to_owned(), json!(time.seconds()));
    item.insert("event_id".to_owned(), json!(event_id(event)));
    item.insert("action_source".to_owned(), json!(source));
    if source == "website" {
        put(&mut item, "event_source_url", person.context("url"));
        put(&mut item, "referrer_url", person.context("referrer"));
    }
    item.insert("user_data".to_owned(), user_data(person, time)?.into());
    let custom = custom_data(event, name, values)?;
    if !custom.is_empty() {
        item.insert("custom_data".to_owned(), custom.into());
    }
    // Who does not want ads to be made for them is still counted, and no ads are optimised with it.
    if consent(event, "ad_personalization") == Some(false) {
        item.insert("opt_out".to_owned(), json!(true));
    }
    if values.flag("limited_data_use") {
        item.insert("data_processing_options".to_owned(), json!(["LDU"]));
        item.insert("data_processing_options_country".to_owned(), json!(0));
        item.insert("data_processing_options_state".to_owned(), json!(0));
    }
    Ok(item.into())
}

fn action_source<'a>(person: Person<'_>, set: &'a str) -> Result<&'a str, RequestError> {
    let is_of_a_page = person.context("url").is_some() && person.context("user_agent").is_some();
    match set {
        "auto" if is_of_a_page => Ok("website"),
        "auto" => Ok("system_generated"),
        "website" if !is_of_a_page => Err(RequestError::Event(
            "Meta wants the page and the browser of events of a website, and this one knows neither: map its cluid, or set \
             `action_source` to `auto`"
                .to_owned(),
        )),
        set => Ok(set),
    }
}

fn user_data(person: Person<'_>, time: Timestamp) -> Result<Map<String, Value>, RequestError> {
    let mut data = Map::new();
    put_all(&mut data, "em", hashed_all(&person.emails(), lower));
    put_all(&mut data, "ph", hashed_all(&person.phones(), digits));
    for (theirs, ours, rule) in TRAITS {
        put(&mut data, theirs, person.text(ours).and_then(|value| hashed(&value, rule)));
    }
    let ids = person.external_ids().chain(person.identifier("cluid")).map(str::to_owned).collect::<Vec<_>>();
    put_all(&mut data, "external_id", hashed_all(&ids, same));
    put(&mut data, "fbc", fbc(person, time));
    put(&mut data, "fbp", person.context("fbp").or_else(|| person.identifier("fbp")));
    // An address and a browser alone are many people's.
    let is_anybody = data.is_empty();
    put(&mut data, "client_ip_address", person.context("ip"));
    put(&mut data, "client_user_agent", person.context("user_agent"));
    if is_anybody && data.len() < 2 {
        let reason = "it says nothing of the person by which Meta could find them: map an e-mail, a phone number or a cluid";
        return Err(RequestError::Event(reason.to_owned()));
    }
    Ok(data)
}

/// The click: as its cookie has it, or made of the click's id, which keeps its capitals.
fn fbc(person: Person<'_>, time: Timestamp) -> Option<String> {
    let made = || person.context("fbclid").map(|click| format!("fb.1.{}.{click}", time.millis()));
    person.context("fbc").map(str::to_owned).or_else(made)
}

fn custom_data(
    event: &OutgoingEvent,
    name: &str,
    values: Values<'_>,
) -> Result<Map<String, Value>, RequestError> {
    let mut data = attributes(event, &["value", "currency", "contents", "items", "products", "content_ids"]);
    let items: Vec<Value> = basket::items(event).iter().map(|item| item.named(&ITEM).into()).collect();
    put_list(&mut data, "content_ids", basket::ids(event));
    put_list(&mut data, "contents", items);
    match money(event, values.text("default_currency")) {
        Some(money) => {
            data.insert("value".to_owned(), money.value.into());
            data.insert("currency".to_owned(), money.currency.into());
        }
        None if name == "Purchase" => {
            let reason = "a purchase needs its value and its currency: map both";
            return Err(RequestError::Event(reason.to_owned()));
        }
        None => {}
    }
    Ok(data)
}
