//! An event as the Measurement Protocol takes it.

use serde_json::{Map, Value, json};
use tributary_domain::{booking::FollowUpKind, time::Timestamp};

use super::{about::ABOUT, names};
use crate::destinations::{
    OutgoingEvent, RequestError, basket,
    conversion::{attributes, consent, done, happened, money, number, put, put_list},
    matching::{Person, google_email, hashed, hashed_all, name, same},
    schema::Values,
};

/// Most parameters of an event.
const MAX_PARAMS: usize = 25;
/// The longest text of a parameter, in characters.
const MAX_TEXT: usize = 100;
/// The longest address of a page, in characters.
const MAX_PAGE: usize = 1_000;

/// Most items of an event.
const MAX_ITEMS: usize = 200;

/// What is bought, with Google's names for it.
const ITEM: [(&str, &str); 8] = [
    ("id", "item_id"),
    ("name", "item_name"),
    ("price", "price"),
    ("quantity", "quantity"),
    ("brand", "item_brand"),
    ("category", "item_category"),
    ("variant", "item_variant"),
    ("position", "index"),
];

/// Attributes with the names that Google has for them.
const RENAMED: [(&str, &str); 3] =
    [("order_id", "transaction_id"), ("search_string", "search_term"), ("page_url", "page_location")];

/// What is said of the person and the time of an event, beside the events.
pub(super) fn whose(
    event: &OutgoingEvent,
    values: Values<'_>,
    now: Timestamp,
) -> Result<Value, RequestError> {
    let person = Person(event);
    let time = happened(&ABOUT, event, ABOUT.limits.max_age, now)?;
    let mut body = Map::new();
    body.insert("client_id".to_owned(), client_id(event)?.into());
    body.insert("timestamp_micros".to_owned(), json!(time.micros()));
    // Google forbids addresses there, and some systems use them as ids.
    put(&mut body, "user_id", person.external_ids().find(|id| !id.contains('@')));
    put(&mut body, "ip_override", person.context("ip"));
    let (user_data, personal) = (consent(event, "ad_user_data"), consent(event, "ad_personalization"));
    let consents: Map<String, Value> = [("ad_user_data", user_data), ("ad_personalization", personal)]
        .into_iter()
        .filter_map(|(name, agreed)| {
            Some((name.to_owned(), if agreed? { "GRANTED" } else { "DENIED" }.into()))
        })
        .collect();
    if !consents.is_empty() {
        body.insert("consent".to_owned(), consents.into());
    }
    if values.flag("send_user_data") && user_data != Some(false) {
        let data = provided(person);
        if !data.is_empty() {
            body.insert("user_data".to_owned(), data.into());
        }
    }
    Ok(body.into())
}

/// The browser: by Google's own cookie where it is known, and else by what stays the same for it, or for its person.
fn client_id(event: &OutgoingEvent) -> Result<String, RequestError> {
    let person = Person(event);
    if let Some(cookie) = person.identifier("ga_client_id").or_else(|| person.context("ga_client_id")) {
        // `GA1.1.` says of the cookie where it is valid, and is no part of the id.
        let parts: Vec<&str> = cookie.split('.').collect();
        return Ok(match parts.as_slice() {
            [version, _, first, second] if version.starts_with("GA") => format!("{first}.{second}"),
            _ => cookie.to_owned(),
        });
    }
    let stable = person.identifier("cluid").or_else(|| person.identifier("anonymous_id")).map(str::to_owned);
    let profile = || event.profile.map(|profile| profile.to_string());
    stable.or_else(profile).ok_or_else(|| {
        RequestError::Event(
            "it belongs to no browser and no person: map a cluid or a `ga_client_id`".to_owned(),
        )
    })
}

/// What people said of themselves, hashed in Google's forms.
fn provided(person: Person<'_>) -> Map<String, Value> {
    let mut data = Map::new();
    let lists = [
        ("sha256_email_address", hashed_all(&person.emails(), google_email)),
        ("sha256_phone_number", hashed_all(&person.phones(), same)),
    ];
    for (name, hashes) in lists {
        if !hashes.is_empty() {
            data.insert(name.to_owned(), hashes.into());
        }
    }
    let mut address = Map::new();
    let hash = |of_trait: &str| person.text(of_trait).and_then(|value| hashed(&value, name));
    if let (Some(first), Some(last)) = (hash("first_name"), hash("last_name")) {
        address.insert("sha256_first_name".to_owned(), first.into());
        address.insert("sha256_last_name".to_owned(), last.into());
        for (theirs, ours) in
            [("city", "city"), ("region", "state"), ("postal_code", "zip"), ("country", "country")]
        {
            put(&mut address, theirs, person.clear_text(ours));
        }
        data.insert("address".to_owned(), json!([address]));
    }
    data
}

/// One entry of `events`.
pub(super) fn of(event: &OutgoingEvent, values: Values<'_>) -> Result<Value, RequestError> {
    let ours = done(&ABOUT, event)?;
    let theirs = match event.follow_up.map(|earlier| earlier.kind) {
        None => names::of(ours).ok_or_else(|| {
            RequestError::Event(
                "Google keeps the event's name for itself: give it another one in `event_names`".to_owned(),
            )
        })?,
        Some(FollowUpKind::Retract) if ours == "purchase" && event.attributes.contains_key("order_id") => {
            "refund".to_owned()
        }
        Some(_) => {
            let reason =
                "Google Analytics takes back nothing but purchases with an `order_id`, and changes nothing";
            return Err(RequestError::Event(reason.to_owned()));
        }
    };
    let params = params(event, &theirs, values)?;
    Ok(json!({ "name": theirs, "params": params }))
}

fn params(event: &OutgoingEvent, name: &str, values: Values<'_>) -> Result<Map<String, Value>, RequestError> {
    let person = Person(event);
    let mut params = Map::new();
    // Without it, the event shows in no report of what is happening now.
    let engagement = event.attributes.get("engagement_time_msec").and_then(number);
    params.insert("engagement_time_msec".to_owned(), engagement.unwrap_or_else(|| 1.into()).into());
    match money(event, values.text("default_currency")) {
        Some(money) => {
            params.insert("value".to_owned(), money.value.into());
            params.insert("currency".to_owned(), money.currency.into());
        }
        None if matches!(name, "purchase" | "refund") => {
            let reason = "Google wants the value and the currency of a purchase: map both";
            return Err(RequestError::Event(reason.to_owned()));
        }
        None => {}
    }
    put(&mut params, "page_location", person.context("url").map(|url| cut(url, MAX_PAGE)));
    put(&mut params, "page_referrer", person.context("referrer").map(|url| cut(url, MAX_PAGE)));
    put_list(&mut params, "items", bought(event));
    let theirs =
        |ours: &str| RENAMED.iter().find(|(name, _)| *name == ours).map(|(_, theirs)| (*theirs).to_owned());
    let rest = attributes(event, &["value", "currency", "content_ids", "contents", "items", "products"]);
    // What Google has a name for comes first: there is not always room for all.
    let (known, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(ours, _)| theirs(ours).is_some());
    for (ours, value) in known.into_iter().chain(others) {
        let renamed = theirs(&ours);
        let (Some(name), Some(value)) = (renamed.or_else(|| names::of(&ours)), parameter(&value)) else {
            continue;
        };
        if params.len() < MAX_PARAMS && !params.contains_key(&name) {
            params.insert(name, value);
        }
    }
    Ok(params)
}

/// What is bought, with all that is known of it.
fn bought(event: &OutgoingEvent) -> Vec<Value> {
    let items = basket::items(event);
    if items.is_empty() {
        return basket::ids(event).into_iter().map(|id| json!({ "item_id": id })).collect();
    }
    let item = |item: &basket::Item<'_>| {
        let mut told = item.named(&ITEM);
        for (name, value) in item.rest() {
            if let (Some(name), Some(value)) = (names::of(name), parameter(value)) {
                told.entry(name).or_insert(value);
            }
        }
        told.into()
    };
    items.iter().take(MAX_ITEMS).map(item).collect()
}

/// A value as a parameter takes it: no list, and nothing in it.
fn parameter(value: &Value) -> Option<Value> {
    match value {
        Value::Number(number) => Some(number.clone().into()),
        _ => plain(value),
    }
}

fn plain(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(cut(text, MAX_TEXT).into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(flag) => Some(flag.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}
