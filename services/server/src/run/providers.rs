//! Where the keys of identity providers are read.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tributary_admin::{IdentityProvider, KeySource};
use tributary_egress::{Egress, OutboundRequest, Policy};

use crate::config::{self, Config, Jwks};

/// How long a provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest set of keys: some providers show certificates beside their keys.
const LARGEST: usize = 512 * 1_024;

/// The providers of the configuration. Their keys are fetched by a client with the `policy` of deliveries, but for the size of
/// the answer.
///
/// # Errors
/// When no client can be made.
pub(super) fn open(config: &Config, policy: Policy) -> anyhow::Result<Vec<IdentityProvider>> {
    if config.admin.identity_providers.is_empty() {
        return Ok(Vec::new());
    }
    let egress = super::parts::client(Policy { response_cap: LARGEST, ..policy })?;
    let provider = |configured: &config::IdentityProvider| IdentityProvider {
        rules: configured.rules(),
        agency: configured.agency.clone(),
        keys: match configured.jwks() {
            Jwks::Url(url) => Arc::new(AtUrl { egress: egress.clone(), url }),
            Jwks::File(path) => Arc::new(InFile(path)),
        },
    };
    Ok(config.admin.identity_providers.iter().map(provider).collect())
}

struct AtUrl {
    egress: Egress,
    url: String,
}

#[tonic::async_trait]
impl KeySource for AtUrl {
    async fn read(&self) -> Result<Vec<u8>, String> {
        let request = OutboundRequest {
            method: http::Method::GET,
            url: self.url.clone(),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            deadline: PATIENCE,
        };
        let answer = self.egress.send(request).await.map_err(|error| error.to_string())?;
        match answer.status {
            http::StatusCode::OK if !answer.truncated => Ok(answer.body.to_vec()),
            http::StatusCode::OK => Err(format!("the answer has more than {LARGEST} bytes, or broke off")),
            status => Err(format!("the answer is {status}")),
        }
    }
}

struct InFile(PathBuf);

#[tonic::async_trait]
impl KeySource for InFile {
    async fn read(&self) -> Result<Vec<u8>, String> {
        tokio::fs::read(&self.0).await.map_err(|error| format!("{}: {error}", self.0.display()))
    }
}
