//! An event as the Data Manager API takes it.

use serde_json::{Map, Value, json};
use tributary_domain::time::Timestamp;

use super::about::ABOUT;
use crate::destinations::{
    OutgoingEvent, RequestError, basket,
    conversion::{consent, done, event_id, happened, money, put, put_list},
    matching::{Person, country, google_email, hashed, hashed_all, name, same},
    schema::Values,
};

/// Most identifiers of a person in one event.
const MAX_IDENTIFIERS: usize = 10;

/// Ids of a click.
const CLICKS: [&str; 3] = ["gclid", "gbraid", "wbraid"];

/// What is bought, with Google's names for it.
const ITEM: [(&str, &str); 3] =
    [("id", "merchantProductId"), ("quantity", "quantity"), ("price", "unitPrice")];

/// The number of an account, also where it is written with hyphens; nothing where it is none.
pub(super) fn account(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|character| *character != '-').collect();
    (digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// The number of a conversion action, of that or of its resource's name; nothing where it is neither.
pub(super) fn action(text: &str) -> Option<&str> {
    let text = text.trim();
    let number = text.rsplit_once("/conversionActions/").map_or(text, |(_, number)| number);
    let is_number = (1..=20).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

/// The number of the conversion action that counts the event.
pub(super) fn action_of<'a>(event: &OutgoingEvent, values: Values<'a>) -> Result<&'a str, RequestError> {
    let name = done(&ABOUT, event)?;
    let set = values.texts("conversions").find(|(ours, _)| *ours == name);
    set.and_then(|(_, number)| action(number))
        .ok_or_else(|| refused("no conversion action is set for its name: add one to `conversions`"))
}

/// One entry of `events`.
pub(super) fn of(event: &OutgoingEvent, values: Values<'_>, now: Timestamp) -> Result<Value, RequestError> {
    let action = action_of(event, values)?;
    let time = happened(&ABOUT, event, ABOUT.limits.max_age, now)?;
    let (user_data, personal) = (consent(event, "ad_user_data"), consent(event, "ad_personalization"));
    if user_data == Some(false) {
        // Google drops such an event, and says so to nobody who sent it.
        return Err(refused("its person did not agree that Google gets their data (`ad_user_data`)"));
    }
    let person = Person(event);
    let mut item = Map::new();
    item.insert("destinationReferences".to_owned(), json!([action]));
    item.insert("transactionId".to_owned(), event_id(event).into());
    item.insert("eventTimestamp".to_owned(), time.to_string().into());
    item.insert("eventSource".to_owned(), source(person, values.text("event_source")).into());
    let identifiers = identifiers(person);
    let clicks = clicks(person);
    if identifiers.is_empty() && !CLICKS.iter().any(|click| clicks.contains_key(*click)) {
        return Err(refused(
            "it says nothing of the person or their click by which Google could find them: map an e-mail, a phone number or a cluid",
        ));
    }
    if !identifiers.is_empty() {
        item.insert("userData".to_owned(), json!({ "userIdentifiers": identifiers }));
    }
    put_object(&mut item, "adIdentifiers", clicks);
    put_object(&mut item, "eventDeviceInfo", device(person, values));
    put_object(&mut item, "consent", agreed(user_data, personal));
    if let Some(money) = money(event, values.text("default_currency")) {
        item.insert("conversionValue".to_owned(), money.value.into());
        item.insert("currency".to_owned(), money.currency.into());
    }
    let bought = basket::items(event);
    let bought: Vec<Value> = bought.iter().map(|one| whole(one.named(&ITEM)).into()).collect();
    if !bought.is_empty() {
        item.insert("cartData".to_owned(), json!({ "items": bought }));
    }
    put_list(&mut item, "customVariables", variables(event, values));
    Ok(item.into())
}

fn refused(reason: &str) -> RequestError {
    RequestError::Event(reason.to_owned())
}

fn put_object(item: &mut Map<String, Value>, name: &str, object: Map<String, Value>) {
    put(item, name, (!object.is_empty()).then_some(object));
}

fn source<'a>(person: Person<'_>, set: &'a str) -> &'a str {
    let is_of_a_page = person.context("url").is_some() && person.context("user_agent").is_some();
    match set {
        "auto" if is_of_a_page => "WEB",
        "auto" => "OTHER",
        set => set,
    }
}

/// What Google finds the person by, the addresses first: of several, the later ones say the least.
fn identifiers(person: Person<'_>) -> Vec<Value> {
    let emails =
        hashed_all(&person.emails(), google_email).into_iter().map(|hash| json!({"emailAddress": hash}));
    let phones = hashed_all(&person.phones(), same).into_iter().map(|hash| json!({"phoneNumber": hash}));
    let address = address(person).map(|address| json!({ "address": address }));
    let most = MAX_IDENTIFIERS - usize::from(address.is_some());
    emails.chain(phones).take(most).chain(address).collect()
}

/// An address is taken whole or not at all.
fn address(person: Person<'_>) -> Option<Value> {
    let hash = |of_trait: &str| person.text(of_trait).and_then(|value| hashed(&value, name));
    let region = person.text("country").and_then(|value| country(&value))?.to_ascii_uppercase();
    Some(json!({
        "givenName": hash("first_name")?, "familyName": hash("last_name")?,
        "regionCode": region, "postalCode": person.clear_text("zip")?,
    }))
}

fn clicks(person: Person<'_>) -> Map<String, Value> {
    let mut clicks = Map::new();
    for click in CLICKS {
        put(&mut clicks, click, person.context(click));
    }
    put(&mut clicks, "sessionAttributes", person.context("session_attributes"));
    clicks
}

fn device(person: Person<'_>, values: Values<'_>) -> Map<String, Value> {
    let mut device = Map::new();
    put(&mut device, "userAgent", person.context("user_agent"));
    put(&mut device, "ipAddress", person.context("ip").filter(|_| values.flag("send_ip")));
    device
}

fn agreed(user_data: Option<bool>, personal: Option<bool>) -> Map<String, Value> {
    let word = |agreed: bool| if agreed { "CONSENT_GRANTED" } else { "CONSENT_DENIED" };
    let mut all = Map::new();
    put(&mut all, "adUserData", user_data.map(word));
    put(&mut all, "adPersonalization", personal.map(word));
    all
}

/// An item whose quantity is one that can be counted: Google takes no parts of one.
fn whole(mut item: Map<String, Value>) -> Map<String, Value> {
    if item.get("quantity").is_some_and(|quantity| !quantity.is_u64()) {
        item.remove("quantity");
    }
    item
}

/// Google's variables with what the event has for them.
fn variables(event: &OutgoingEvent, values: Values<'_>) -> Vec<Value> {
    let value = |attribute: &str| match event.attributes.get(attribute)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    let set = values.texts("custom_variables");
    set.filter_map(|(variable, attribute)| Some(json!({"variable": variable, "value": value(attribute)?})))
        .collect()
}
