//! What values look like, whatever they are named.

use serde_json::Value;

use super::place::Found;
use crate::{
    identity::IdentifierType, mapping::moment, normalise, sample::SampleKind, tenant::TenantSettings,
    time::Timestamp,
};

/// How far after its receipt a message may say that it happened: clocks differ.
const CLOCKS_DIFFER_MICROS: i64 = 5 * 60 * 1_000_000;
/// Nothing that is sent today happened before 2000.
const EARLIEST: Timestamp = Timestamp::from_seconds(946_684_800);
/// Longer texts are no names.
const LONGEST_NAME: usize = 100;
/// Longer texts are no ids.
const LONGEST_ID: usize = 128;

/// What a value has to look like to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A person's e-mail address, by the rules of identifiers.
    Email,
    /// A person's phone number, by the rules of identifiers.
    Phone,
    /// A visitor id of the tag.
    Cluid,
    /// Meta's browser id.
    Fbp,
    /// An id: one word that stands for somebody or something.
    Id,
    /// A name of a person, a town or a company.
    Name,
    /// Any text.
    Text,
    /// A number, or a text that is one.
    Number,
    /// A currency's code.
    Currency,
    /// A time that was before the message was received.
    Past,
    /// An IANA time zone.
    TimeZone,
    /// A web address.
    Url,
    /// A country: its code or its name.
    Country,
    /// Yes or no.
    Flag,
}

impl Shape {
    /// What a person calls it, with its article.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Email => "an e-mail address",
            Self::Phone => "a phone number",
            Self::Cluid => "a cluid",
            Self::Fbp => "a browser id of Meta",
            Self::Id => "an id",
            Self::Name => "a name",
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Currency => "a currency's code",
            Self::Past => "a time before the message came",
            Self::TimeZone => "a time zone",
            Self::Url => "a web address",
            Self::Country => "a country",
            Self::Flag => "a yes or no",
        }
    }

    /// Whether a value that was received at `received` is one.
    pub(super) fn fits(self, found: &Found, received: Timestamp, tenant: &TenantSettings) -> bool {
        let text = found.text.trim();
        let is_text = found.kind == SampleKind::String;
        let letters = || text.chars().filter(|letter| letter.is_alphabetic()).count();
        match self {
            Self::Email => is_text && is_identifier(IdentifierType::EMAIL, text, tenant),
            Self::Phone => {
                found.kind != SampleKind::Bool && is_identifier(IdentifierType::PHONE, text, tenant)
            }
            Self::Cluid => is_text && is_identifier(IdentifierType::CLUID, text, tenant),
            Self::Fbp => is_text && is_fbp(text),
            Self::Id => {
                let is_word =
                    text.len() <= LONGEST_ID && !text.contains(char::is_whitespace) && !text.contains('@');
                found.kind != SampleKind::Bool && is_word && is_identifier("external_id:any", text, tenant)
            }
            Self::Name => {
                let is_short = text.chars().count() <= LONGEST_NAME && text.split_whitespace().count() <= 8;
                is_text
                    && is_short
                    && letters() > 0
                    && !text.contains(['@', '{', '}', '<', '>'])
                    && !is_url(text)
            }
            Self::Text => is_text && !text.is_empty(),
            Self::Number => {
                let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
                found.kind == SampleKind::Number || (is_text && is_number)
            }
            Self::Currency => {
                is_text && text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
            }
            Self::Past => is_past(found, received, tenant),
            Self::TimeZone => is_text && moment::ZONES.get(text).is_ok(),
            Self::Url => is_text && is_url(text),
            Self::Country => is_text && text.len() <= 60 && letters() >= 2 && !text.contains('@'),
            Self::Flag => {
                let words = ["true", "false", "yes", "no", "1", "0", "on", "off", "granted", "denied"];
                found.kind == SampleKind::Bool || words.contains(&text.to_ascii_lowercase().as_str())
            }
        }
    }
}

fn is_identifier(kind: &str, text: &str, tenant: &TenantSettings) -> bool {
    let value = Value::String(text.to_owned());
    IdentifierType::parse(kind).is_some_and(|kind| normalise::identifier(&kind, &value, tenant).is_ok())
}

/// `fb.1.` with the time in milliseconds and a random number (Meta, "fbp and fbc parameters").
fn is_fbp(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.as_slice(), ["fb", rest @ ..] if rest.len() == 3 && rest.iter().all(|part| is_number(part)))
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://") || text.starts_with("www.")
}

fn is_past(found: &Found, received: Timestamp, tenant: &TenantSettings) -> bool {
    let value = match found.kind {
        SampleKind::Number => found.text.parse().map(Value::Number).unwrap_or_default(),
        SampleKind::String => Value::String(found.text.clone()),
        _ => return false,
    };
    let latest = received.micros().saturating_add(CLOCKS_DIFFER_MICROS);
    moment::read_any(&value, &tenant.time_zone)
        .is_some_and(|time| time >= EARLIEST && time.micros() <= latest)
}
