//! The settings and secrets of a webhook destination.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value;
use tributary_domain::outbound::is_reserved_header;

use super::{about::ABOUT, secret::SigningSecret};
use crate::destinations::{
    Secrets, SettingsError,
    schema::Values,
    template::{self, Template},
};

/// The name of the signing secrets.
pub const SIGNING: &str = "signing";

/// What the names of secret headers begin with.
const SECRET_HEADER: &str = "header:";

const MAX_HEADERS: usize = 20;
pub(super) const MAX_HEADER_VALUE: usize = 4_096;
const MAX_SIGNING: usize = 10;

/// Settings that passed all checks.
pub(super) struct Settings<'a> {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    /// Headers whose values have places to fill.
    pub(super) templates: Vec<(HeaderName, Template)>,
    /// What is sent instead of the whole event.
    pub(super) body: Option<&'a Value>,
    pub(super) signing: Vec<SigningSecret>,
}

impl<'a> Settings<'a> {
    /// Reads and checks the whole.
    pub(super) fn read(settings: &'a Value, secrets: &'a Secrets) -> Result<Self, SettingsError> {
        let values = Values::read(ABOUT.fields, settings, secrets)?;
        let url = values.text("url").to_owned();
        let body = values.json("body");
        if let Some(shape) = body {
            template::check(shape).map_err(|message| SettingsError::new("settings.body", message))?;
        }
        let (mut headers, templates) = plain_headers(values)?;
        let mut signing = Vec::new();
        for (name, values) in secrets.iter() {
            match name.strip_prefix(SECRET_HEADER) {
                _ if name == SIGNING => signing = signing_secrets(values)?,
                // The newest value is the one that is in force.
                Some(header) => add_header(
                    &mut headers,
                    format!("secrets.{name}"),
                    header,
                    values.last().map(String::as_str),
                )?,
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
        Ok(Self { url, headers, templates, body, signing })
    }
}

fn plain_headers(values: Values<'_>) -> Result<(HeaderMap, Vec<(HeaderName, Template)>), SettingsError> {
    let (mut headers, mut templates) = (HeaderMap::new(), Vec::new());
    for (name, value) in values.texts("headers") {
        let path = format!("settings.headers.{name}");
        if [header::AUTHORIZATION, header::COOKIE]
            .iter()
            .any(|secret| secret.as_str().eq_ignore_ascii_case(name))
        {
            let message =
                format!("is a secret: add it as the secret `{SECRET_HEADER}{}`", name.to_ascii_lowercase());
            return Err(SettingsError::new(path, message));
        }
        // A template stands there too, until it is filled: so it is checked as any other value.
        add_header(&mut headers, path.clone(), name, Some(value))?;
        if value.contains("{{") {
            let template = Template::parse(value).map_err(|message| SettingsError::new(&path, message))?;
            templates.extend(HeaderName::from_bytes(name.as_bytes()).ok().map(|name| (name, template)));
        }
    }
    Ok((headers, templates))
}

fn add_header(
    headers: &mut HeaderMap,
    path: String,
    name: &str,
    value: Option<&str>,
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
