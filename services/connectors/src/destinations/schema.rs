//! What a destination's owner sets: described as data, so that a form can be drawn of it, and checked by that.

use serde_json::{Map, Value};
use url::Url;

use super::{
    Secrets, SettingsError,
    sending::{COMMON, number},
};

const MAX_URL: usize = 2_048;
const MAX_TEXTS: usize = 200;
const MAX_TOKEN: usize = 4_096;
const MAX_WORD: usize = 100;

/// A setting or a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its key; one that ends in `*` stands for all that begin as it does.
    pub name: &'static str,
    /// What people read beside it.
    pub label: &'static str,
    /// What is entered there and where it is found, in a clause.
    pub help: &'static str,
    /// What it can be.
    pub kind: FieldKind,
    /// Whether it has to be there.
    pub required: bool,
    /// What is taken where it is not there; empty: nothing.
    pub default: &'static str,
    /// Whether it is a secret, and not a setting.
    pub secret: bool,
}

/// What a setting can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A text of at most this many bytes.
    Text(usize),
    /// A name, number or version: letters, digits, `-`, `_` and `.`.
    Word,
    /// A secret text of printable characters without spaces.
    Token,
    /// An absolute URL with http or https.
    Url,
    /// Three capital letters of ISO 4217.
    Currency,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Yes or no.
    Flag,
    /// Names with a text each, of at most this many bytes.
    Texts(usize),
    /// Any JSON object or list.
    Json,
    /// A whole number from 1 to this.
    Number(u32),
}

impl FieldKind {
    /// What a choice can be; empty: it is none.
    pub fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Choice(choices) => choices,
            _ => &[],
        }
    }
}

impl Field {
    /// A setting that may be left out.
    pub(super) const fn setting(
        name: &'static str,
        label: &'static str,
        help: &'static str,
        kind: FieldKind,
    ) -> Self {
        Self { name, label, help, kind, required: false, default: "", secret: false }
    }

    /// A secret that has to be there.
    pub(super) const fn token(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self { name, label, help, kind: FieldKind::Token, required: true, default: "", secret: true }
    }

    /// The same, and it has to be there.
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same with a default.
    pub(super) const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// The same as a secret.
    pub(super) const fn hidden(self) -> Self {
        Self { secret: true, ..self }
    }

    fn is_named(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => self.name == name,
        }
    }

    fn path(&self) -> String {
        format!("{}.{}", if self.secret { "secrets" } else { "settings" }, self.name)
    }

    fn fail(&self, message: impl AsRef<str>) -> SettingsError {
        SettingsError::new(self.path(), message.as_ref())
    }
}

/// The URL of a platform, so that tests and gateways can stand in for it.
pub(super) const fn base_url(default: &'static str) -> Field {
    const HELP: &str = "where requests are sent to; only for a gateway or a test";
    Field::setting("base_url", "Base URL", HELP, FieldKind::Url).or(default)
}

/// The currency of values that come without one.
pub(super) const DEFAULT_CURRENCY: Field = Field::setting(
    "default_currency",
    "Currency",
    "the currency of values that come without one, such as EUR; without it such values are left out",
    FieldKind::Currency,
);

/// Settings and secrets that passed all checks.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    fields: &'static [Field],
    settings: &'a Map<String, Value>,
    secrets: &'a Secrets,
}

impl<'a> Values<'a> {
    /// Checks settings and secrets by their description.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub(super) fn read(
        fields: &'static [Field],
        settings: &'a Value,
        secrets: &'a Secrets,
    ) -> Result<Self, SettingsError> {
        let Value::Object(settings) = settings else {
            return Err(SettingsError::new("settings", "must be an object"));
        };
        let is_there = |name: &str, secret| {
            fields.iter().chain(COMMON).any(|field: &Field| field.secret == secret && field.is_named(name))
        };
        if let Some(unknown) = settings.keys().find(|name| !is_there(name, false)) {
            return Err(SettingsError::new(format!("settings.{unknown}"), "no such setting: remove it"));
        }
        if let Some((unknown, _)) = secrets.iter().find(|(name, _)| !is_there(name, true)) {
            return Err(SettingsError::new(format!("secrets.{unknown}"), "no such secret: remove it"));
        }
        for field in fields.iter().chain(COMMON) {
            if field.secret {
                secret_of(field, secrets)?;
            } else {
                setting_of(field, settings)?;
            }
        }
        Ok(Self { fields, settings, secrets })
    }

    /// A text as it was set, or its default; empty: neither.
    pub(super) fn text(&self, name: &str) -> &'a str {
        let set = self.settings.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let default =
            || self.fields.iter().find(|field| field.name == name).map_or("", |field| field.default);
        set.unwrap_or_else(default)
    }

    /// Whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> bool {
        match self.settings.get(name) {
            Some(Value::Bool(set)) => *set,
            _ => self.text(name) == "true",
        }
    }

    /// Names with their texts.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let texts = self.settings.get(name).and_then(Value::as_object);
        texts.into_iter().flatten().filter_map(|(name, text)| Some((name.as_str(), text.as_str()?)))
    }

    /// JSON as it was set.
    pub(super) fn json(&self, name: &str) -> Option<&'a Value> {
        self.settings.get(name).filter(|value| !value.is_null())
    }

    /// The value of a secret that is in force: the newest one; empty: there is none.
    pub(super) fn secret(&self, name: &str) -> &'a str {
        self.secrets.all(name).last().map_or("", String::as_str)
    }

    /// What requests are allowed with: the access token that was got, or else the newest value of the secret of this name.
    pub(super) fn bearer(&self, name: &str) -> String {
        let access = self.secrets.access();
        format!("Bearer {}", if access.is_empty() { self.secret(name) } else { access })
    }

    /// `path` below the base URL, with these parameters.
    pub(super) fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}{path}", self.text("base_url").trim_end_matches('/'));
        if !query.is_empty() {
            let mut encoded = url::form_urlencoded::Serializer::new(String::new());
            encoded.extend_pairs(query);
            url = format!("{url}?{}", encoded.finish());
        }
        url
    }
}

fn secret_of(field: &Field, secrets: &Secrets) -> Result<(), SettingsError> {
    let values = secrets.all(field.name);
    if field.required && values.iter().all(String::is_empty) {
        return Err(field.fail(format!("is missing: add {}", field.help)));
    }
    for value in values {
        match field.kind {
            FieldKind::Token if !is_token(value) => {
                return Err(
                    field.fail("has characters that no such secret has: copy it again, without spaces")
                );
            }
            FieldKind::Url => check_url(value).map_err(|message| field.fail(message))?,
            FieldKind::Json if !serde_json::from_str::<Value>(value).is_ok_and(|json| json.is_object()) => {
                return Err(field.fail("is no JSON object: paste the whole file"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn setting_of(field: &Field, settings: &Map<String, Value>) -> Result<(), SettingsError> {
    let value = match settings.get(field.name) {
        None | Some(Value::Null) => return missing(field),
        Some(Value::String(text)) if text.is_empty() => return missing(field),
        Some(value) => value,
    };
    if let FieldKind::Number(most) = field.kind {
        let is_one = number(value).is_some_and(|number| number <= most);
        return if is_one {
            Ok(())
        } else {
            Err(field.fail(format!("must be a whole number from 1 to {most}")))
        };
    }
    if let Some(text) = value.as_str() {
        return text_of(field, text).map_err(|message| field.fail(message));
    }
    match (field.kind, value) {
        (FieldKind::Flag, Value::Bool(_)) | (FieldKind::Json, Value::Object(_) | Value::Array(_)) => Ok(()),
        (FieldKind::Flag, _) => Err(field.fail("must be true or false")),
        (FieldKind::Json, _) => Err(field.fail("must be an object or a list")),
        (FieldKind::Texts(longest), Value::Object(texts)) => texts_of(field, texts, longest),
        (FieldKind::Texts(_), _) => Err(field.fail("must be an object of names and texts")),
        _ => Err(field.fail("must be a text")),
    }
}

fn missing(field: &Field) -> Result<(), SettingsError> {
    if field.required && field.default.is_empty() {
        return Err(field.fail(format!("is missing: enter {}", field.help)));
    }
    Ok(())
}

fn text_of(field: &Field, text: &str) -> Result<(), String> {
    let fail = |is_fine: bool, message: &str| if is_fine { Ok(()) } else { Err(message.to_owned()) };
    match field.kind {
        FieldKind::Text(longest) if text.len() > longest => Err(format!("is longer than {longest} bytes")),
        FieldKind::Text(_) => Ok(()),
        FieldKind::Word => fail(is_word(text), "must be 1 to 100 letters, digits, `-`, `_` and `.`"),
        FieldKind::Token => fail(is_token(text), "must be printable characters without spaces"),
        FieldKind::Url => check_url(text),
        FieldKind::Currency => {
            fail(is_currency(text), "is not a currency: enter one of ISO 4217, such as EUR")
        }
        FieldKind::Choice(choices) if !choices.contains(&text) => {
            Err(format!("must be one of {}", choices.join(", ")))
        }
        FieldKind::Choice(_) => Ok(()),
        FieldKind::Flag => Err("must be true or false".to_owned()),
        FieldKind::Texts(_) => Err("must be an object of names and texts".to_owned()),
        FieldKind::Json => Err("must be an object or a list".to_owned()),
        FieldKind::Number(_) => Err("must be a number".to_owned()),
    }
}

fn texts_of(field: &Field, texts: &Map<String, Value>, longest: usize) -> Result<(), SettingsError> {
    if texts.len() > MAX_TEXTS {
        return Err(field.fail(format!("more than {MAX_TEXTS}: remove some")));
    }
    for (name, text) in texts {
        let path = format!("{}.{name}", field.path());
        match text {
            Value::String(text) if text.len() <= longest => {}
            Value::String(_) => {
                return Err(SettingsError::new(path, format!("is longer than {longest} bytes")));
            }
            _ => return Err(SettingsError::new(path, "must be a text")),
        }
    }
    Ok(())
}

/// Whether `text` is a URL that requests can be sent to; what is wrong otherwise.
pub(super) fn check_url(text: &str) -> Result<(), String> {
    let fail = |message: &str| Err(message.to_owned());
    if text.len() > MAX_URL {
        return fail("is longer than 2048 bytes: shorten it");
    }
    let Ok(url) = Url::parse(text) else {
        return fail("is not a url: enter one such as https://example.com/hook");
    };
    if !matches!(url.scheme(), "https" | "http") {
        return fail("has a scheme that is not supported: use https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fail("holds a user name or password: they belong into a secret");
    }
    Ok(())
}

/// Whether `text` can be the code of a currency.
pub(super) fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_word(text: &str) -> bool {
    (1..=MAX_WORD).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !text.bytes().all(|byte| byte == b'.')
}

fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: &[Field] = &[
        Field::setting("id", "Id", "the id", FieldKind::Word).required(),
        base_url("https://example.com"),
        DEFAULT_CURRENCY,
        Field::setting("mode", "Mode", "the mode", FieldKind::Choice(&["a", "b"])).or("a"),
        Field::setting("on", "On", "whether", FieldKind::Flag),
        Field::setting("names", "Names", "names", FieldKind::Texts(4)),
        Field::setting("shape", "Shape", "shape", FieldKind::Json),
        Field::token("token", "Token", "a token"),
    ];

    fn secrets(pairs: &[(&str, &str)]) -> Secrets {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_set_counts_and_else_the_default() {
        let secrets = secrets(&[("token", "old"), ("token", "new")]);
        let settings =
            json!({"id": "1", "on": true, "names": {"x": "y"}, "default_currency": "", "shape": [1]});
        let values = Values::read(FIELDS, &settings, &secrets).unwrap();
        assert_eq!((values.text("id"), values.text("mode"), values.text("default_currency")), ("1", "a", ""));
        assert_eq!((values.flag("on"), values.secret("token")), (true, "new"));
        assert_eq!(values.texts("names").collect::<Vec<_>>(), [("x", "y")]);
        assert_eq!(values.json("shape"), Some(&json!([1])));
        assert_eq!(values.url("/a", &[("k", "a|b&c")]), "https://example.com/a?k=a%7Cb%26c");
        let settings = json!({"id": "1", "base_url": "http://127.0.0.1:9/"});
        let values = Values::read(FIELDS, &settings, &secrets).unwrap();
        assert_eq!((values.url("/a", &[]), values.flag("on")), ("http://127.0.0.1:9/a".to_owned(), false));
    }

    #[test]
    fn what_cannot_be_used_is_told_where_it_stands_and_not_shown() {
        let good = [("token", "canary")];
        for (settings, pairs, path) in [
            (json!([]), good.as_slice(), "settings"),
            (json!({}), &good, "settings.id"),
            (json!({"id": ""}), &good, "settings.id"),
            (json!({"id": "a/b"}), &good, "settings.id"),
            (json!({"id": ".."}), &good, "settings.id"),
            (json!({"id": 7}), &good, "settings.id"),
            (json!({"id": "1", "more": 1}), &good, "settings.more"),
            (json!({"id": "1", "base_url": "ftp://canary"}), &good, "settings.base_url"),
            (json!({"id": "1", "base_url": "https://u:canary@x.example"}), &good, "settings.base_url"),
            (json!({"id": "1", "default_currency": "euro"}), &good, "settings.default_currency"),
            (json!({"id": "1", "mode": "canary"}), &good, "settings.mode"),
            (json!({"id": "1", "on": "yes"}), &good, "settings.on"),
            (json!({"id": "1", "names": "canary"}), &good, "settings.names"),
            (json!({"id": "1", "names": {"x": 1}}), &good, "settings.names.x"),
            (json!({"id": "1", "names": {"x": "canary"}}), &good, "settings.names.x"),
            (json!({"id": "1", "shape": "canary"}), &good, "settings.shape"),
            (json!({"id": "1"}), &[], "secrets.token"),
            (json!({"id": "1"}), &[("token", "canary with spaces")], "secrets.token"),
            (json!({"id": "1"}), &[("token", "x"), ("other", "canary")], "secrets.other"),
        ] {
            let secrets = secrets(pairs);
            let error = Values::read(FIELDS, &settings, &secrets).err().unwrap();
            assert_eq!(error.path, path, "{settings}");
            assert!(!error.message.contains("canary"), "{error}");
        }
    }
}
