//! Identity providers that are trusted to say who somebody is.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use tributary_auth::ProviderRules;

use super::ConfigError;

/// One of them, for one agency.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityProvider {
    /// The `iss` of its tokens, to the letter.
    pub(crate) issuer: String,
    /// An `aud` of its tokens: as the dashboard is called there.
    pub(crate) audience: String,
    /// The key of the agency whose members it knows.
    pub(crate) agency: String,
    /// Where its keys are: `https://…`, or a file.
    pub(crate) jwks: String,
    /// The claim that has the e-mail address.
    #[serde(default = "email")]
    pub(crate) email_claim: String,
    /// The claim that has to be true for the address to count; empty: it vouches for every address.
    #[serde(default = "email_verified")]
    pub(crate) verified_claim: String,
    /// Claims that have to have these values.
    #[serde(default)]
    pub(crate) required_claims: BTreeMap<String, String>,
}

fn email() -> String {
    "email".to_owned()
}

fn email_verified() -> String {
    "email_verified".to_owned()
}

/// Where a provider's keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Jwks {
    /// At a URL.
    Url(String),
    /// In a file on this machine.
    File(PathBuf),
}

impl IdentityProvider {
    /// Which of its tokens are trusted.
    pub(crate) fn rules(&self) -> ProviderRules {
        ProviderRules {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            email_claim: self.email_claim.clone(),
            verified_claim: Some(self.verified_claim.clone()).filter(|claim| !claim.is_empty()),
            required_claims: self.required_claims.clone(),
        }
    }

    /// Where its keys are.
    pub(crate) fn jwks(&self) -> Jwks {
        match self.jwks.strip_prefix("file://") {
            Some(path) => Jwks::File(PathBuf::from(path)),
            None if self.jwks.contains("://") => Jwks::Url(self.jwks.clone()),
            None => Jwks::File(PathBuf::from(&self.jwks)),
        }
    }

    /// # Errors
    /// What of it cannot be used.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |what: String| Err(ConfigError(format!("`admin.identity_providers`: {what}")));
        let texts = [
            ("issuer", &self.issuer),
            ("audience", &self.audience),
            ("agency", &self.agency),
            ("jwks", &self.jwks),
            ("email_claim", &self.email_claim),
        ];
        if let Some((name, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
            return wrong(format!("`{name}` is empty"));
        }
        // Whoever can change the keys on their way is whoever they like.
        if let Jwks::Url(url) = self.jwks()
            && !url.starts_with("https://")
            && !is_this_machine(&url)
        {
            return wrong(format!("`jwks` {url:?} has to start with https://, or be a file"));
        }
        Ok(())
    }
}

fn is_this_machine(url: &str) -> bool {
    ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| url.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(jwks: &str) -> IdentityProvider {
        IdentityProvider {
            issuer: "https://login.example.com".to_owned(),
            audience: "dashboard".to_owned(),
            agency: "acme".to_owned(),
            jwks: jwks.to_owned(),
            email_claim: email(),
            verified_claim: String::new(),
            required_claims: BTreeMap::new(),
        }
    }

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for good in
            ["https://login.example.com/keys", "http://127.0.0.1:9/keys", "/etc/keys.json", "file:///etc/k"]
        {
            assert!(provider(good).check().is_ok(), "{good}");
        }
        for bad in ["http://login.example.com/keys", "http://127.0.0.1.example.com/", "ftp://x/y", "", " "] {
            assert!(provider(bad).check().is_err(), "{bad}");
        }
        assert_eq!(provider("file:///etc/k").jwks(), Jwks::File("/etc/k".into()));
        assert!(provider("keys").rules().verified_claim.is_none());
        assert!(IdentityProvider { agency: String::new(), ..provider("keys") }.check().is_err());
    }
}
