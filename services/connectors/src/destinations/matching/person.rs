//! What an event knows of its person.

use serde_json::Value;
use tributary_domain::{
    identity::{Identifier, IdentifierType},
    normalise,
    tenant::TenantSettings,
};

use super::hash::is_hash;
use crate::destinations::OutgoingEvent;

/// The person of an event, by what the event knows of them.
#[derive(Clone, Copy)]
pub(in super::super) struct Person<'a>(pub(in super::super) &'a OutgoingEvent);

impl<'a> Person<'a> {
    /// E-mail addresses, normalised, and hashes of some; each once, the identifiers before the trait.
    pub(in super::super) fn emails(self) -> Vec<String> {
        self.both(IdentifierType::EMAIL, "email")
    }

    /// Phone numbers in E.164, and hashes of some; each once.
    pub(in super::super) fn phones(self) -> Vec<String> {
        self.both(IdentifierType::PHONE, "phone")
    }

    /// The first address that is no hash.
    pub(in super::super) fn clear_email(self) -> Option<String> {
        self.emails().into_iter().find(|email| !is_hash(email))
    }

    /// The first number that is no hash.
    pub(in super::super) fn clear_phone(self) -> Option<String> {
        self.phones().into_iter().find(|phone| !is_hash(phone))
    }

    /// The ids that the owner's other systems know the person by.
    pub(in super::super) fn external_ids(self) -> impl Iterator<Item = &'a str> {
        let is_external = |identifier: &&Identifier| identifier.kind.as_str().starts_with("external_id:");
        self.0.identifiers.iter().filter(is_external).map(|identifier| identifier.value.as_str())
    }

    /// The first identifier of this type.
    pub(in super::super) fn identifier(self, kind: &str) -> Option<&'a str> {
        let found = self.0.identifiers.iter().find(|identifier| identifier.kind.as_str() == kind);
        found.map(|identifier| identifier.value.as_str())
    }

    /// A trait as a text; nothing where it is not there, or is no text and no number.
    pub(in super::super) fn text(self, name: &str) -> Option<String> {
        text_of(self.0.traits.get(name)?)
    }

    /// The same, to be sent as it is; a hash says nothing there.
    pub(in super::super) fn clear_text(self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !is_hash(text))
    }

    /// Something of the browser session, such as `gclid`: what the event says itself, or what is known of its browser.
    pub(in super::super) fn context(self, key: &str) -> Option<&'a str> {
        let all = [&self.0.attributes, &self.0.context];
        let mut there = all.into_iter().filter_map(|of| of.get(key)?.as_str().map(str::trim));
        there.find(|value| !value.is_empty())
    }

    /// Whether something of this name is known: an identifier, a trait or something of the browser session.
    pub(super) fn has(self, name: &str) -> bool {
        match name {
            IdentifierType::EMAIL => !self.emails().is_empty(),
            IdentifierType::PHONE => !self.phones().is_empty(),
            "external_id" => self.external_ids().next().is_some(),
            "fbc" => self.context("fbc").or(self.context("fbclid")).is_some(),
            _ => self.identifier(name).is_some() || self.context(name).is_some() || self.text(name).is_some(),
        }
    }

    fn both(self, kind: &str, of_trait: &str) -> Vec<String> {
        let of_kind = self.0.identifiers.iter().filter(|identifier| identifier.kind.as_str() == kind);
        let mut all: Vec<String> = of_kind.map(|identifier| identifier.value.clone()).collect();
        all.extend(self.normal(kind, of_trait).filter(|value| !all.contains(value)));
        all
    }

    /// A trait as an identifier of this type. Numbers without a country code are of the person's country.
    fn normal(self, kind: &str, of_trait: &str) -> Option<String> {
        let text = self.text(of_trait)?;
        if is_hash(&text) {
            return Some(text.to_ascii_lowercase());
        }
        let country = self.text("country").map(|code| code.to_ascii_uppercase()).unwrap_or_default();
        let tenant = TenantSettings { default_country: country, ..TenantSettings::default() };
        let kind = IdentifierType::parse(kind)?;
        normalise::identifier(&kind, &Value::String(text), &tenant).ok().map(|identifier| identifier.value)
    }
}

/// A JSON text or number as a trimmed text that is not empty.
fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}
