//! What the answer of a token server means.

use std::{fmt, time::Duration};

use http::{HeaderMap, header};
use serde::Deserialize;
use tributary_domain::{retry::parse_retry_after, time::Timestamp};

use crate::destinations::{About, Trouble, errors::is_word};

/// How long an access token is taken to last whose server does not say.
const UNSAID: u64 = 60 * 60;
/// A longer one is none that is known of; it is no text that goes into a header either.
const LONGEST_TOKEN: usize = 16 * 1_024;

/// An access token, and what came with it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The token; printable characters without spaces.
    pub access: String,
    /// How long it lasts.
    pub lasts: Duration,
    /// Another refresh token that is to be used from now on.
    pub refresh: Option<String>,
    /// How long the credential lasts that it was got with, where the server says so.
    pub credential_lasts: Option<Duration>,
}

impl fmt::Debug for Token {
    /// Without the tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("lasts", &self.lasts).finish_non_exhaustive()
    }
}

/// Why there is no token. Reasons are for people: lower case, without secrets and personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It does not take the credential.
    Trouble(Trouble, String),
    /// It has none now; the next try may succeed.
    Later {
        /// How long it asked to wait.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    refresh_token_expires_in: Option<u64>,
    #[serde(default)]
    scope: Option<String>,
}

/// An error as RFC 6749 has it, in 5.2.
#[derive(Deserialize)]
struct Failed {
    error: String,
}

/// What an error means, by its word.
const ERRORS: &[(&str, Trouble, &str)] = &[
    (
        "invalid_grant",
        Trouble::Revoked,
        "the refresh token or the service account's key is not valid any more, or this server's clock is wrong: enter another one",
    ),
    ("invalid_client", Trouble::Revoked, "the client's id or secret is not valid: enter them again"),
    (
        "deleted_client",
        Trouble::Revoked,
        "the OAuth client was deleted: make another one, and enter its id and secrets",
    ),
    (
        "unauthorized_client",
        Trouble::Revoked,
        "the client may not get tokens like that: enter the secrets of another one",
    ),
    (
        "disabled_client",
        Trouble::Revoked,
        "the OAuth client is switched off: switch it on, or enter another one",
    ),
    ("invalid_scope", Trouble::ScopeMissing, "the scope is not granted: have access granted again, with it"),
    ("access_denied", Trouble::ScopeMissing, "access is not granted: have it granted again"),
    ("admin_policy_enforced", Trouble::ScopeMissing, "an administrator forbids it: ask them"),
    ("org_internal", Trouble::ScopeMissing, "the client is for another organization: make one for this"),
];

/// What the answer that came at `now` means. `body` may be only the beginning of the answer's body.
///
/// # Errors
/// When there is no token in it.
pub fn read(
    about: &About,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Token, Refusal> {
    let name = about.display_name;
    if (200..300).contains(&status) {
        let token = serde_json::from_slice::<Granted>(body).ok().filter(is_usable);
        let Some(token) = token else {
            let reason = format!("the token server of {name} answered {status} without an access token");
            return Err(Refusal::Later { after: None, reason });
        };
        return granted(about, token);
    }
    let after = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let after = after.and_then(|value| parse_retry_after(value, now));
    let error = serde_json::from_slice::<Failed>(body).ok().map(|failed| failed.error);
    let word = error.as_deref().filter(|word| is_word(word));
    let said = word.map(|word| format!(" ({word})")).unwrap_or_default();
    let known = ERRORS.iter().find(|(code, ..)| word == Some(*code));
    let passes =
        matches!(word, Some("temporarily_unavailable" | "server_error" | "slow_down" | "internal_failure"));
    let told = |what: &str| format!("the token server of {name} answered {status}{said}: {what}");
    match (known, status) {
        (Some((_, trouble, what)), _) => Err(Refusal::Trouble(*trouble, told(what))),
        // What is no error in its words is none of its own: something on the way may have answered.
        (None, 400 | 401 | 403) if word.is_some() && !passes => {
            Err(Refusal::Trouble(Trouble::Revoked, told("it does not take the credential: enter it again")))
        }
        _ => Err(Refusal::Later { after, reason: told("it has no token now") }),
    }
}

fn is_usable(token: &Granted) -> bool {
    let text = &token.access_token;
    let is_bearer = token.token_type.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    is_bearer && (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn granted(about: &About, token: Granted) -> Result<Token, Refusal> {
    let wanted = about.oauth.map_or("", |oauth| oauth.scope);
    let has = |scopes: &String| scopes.split([' ', ',']).any(|scope| scope == wanted);
    if !wanted.is_empty() && !token.scope.as_ref().is_none_or(has) {
        let reason = format!("the access is not for the scope {wanted}: have it granted again, with it");
        return Err(Refusal::Trouble(Trouble::ScopeMissing, reason));
    }
    Ok(Token {
        access: token.access_token,
        lasts: Duration::from_secs(token.expires_in.unwrap_or(UNSAID)),
        refresh: token.refresh_token.filter(|refresh| !refresh.is_empty()),
        credential_lasts: token.refresh_token_expires_in.map(Duration::from_secs),
    })
}
