//! The file of contexts.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use anyhow::anyhow;
use serde::{Deserialize, Serialize};

/// Every context, and which one is in use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contexts {
    /// The one that commands use when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) current: Option<String>,
    /// All, by name.
    #[serde(default)]
    pub(super) contexts: BTreeMap<String, Context>,
}

/// A server that somebody signed in to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Context {
    /// Its name.
    #[serde(skip)]
    pub(super) name: String,
    /// The admin API's address with http or https.
    pub(super) server: String,
    /// The file of the certificates that are trusted; none: what browsers trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ca: Option<PathBuf>,
    /// Who signed in: an e-mail address, or the name of an API key; empty: whoever runs the installation.
    #[serde(default)]
    pub(super) principal: String,
    /// The agency that is meant where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agency: Option<String>,
    /// The tenant that is meant where none is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tenant: Option<String>,
    /// What calls are made with; none: nobody is signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) credentials: Option<Credentials>,
}

/// What calls are made with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Credentials {
    /// A token that is good until it is taken away: an API key's, or the admin token.
    Token {
        /// The token.
        token: String,
    },
    /// A member's session.
    Session {
        /// What the next tokens are got with, once.
        refresh_token: String,
        /// What calls are made with.
        access_token: String,
        /// Until when, in seconds since the epoch.
        access_expires: i64,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Credentials {
    /// What they are, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::Session { .. } => "session",
        }
    }
}

impl Contexts {
    /// The context with this name.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn get(&self, name: &str) -> anyhow::Result<Context> {
        let found = self.contexts.get(name).cloned();
        let found = found.map(|context| Context { name: name.to_owned(), ..context });
        found.ok_or_else(|| match self.contexts.is_empty() {
            true => anyhow!("no context `{name}`: there is none yet, make one with `tributary login`"),
            false => {
                let names = self.contexts.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                anyhow!("no context `{name}`: there are {names}")
            }
        })
    }

    /// The context that is in use, if one is.
    ///
    /// # Errors
    /// When it is not there.
    pub(super) fn in_use(&self) -> anyhow::Result<Option<Context>> {
        self.current.as_deref().map(|name| self.get(name)).transpose()
    }

    /// The name that is given, or that of the context in use.
    ///
    /// # Errors
    /// When none is.
    pub(super) fn name_or_current(&self, given: Option<&str>) -> anyhow::Result<String> {
        let name = given.or(self.current.as_deref()).map(str::to_owned);
        name.ok_or_else(|| anyhow!("no context is in use: say which, or see `tributary context list`"))
    }
}
