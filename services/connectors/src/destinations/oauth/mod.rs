//! Access tokens by OAuth 2: what a token server is asked for, and what its answers mean. A token is got either with a refresh
//! token that somebody consented to (RFC 6749), or with an assertion that a service account's key signs (RFC 7523).

mod answer;
mod grant;
mod service_account;
#[cfg(test)]
mod tests;

pub use answer::{Refusal, Token, read};
pub use grant::{Grant, grant};

use super::schema::{Field, FieldKind};

/// How a platform wants access to be got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OAuth {
    /// What the token has to be for.
    pub scope: &'static str,
    /// Whether a service account can get one too, besides a refresh token.
    pub service_accounts: bool,
    /// A secret of the owner that can be put in the place of all that: a token that does not need to be renewed. Empty: none can.
    pub instead: &'static str,
}

/// The key of a service account.
pub(super) const SERVICE_ACCOUNT: Field = Field::setting(
    "service_account",
    "Service account",
    "the whole key file of a service account, as JSON; or else a client with a refresh token",
    FieldKind::Json,
)
.hidden();

/// The application that somebody gave access to.
pub(super) const CLIENT_ID: Field = Field::setting(
    "client_id",
    "Client id",
    "the id of the OAuth client that the refresh token was made for; only with one",
    FieldKind::Word,
);

/// The application's secret.
pub(super) const CLIENT_SECRET: Field = Field {
    required: false,
    ..Field::token("client_secret", "Client secret", "the secret of that OAuth client")
};

/// What somebody gave the application.
pub(super) const REFRESH_TOKEN: Field = Field {
    required: false,
    ..Field::token("refresh_token", "Refresh token", "a refresh token of somebody who may send events there")
};

/// Where tokens are got, so that tests and gateways can stand in for it.
pub(super) const fn token_url(default: &'static str) -> Field {
    const HELP: &str = "where access tokens are got; only for a gateway or a test";
    Field::setting("token_url", "Token URL", HELP, FieldKind::Url).or(default)
}
