//! What platforms have in common in how they want to be told of an event.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Number, Value};
use tributary_domain::{consent::Consent, context, time::Timestamp, workflow::spec::Kind};

use super::{About, HttpRequest, OutgoingEvent, RequestError, SettingsError, schema};

/// How far the sender's clock may be ahead of ours: an event of that little ahead happened now.
const AHEAD: Duration = Duration::from_secs(60);

/// The id by which a platform knows the event again, also when its browser tag tells of it: the sender's own, where one is
/// mapped.
pub(super) fn event_id(event: &OutgoingEvent) -> String {
    event.dedupe_id.clone().unwrap_or_else(|| event.event.to_string())
}

/// The name of an event that a person did.
///
/// # Errors
/// When it is about who somebody is, and not about what they did.
pub(super) fn done<'a>(about: &About, event: &'a OutgoingEvent) -> Result<&'a str, RequestError> {
    match event.kind {
        Kind::Track if !event.name.is_empty() => Ok(&event.name),
        Kind::Track => Err(RequestError::Event("it has no name".to_owned())),
        Kind::Identify | Kind::Group => Err(RequestError::Event(format!(
            "{} takes events of what people do, and no others: keep them off with the destination's filter",
            about.display_name
        ))),
    }
}

/// When it happened, no later than now.
///
/// # Errors
/// When it is older than `max_age`, or lies in the future.
pub(super) fn happened(
    about: &About,
    event: &OutgoingEvent,
    max_age: Option<Duration>,
    now: Timestamp,
) -> Result<Timestamp, RequestError> {
    if let Some(most) = max_age
        && now.since(event.time) > most
    {
        let hours = most.as_secs() / 3_600;
        return Err(RequestError::Event(format!(
            "it happened more than {hours} hours ago, and {} takes none that old",
            about.display_name
        )));
    }
    if event.time.since(now) > AHEAD {
        let reason =
            "its time lies in the future: map when it happened, not when an appointment is".to_owned();
        return Err(RequestError::Event(reason));
    }
    Ok(event.time.min(now))
}

/// What an event is worth.
pub(super) struct Money {
    pub(super) value: Number,
    pub(super) currency: String,
}

/// What an event is worth; nothing where it has no value, or neither it nor the destination says in which currency.
pub(super) fn money(event: &OutgoingEvent, default_currency: &str) -> Option<Money> {
    let value = number(event.attributes.get("value")?)?;
    let own = event.attributes.get("currency").and_then(Value::as_str).unwrap_or_default();
    let own = own.trim().to_ascii_uppercase();
    let currency = if own.is_empty() { default_currency.to_owned() } else { own };
    schema::is_currency(&currency).then_some(Money { value, currency })
}

/// A number, also where it was sent as a text.
pub(super) fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let text = text.trim();
            let whole = text.parse::<i64>().ok().map(Number::from);
            whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
        }
        _ => None,
    }
}

/// Attributes but for those of `but`, without what is null, and without what describes the browser session: platforms have
/// places of their own for that. The marks of a campaign stay.
pub(super) fn attributes(event: &OutgoingEvent, but: &[&str]) -> Map<String, Value> {
    let is_of_browser = |name: &str| context::FIELDS.contains(&name) && !name.starts_with("utm_");
    let wanted = event
        .attributes
        .iter()
        .filter(|(name, value)| !but.contains(&name.as_str()) && !is_of_browser(name) && !value.is_null());
    wanted.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Puts a value into an object where there is one.
pub(super) fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// The same for a list of texts that is not empty.
pub(super) fn put_all(object: &mut Map<String, Value>, name: &str, values: Vec<String>) {
    put_list(object, name, values.into_iter().map(Value::from).collect());
}

/// The same for any list that is not empty.
pub(super) fn put_list(object: &mut Map<String, Value>, name: &str, values: Vec<Value>) {
    if !values.is_empty() {
        object.insert(name.to_owned(), values.into());
    }
}

/// What somebody agreed to: what the consent of this name says, or the first that says yes or no of those that stand for
/// all advertising; nothing where none does.
pub(super) fn consent(event: &OutgoingEvent, name: &str) -> Option<bool> {
    const ALL: [&str; 2] = ["ads", "marketing"];
    std::iter::once(name).chain(ALL).find_map(|name| match Consent::of(event.consents.get(name)) {
        Consent::Granted => Some(true),
        Consent::Denied => Some(false),
        Consent::Unknown => None,
    })
}

/// A request that posts `body` as JSON.
///
/// # Errors
/// When a header cannot carry its value.
pub(super) fn post(
    url: String,
    headers: &[(&'static str, &str)],
    body: &Value,
) -> Result<HttpRequest, RequestError> {
    let mut all = HeaderMap::new();
    all.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        let fail = || SettingsError::new("secrets", format!("the header `{name}` cannot carry its value"));
        let mut value = HeaderValue::from_str(value).map_err(|_| fail())?;
        value.set_sensitive(true);
        all.insert(HeaderName::from_static(name), value);
    }
    Ok(HttpRequest { method: Method::POST, url, headers: all, body: body.to_string().into() })
}
