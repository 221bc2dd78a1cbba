//! The settings and secrets of a webhook destination.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value};
use tributary_domain::outbound::is_reserved_header;
use url::Url;

use super::secret::SigningSecret;
use crate::destinations::{Secrets, SettingsError};

/// The name of the signing secrets.
pub const SIGNING: &str = "signing";

/// What the names of secret headers begin with.
const SECRET_HEADER: &str = "header:";

const MAX_URL: usize = 2_048;
const MAX_HEADERS: usize = 20;
const MAX_HEADER_VALUE: usize = 4_096;
const MAX_SIGNING: usize = 10;

/// Settings that passed all checks.
pub(super) struct Settings {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) signing: Vec<SigningSecret>,
}

impl Settings {
    /// Reads and checks the whole.
    pub(super) fn read(settings: &Value, secrets: &Secrets) -> Result<Self, SettingsError> {
        let Some(settings) = settings.as_object() else {
            return Err(SettingsError::new("settings", "must be an object"));
        };
        if let Some(unknown) = settings.keys().find(|name| !matches!(name.as_str(), "url" | "headers")) {
            return Err(SettingsError::new(format!("settings.{unknown}"), "no such setting: remove it"));
        }
        let url = url(settings)?;
        let mut headers = plain_headers(settings)?;
        let mut signing = Vec::new();
        for (name, values) in secrets.iter() {
            match name.strip_prefix(SECRET_HEADER) {
                _ if name == SIGNING => signing = signing_secrets(values)?,
                // The newest value is the one that is in force.
                Some(header) => add_header(&mut headers, format!("secrets.{name}"), header, values.last())?,
                None => {
                    return Err(SettingsError::new(format!("secrets.{name}"), "no such secret: remove it"));
                }
            }
        }
        if signing.is_empty() {
            return Err(SettingsError::new("secrets.signing", "is missing: add a secret such as whsec_…"));
        }
        if headers.len() > MAX_HEADERS {
            return Err(SettingsError::new(
                "settings.headers",
                format!("more than {MAX_HEADERS} headers: remove some"),
            ));
        }
        Ok(Self { url, headers, signing })
    }
}

fn url(settings: &Map<String, Value>) -> Result<String, SettingsError> {
    let fail = |message: &str| Err(SettingsError::new("settings.url", message));
    let Some(text) = settings.get("url").and_then(Value::as_str) else {
        return fail("is missing: enter the receiver's url, such as https://example.com/hook");
    };
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
        return fail("holds a user name or password: add the secret `header:authorization` instead");
    }
    Ok(text.to_owned())
}

fn plain_headers(settings: &Map<String, Value>) -> Result<HeaderMap, SettingsError> {
    let mut headers = HeaderMap::new();
    let configured = match settings.get("headers") {
        None | Some(Value::Null) => return Ok(headers),
        Some(Value::Object(configured)) => configured,
        Some(_) => {
            return Err(SettingsError::new("settings.headers", "must be an object of names and values"));
        }
    };
    for (name, value) in configured {
        let path = format!("settings.headers.{name}");
        if [header::AUTHORIZATION, header::COOKIE]
            .iter()
            .any(|secret| secret.as_str().eq_ignore_ascii_case(name))
        {
            let message =
                format!("is a secret: add it as the secret `{SECRET_HEADER}{}`", name.to_ascii_lowercase());
            return Err(SettingsError::new(path, message));
        }
        let Value::String(value) = value else {
            return Err(SettingsError::new(path, "must be a text"));
        };
        add_header(&mut headers, path, name, Some(value))?;
    }
    Ok(headers)
}

fn add_header(
    headers: &mut HeaderMap,
    path: String,
    name: &str,
    value: Option<&String>,
) -> Result<(), SettingsError> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(SettingsError::new(path, "is not a header name: use letters, digits and hyphens"));
    };
    if is_reserved_header(name.as_str())
        || name == header::CONTENT_TYPE
        || name.as_str().starts_with("webhook-")
    {
        return Err(SettingsError::new(path, "is set by us and cannot be configured: remove it"));
    }
    let value = value
        .filter(|value| value.len() <= MAX_HEADER_VALUE)
        .and_then(|value| HeaderValue::from_str(value).ok());
    let Some(mut value) = value else {
        return Err(SettingsError::new(
            path,
            "is not a header value: at most 4096 printable characters, no line breaks",
        ));
    };
    if headers.contains_key(&name) {
        return Err(SettingsError::new(path, "is set twice: remove one of them"));
    }
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

fn signing_secrets(values: &[String]) -> Result<Vec<SigningSecret>, SettingsError> {
    if values.len() > MAX_SIGNING {
        return Err(SettingsError::new(
            "secrets.signing",
            format!("more than {MAX_SIGNING} active: retire some"),
        ));
    }
    let parse = |value: &String| {
        value.parse().map_err(|error| SettingsError::new("secrets.signing", format!("{error}")))
    };
    values.iter().map(parse).collect()
}
