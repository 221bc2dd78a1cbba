//! What a page sends at once: things that its visitor did, and what became of the owner's scripts.

use std::{fmt, net::IpAddr};

use serde_json::{Map, Value};
use tributary_domain::{
    normalise::cluid::{self, CluidReading},
    time::Timestamp,
};

use super::{ConsentMode, TagSettings, clock::corrected};

/// The largest body, in bytes.
pub const LARGEST_BATCH: usize = 64 * 1024;
/// The most items of one body.
const MOST_ITEMS: usize = 50;
/// The longest id of an item, in characters.
const LONGEST_ID: usize = 64;
/// The longest name of an event, and of a script, in characters.
const LONGEST_NAME: usize = 200;
/// How much is kept of the message of a script's error, in characters.
const LONGEST_MESSAGE: usize = 500;
/// How much is kept of a browser's name of itself, in characters.
const LONGEST_USER_AGENT: usize = 512;

/// What is known of a request beside its body.
#[derive(Clone, Copy)]
pub struct Observed<'a> {
    /// When it came in.
    pub received: Timestamp,
    /// Where it came from, where that is known.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub user_agent: &'a str,
}

impl fmt::Debug for Observed<'_> {
    /// Without whom it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("received", &self.received).finish_non_exhaustive()
    }
}

/// A body that was read.
#[derive(Clone, PartialEq)]
pub struct Batch {
    /// The bodies of the messages that it becomes, in its order.
    pub messages: Vec<Vec<u8>>,
    /// The scripts of the owner's own that failed.
    pub failures: Vec<ScriptFailure>,
    /// The one visitor that all of it is of, where a cookie may keep their cluid.
    pub remembered: Option<String>,
}

impl fmt::Debug for Batch {
    /// Counts only: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("messages", &self.messages.len())
            .field("failures", &self.failures.len())
            .finish_non_exhaustive()
    }
}

/// A script of the owner's own that failed in somebody's browser.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScriptFailure {
    /// Its name in the settings.
    pub script: String,
    /// The SHA-256 of the code that ran, in lower-case hex: that of the settings, or of earlier ones, which browsers
    /// may still have.
    pub sha256: String,
    /// What the browser said.
    pub message: String,
}

/// A body that is not what tags send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{place}` {expected}")]
pub struct BatchError {
    /// What is wrong in it, such as `batch[3].id`.
    pub place: String,
    /// What has to be there.
    pub expected: &'static str,
}

/// What the visitor is known to have said about being remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consent {
    Unsaid,
    Given,
    Refused,
}

/// Reads what a page of a tag with these settings sent. Each item becomes a body of its own, with the time at which it
/// happened by the server's clock, and what only the server knows of the browser.
///
/// # Errors
/// The first thing in it that no tag sends.
pub fn read(settings: &TagSettings, observed: &Observed<'_>, body: &[u8]) -> Result<Batch, BatchError> {
    let wrong = |place: &str, expected| BatchError { place: place.to_owned(), expected };
    let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else {
        return Err(wrong("$", "has to be an object"));
    };
    let sent = moment(body.get("sent_at")).map_err(|expected| wrong("sent_at", expected))?;
    let items = match body.remove("batch") {
        Some(Value::Array(items)) if (1..=MOST_ITEMS).contains(&items.len()) => items,
        _ => return Err(wrong("batch", "has to be a list of 1 to 50 objects")),
    };
    let mut batch =
        Batch { messages: Vec::with_capacity(items.len()), failures: Vec::new(), remembered: None };
    let mut visitor = Visitor::Unknown;
    let mut consent = Consent::Unsaid;
    for (index, item) in items.into_iter().enumerate() {
        let wrong = |(name, expected): (&str, _)| {
            let dot = if name.is_empty() { "" } else { "." };
            BatchError { place: format!("batch[{index}]{dot}{name}"), expected }
        };
        let Value::Object(mut item) = item else { return Err(wrong(("", "has to be an object"))) };
        let kind = Kind::of(&item).map_err(wrong)?;
        if kind == Kind::Error {
            batch.failures.extend(failure(settings, &item).map_err(wrong)?);
            continue;
        }
        check(kind, &item).map_err(wrong)?;
        visitor.meets(cluid::read(item.get("cluid"), &[]));
        consent = said(kind, &item).unwrap_or(consent);
        let at = moment(item.get("at")).map_err(|expected| wrong(("at", expected)))?;
        let at = corrected(at, sent, observed.received);
        item.insert("at".to_owned(), Value::String(at.to_string()));
        observe(&mut item, observed);
        batch.messages.push(Value::Object(item).to_string().into_bytes());
    }
    let may_be_remembered = match settings.consent {
        ConsentMode::Wait => consent == Consent::Given,
        ConsentMode::Granted => consent != Consent::Refused,
    };
    batch.remembered = visitor.one().filter(|_| may_be_remembered);
    Ok(batch)
}

/// What an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    Track,
    Identify,
    Reset,
    Consent,
    Error,
}

type Wrong = (&'static str, &'static str);

impl Kind {
    fn of(item: &Map<String, Value>) -> Result<Self, Wrong> {
        match item.get("type").and_then(Value::as_str) {
            Some("page") => Ok(Self::Page),
            Some("track") => Ok(Self::Track),
            Some("identify") => Ok(Self::Identify),
            Some("reset") => Ok(Self::Reset),
            Some("consent") => Ok(Self::Consent),
            Some("error") => Ok(Self::Error),
            _ => Err(("type", "has to be page, track, identify, reset, consent or error")),
        }
    }
}

/// Checks the shape of what workflows read; what else is in an item is kept as it comes.
fn check(kind: Kind, item: &Map<String, Value>) -> Result<(), Wrong> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = text("id");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(is_plain) {
        return Err(("id", "has to be 1 to 64 of a-z, A-Z, 0-9, - and _"));
    }
    if kind == Kind::Track && text("name").trim().is_empty() {
        return Err(("name", "has to be the name of the event"));
    }
    if text("name").chars().count() > LONGEST_NAME {
        return Err(("name", "has to have at most 200 characters"));
    }
    for name in ["cluid", "name"] {
        if item.get(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err((name, "has to be a text"));
        }
    }
    for name in ["properties", "traits", "consents", "context"] {
        if item.get(name).is_some_and(|value| !value.is_object() && !value.is_null()) {
            return Err((name, "has to be an object"));
        }
    }
    Ok(())
}

/// A time; nothing where none is set.
fn moment(value: Option<&Value>) -> Result<Option<Timestamp>, &'static str> {
    const EXPECTED: &str = "has to be a time such as 2026-03-10T14:02:30.512Z";
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => text.parse().map(Some).map_err(|_| EXPECTED),
        Some(_) => Err(EXPECTED),
    }
}

/// Writes down what only the server knows of the browser. What a page says of that in its place is not believed.
fn observe(item: &mut Map<String, Value>, observed: &Observed<'_>) {
    let context = item.entry("context").or_insert(Value::Null);
    if context.is_null() {
        *context = Value::Object(Map::new());
    }
    let Value::Object(context) = context else { return };
    context.remove("ip");
    context.extend(observed.address.map(|address| ("ip".to_owned(), Value::String(address.to_string()))));
    let user_agent: String = observed.user_agent.chars().take(LONGEST_USER_AGENT).collect();
    context.insert("user_agent".to_owned(), Value::String(user_agent));
}

/// What an item says of consent; nothing where it says nothing. Whoever is reset is somebody else from then on.
fn said(kind: Kind, item: &Map<String, Value>) -> Option<Consent> {
    let is_given = |value: &Value| matches!(value, Value::Bool(true)) || value == "granted";
    match item.get("consents") {
        _ if kind == Kind::Reset => Some(Consent::Refused),
        Some(Value::Object(consents)) if consents.values().any(is_given) => Some(Consent::Given),
        Some(Value::Object(consents)) if !consents.is_empty() => Some(Consent::Refused),
        _ => None,
    }
}

/// A failed script of the settings; nothing where there is none of this name: strangers could write whatever they like.
fn failure(settings: &TagSettings, item: &Map<String, Value>) -> Result<Option<ScriptFailure>, Wrong> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let sha256 = text("hash");
    if sha256.len() != 64
        || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
    {
        return Err(("hash", "has to be a SHA-256 in lower-case hex"));
    }
    let known = settings.scripts.iter().find(|script| script.name == text("name"));
    let clean = |character: &char| !character.is_control();
    Ok(known.map(|script| ScriptFailure {
        script: script.name.clone(),
        sha256: sha256.to_owned(),
        message: text("message").chars().filter(clean).take(LONGEST_MESSAGE).collect(),
    }))
}

/// Whom a body is of.
#[derive(PartialEq, Eq)]
enum Visitor {
    Unknown,
    One(String),
    Several,
}

impl Visitor {
    fn meets(&mut self, reading: CluidReading) {
        *self = match (std::mem::replace(self, Self::Several), reading) {
            (Self::Unknown, CluidReading::Found(cluid)) => Self::One(cluid),
            (Self::One(known), CluidReading::Found(cluid)) if known == cluid => Self::One(known),
            _ => Self::Several,
        };
    }

    fn one(self) -> Option<String> {
        match self {
            Self::One(cluid) => Some(cluid),
            Self::Unknown | Self::Several => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CLUID: &str = "trb_01h8xkq7v2m3n4p5r6s7t8v9w0";
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn settings(consent: &str) -> TagSettings {
        let settings = json!({ "consent": consent, "scripts": [{ "name": "mine", "code": "go()" }] });
        TagSettings::read(&settings).expect("right")
    }

    fn read_as(consent: &str, body: &Value) -> Result<Batch, BatchError> {
        let address = "203.0.113.9".parse().ok();
        let observed = Observed { received: NOW, address, user_agent: "Mozilla/5.0" };
        read(&settings(consent), &observed, body.to_string().as_bytes())
    }

    fn batch(items: &[Value]) -> Value {
        json!({ "sent_at": "2020-01-01T00:00:10Z", "batch": items })
    }

    fn wrong(body: &Value) -> String {
        read_as("granted", body).expect_err("wrong").place
    }

    #[test]
    fn each_item_is_a_message_with_the_servers_time_and_what_it_saw() {
        let page = json!({
            "type": "page", "id": "a-1", "cluid": CLUID, "at": "2020-01-01T00:00:07Z", "more": [1],
            "context": { "ip": "192.0.2.1", "user_agent": "liar", "fbp": "fb.1.2.3" },
        });
        let track = json!({ "type": "track", "id": "a-2", "name": "Purchase" });
        let read = read_as("granted", &batch(&[page, track])).expect("right");
        let bodies: Vec<Value> =
            read.messages.iter().map(|body| serde_json::from_slice(body).expect("JSON")).collect();
        assert_eq!(
            bodies,
            [
                json!({
                    "type": "page", "id": "a-1", "cluid": CLUID, "more": [1],
                    "at": Timestamp::from_seconds(NOW.seconds() - 3).to_string(),
                    "context": { "ip": "203.0.113.9", "user_agent": "Mozilla/5.0", "fbp": "fb.1.2.3" },
                }),
                json!({
                    "type": "track", "id": "a-2", "name": "Purchase", "at": NOW.to_string(),
                    "context": { "ip": "203.0.113.9", "user_agent": "Mozilla/5.0" },
                }),
            ]
        );
        assert!(read.failures.is_empty());
    }

    #[test]
    fn a_visitor_is_remembered_only_where_all_is_of_one_who_agreed() {
        let item = |cluid: Value, consents: Value| json!({ "type": "page", "id": "a", "cluid": cluid, "consents": consents });
        let other = "trb_01h8xkq7v2m3n4p5r6s7t8v9w1";
        let (given, refused) = (json!({ "ads": true, "analytics": false }), json!({ "ads": "denied" }));
        let remembered =
            |mode: &str, items: &[Value]| read_as(mode, &batch(items)).expect("right").remembered;
        let of = |consents: &Value| item(json!(CLUID), consents.clone());
        let some = Some(CLUID.to_owned());
        assert_eq!(remembered("granted", &[of(&Value::Null)]), some);
        assert_eq!(remembered("wait", &[of(&Value::Null)]), None, "nothing was said");
        assert_eq!(remembered("wait", &[of(&given), of(&Value::Null)]), some);
        assert_eq!(remembered("granted", &[of(&given), of(&refused)]), None, "the last word counts");
        assert_eq!(remembered("wait", &[of(&refused), of(&given)]), some);
        assert_eq!(
            remembered("granted", &[of(&given), item(json!(other), given.clone())]),
            None,
            "two of them"
        );
        assert_eq!(
            remembered("granted", &[of(&given), item(Value::Null, given.clone())]),
            None,
            "one of nobody"
        );
        assert_eq!(remembered("granted", &[item(json!("sale"), given.clone())]), None, "no cluid of ours");
        assert_eq!(
            remembered("granted", &[of(&given), json!({ "type": "reset", "id": "b", "cluid": CLUID })]),
            None
        );
    }

    #[test]
    fn failures_of_known_scripts_are_no_messages() {
        let hash = "0".repeat(64);
        let failed = |name: &str, hash: &str| {
            let message = format!("x is not defined\n{}", "y".repeat(1_000));
            json!({ "type": "error", "id": "e", "name": name, "hash": hash, "message": message })
        };
        let read =
            read_as("granted", &batch(&[failed("mine", &hash), failed("theirs", &hash)])).expect("right");
        assert_eq!((read.messages.len(), read.failures.len()), (0, 1));
        assert_eq!(
            (read.failures[0].script.as_str(), read.failures[0].sha256.as_str()),
            ("mine", hash.as_str())
        );
        assert!(read.failures[0].message.starts_with("x is not definedy"));
        assert_eq!(read.failures[0].message.chars().count(), LONGEST_MESSAGE);
        assert_eq!(wrong(&batch(&[failed("mine", "ABC")])), "batch[0].hash");
    }

    #[test]
    fn what_no_tag_sends_is_named_by_its_place() {
        let item = |change: Value| {
            let mut item = json!({ "type": "track", "id": "a", "name": "x" });
            for (name, value) in change.as_object().expect("an object") {
                item[name] = value.clone();
            }
            wrong(&batch(&[json!({ "type": "page", "id": "a" }), item]))
        };
        assert_eq!(wrong(&json!([])), "$");
        assert_eq!(wrong(&json!({})), "batch");
        assert_eq!(wrong(&batch(&[])), "batch");
        assert_eq!(wrong(&batch(&vec![json!({ "type": "page", "id": "a" }); 51])), "batch");
        assert_eq!(wrong(&json!({ "sent_at": "now", "batch": [{}] })), "sent_at");
        assert_eq!(wrong(&batch(&[json!(1)])), "batch[0]");
        assert_eq!(item(json!({ "type": "alias" })), "batch[1].type");
        for id in [json!(""), json!(7), json!("a b"), json!("a".repeat(65))] {
            assert_eq!(item(json!({ "id": id })), "batch[1].id");
        }
        for name in [json!(""), json!(null), json!("n".repeat(201))] {
            assert_eq!(item(json!({ "name": name })), "batch[1].name");
        }
        assert_eq!(item(json!({ "at": 12 })), "batch[1].at");
        assert_eq!(item(json!({ "cluid": {} })), "batch[1].cluid");
        assert_eq!(item(json!({ "context": [] })), "batch[1].context");
        assert_eq!(item(json!({ "traits": "x" })), "batch[1].traits");
    }
}
