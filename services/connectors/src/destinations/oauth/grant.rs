//! What a token server is asked for.

use std::fmt;

use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use tributary_domain::time::Timestamp;
use url::form_urlencoded::Serializer;

use super::service_account::ServiceAccount;
use crate::destinations::{About, HttpRequest, Secrets, SettingsError, schema::Values};

/// What access is asked for with.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    url: String,
    with: With,
}

#[derive(Clone, PartialEq, Eq)]
enum With {
    Refresh { client_id: String, client_secret: String, refresh_token: String },
    Assertion { unsigned: String, key: String },
}

/// What access to the platform is asked for with at `now`; nothing where these secrets are put into requests as they are.
///
/// # Errors
/// When something of it is missing or cannot be used.
pub fn grant(
    about: &About,
    settings: &Value,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<Option<Grant>, SettingsError> {
    let Some(oauth) = about.oauth else { return Ok(None) };
    let values = Values::read(about.fields, settings, secrets)?;
    if !oauth.instead.is_empty() && !values.secret(oauth.instead).is_empty() {
        return Ok(None);
    }
    let url = values.text("token_url").to_owned();
    let key = if oauth.service_accounts { values.secret("service_account") } else { "" };
    if !key.is_empty() {
        let account =
            ServiceAccount::read(key).map_err(|why| SettingsError::new("secrets.service_account", why))?;
        let unsigned = account.unsigned(oauth.scope, &url, now);
        return Ok(Some(Grant { url, with: With::Assertion { unsigned, key: account.private_key } }));
    }
    let client = [
        ("settings.client_id", values.text("client_id")),
        ("secrets.client_secret", values.secret("client_secret")),
        ("secrets.refresh_token", values.secret("refresh_token")),
    ];
    let missing: Vec<_> = client.iter().filter(|(_, value)| value.is_empty()).collect();
    if missing.len() == client.len() {
        let first = if oauth.service_accounts { "service_account" } else { oauth.instead };
        let message = "is missing: add it, or else `client_id` among the settings with the secrets `client_secret` and \
                       `refresh_token`; nothing can be sent without access";
        return Err(SettingsError::new(format!("secrets.{first}"), message));
    }
    if let Some((path, _)) = missing.first() {
        return Err(SettingsError::new(
            *path,
            "is missing: a refresh token is used with its client's id and secret",
        ));
    }
    let [client_id, client_secret, refresh_token] = client.map(|(_, value)| value.to_owned());
    Ok(Some(Grant { url, with: With::Refresh { client_id, client_secret, refresh_token } }))
}

impl Grant {
    /// What is to be signed (RS256), and the key in PEM to do it with; nothing where nothing is.
    pub fn to_sign(&self) -> Option<(&str, &str)> {
        match &self.with {
            With::Assertion { unsigned, key } => Some((unsigned, key)),
            With::Refresh { .. } => None,
        }
    }

    /// The refresh token that it is asked for with, where it is one: the server may give another one for it.
    pub fn refresh_token(&self) -> Option<&str> {
        match &self.with {
            With::Refresh { refresh_token, .. } => Some(refresh_token),
            With::Assertion { .. } => None,
        }
    }

    /// The request. `signature` is that of what is to be signed, if something is.
    pub fn request(&self, signature: &[u8]) -> HttpRequest {
        let mut form = Serializer::new(String::new());
        match &self.with {
            With::Refresh { client_id, client_secret, refresh_token } => {
                form.append_pair("grant_type", "refresh_token");
                form.append_pair("client_id", client_id);
                form.append_pair("client_secret", client_secret);
                form.append_pair("refresh_token", refresh_token);
            }
            With::Assertion { unsigned, .. } => {
                let signed = format!("{unsigned}.{}", super::service_account::encoded(signature));
                form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                form.append_pair("assertion", &signed);
            }
        }
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        HttpRequest { method: Method::POST, url: self.url.clone(), headers, body: form.finish().into() }
    }
}

impl fmt::Debug for Grant {
    /// Without anything that is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("refreshes", &self.refresh_token().is_some()).finish_non_exhaustive()
    }
}
