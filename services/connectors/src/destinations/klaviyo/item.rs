//! Events and profiles as Klaviyo takes them.

use serde_json::{Map, Value, json};
use tributary_domain::{booking::Why, time::Timestamp};

use super::about::ABOUT;
use crate::destinations::{
    OutgoingEvent, RequestError,
    conversion::{attributes, done, event_id, happened, money, number, put},
    matching::Person,
    schema::Values,
};

/// Traits that are attributes of a profile, with Klaviyo's names for them.
const ATTRIBUTES: [(&str, &str); 5] = [
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("organization", "company"),
    ("title", "job_title"),
    ("locale", "language"),
];

/// Traits that are a profile's location, likewise.
const LOCATION: [(&str, &str); 6] = [
    ("address1", "street"),
    ("city", "city"),
    ("region", "state"),
    ("zip", "zip"),
    ("country", "country"),
    ("timezone", "time_zone"),
];

/// An event with its profile.
pub(super) fn of(event: &OutgoingEvent, values: Values<'_>, now: Timestamp) -> Result<Value, RequestError> {
    let name = done(&ABOUT, event)?;
    let time = happened(&ABOUT, event, ABOUT.limits.max_age, now)?;
    let mut properties = attributes(event, &["value", "currency"]);
    let mut metric = name.to_owned();
    if let Some(earlier) = event.follow_up {
        metric = format!("{name} {}", became(earlier.why));
        properties.insert("original_event_id".to_owned(), earlier.event.to_string().into());
    }
    let mut told = Map::new();
    told.insert("properties".to_owned(), properties.into());
    told.insert(
        "metric".to_owned(),
        json!({ "data": { "type": "metric", "attributes": { "name": metric } } }),
    );
    told.insert("profile".to_owned(), json!({ "data": profile(event)? }));
    told.insert("time".to_owned(), time.to_string().into());
    told.insert("unique_id".to_owned(), event_id(event).into());
    // It counts values of the account's own currency where none is named.
    put(&mut told, "value", event.attributes.get("value").and_then(number));
    put(
        &mut told,
        "value_currency",
        money(event, values.text("default_currency")).map(|money| money.currency),
    );
    Ok(json!({ "type": "event", "attributes": told }))
}

/// A profile.
pub(super) fn profile(event: &OutgoingEvent) -> Result<Value, RequestError> {
    let person = Person(event);
    let mut profile = Map::new();
    put(&mut profile, "email", person.clear_email());
    put(&mut profile, "phone_number", person.clear_phone());
    put(&mut profile, "external_id", person.external_ids().next());
    if profile.is_empty() {
        let reason =
            "it has no e-mail address, no phone number and no external id, and Klaviyo wants one: map one";
        return Err(RequestError::Event(reason.to_owned()));
    }
    put(&mut profile, "anonymous_id", person.identifier("cluid").or(person.identifier("anonymous_id")));
    // What follows an event has that event's traits, which may be old by now: it brings none back.
    if event.follow_up.is_some() {
        return Ok(json!({ "type": "profile", "attributes": profile }));
    }
    take(event, &ATTRIBUTES, &mut profile);
    let mut location = Map::new();
    take(event, &LOCATION, &mut location);
    if !location.is_empty() {
        profile.insert("location".to_owned(), location.into());
    }
    let is_known = |name: &str| {
        name == "email"
            || name == "phone"
            || ATTRIBUTES.iter().chain(&LOCATION).any(|(_, ours)| *ours == name)
    };
    let rest: Map<String, Value> = event
        .traits
        .iter()
        .filter(|(name, _)| !is_known(name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect();
    if !rest.is_empty() {
        profile.insert("properties".to_owned(), rest.into());
    }
    Ok(json!({ "type": "profile", "attributes": profile }))
}

/// Traits under their names there; one that is cleared is cleared there too.
fn take(event: &OutgoingEvent, names: &[(&str, &str)], into: &mut Map<String, Value>) {
    for (theirs, ours) in names {
        match event.traits.get(*ours) {
            Some(Value::Null) => put(into, theirs, Some(Value::Null)),
            Some(_) => put(into, theirs, Person(event).clear_text(ours)),
            None => {}
        }
    }
}

fn became(why: Why) -> &'static str {
    match why {
        Why::Cancelled => "Cancelled",
        Why::NoShow => "No Show",
        Why::Rescheduled => "Rescheduled",
        Why::Paid => "Paid",
        Why::OneBooking => "Merged",
    }
}
