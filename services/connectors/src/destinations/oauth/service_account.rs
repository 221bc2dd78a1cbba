//! The key file of a service account, and what is asserted with it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::json;
use tributary_domain::time::Timestamp;

/// How long an assertion holds, in seconds: as long as Google lets it.
const HOLDS: i64 = 60 * 60;

/// A service account, as its key file has it. Where tokens are got stands in the settings and not there: what somebody
/// pastes decides nothing about where secrets go.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
    #[serde(default)]
    private_key_id: String,
    pub(super) private_key: String,
}

impl ServiceAccount {
    /// Reads a key file; what is wrong with it otherwise, without anything of it.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        const NONE: &str =
            "is no key of a service account: paste the whole JSON file that was downloaded for it";
        let account: Self = serde_json::from_str(text).map_err(|_| NONE)?;
        let is_whole = account.kind == "service_account"
            && account.client_email.contains('@')
            && account.private_key.starts_with("-----BEGIN ")
            && account.private_key.trim_end().ends_with("PRIVATE KEY-----");
        if is_whole { Ok(account) } else { Err(NONE) }
    }

    /// What is asserted at `now`, as it is signed.
    pub(super) fn unsigned(&self, scope: &str, audience: &str, now: Timestamp) -> String {
        let mut head = json!({"alg": "RS256", "typ": "JWT"});
        if !self.private_key_id.is_empty() {
            head["kid"] = json!(self.private_key_id);
        }
        let claims = json!({
            "iss": self.client_email, "scope": scope, "aud": audience,
            "iat": now.seconds(), "exp": now.seconds().saturating_add(HOLDS),
        });
        format!("{}.{}", encoded(head.to_string().as_bytes()), encoded(claims.to_string().as_bytes()))
    }
}

/// As tokens have it.
pub(super) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
