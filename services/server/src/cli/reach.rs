//! How a server is reached: where it listens, and with which token.

use std::{fmt, time::Duration};

use anyhow::{Context, anyhow};
use tonic::transport::{Channel, Endpoint};

use super::{
    address::Addresses,
    client::{Bearer, Client},
};
use crate::config::Config;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a server is reached.
#[derive(clap::Args)]
pub(super) struct Reach {
    /// Address of the gRPC admin API, such as 127.0.0.1:8090; the default is this configuration's server
    #[arg(long, global = true, value_name = "ADDR", env = "TRIBUTARY_ADDRESS")]
    address: Option<String>,
    /// Admin token; the default is the one in the data folder
    #[arg(long, global = true, value_name = "TOKEN", env = "TRIBUTARY_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl fmt::Debug for Reach {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Reach {
    /// A server that the configuration says, with the token of its data folder.
    pub(super) fn local() -> Self {
        Self { address: None, token: None }
    }

    /// Connects.
    ///
    /// # Errors
    /// When there is no token, or nobody answers.
    pub(super) async fn connect(&self, config: &Config) -> anyhow::Result<Client> {
        let bearer = Bearer::of(&self.token(config)?)?;
        Ok(Client { channel: self.channel(config).await?, bearer })
    }

    /// Connects without a token, for what needs none.
    ///
    /// # Errors
    /// When nobody answers.
    pub(super) async fn channel(&self, config: &Config) -> anyhow::Result<Channel> {
        let url = self.url(config);
        let endpoint = Endpoint::from_shared(url.clone())
            .with_context(|| format!("--address {url}: expected an address such as 127.0.0.1:8090"))?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
        endpoint.connect().await.map_err(|_| anyhow!("no server answers at {url}: start one with `tributary serve`, or say where it is with --address"))
    }

    /// Where the admin API is.
    pub(super) fn url(&self, config: &Config) -> String {
        match &self.address {
            Some(url) if url.contains("://") => url.clone(),
            Some(address) => format!("http://{address}"),
            None => format!("http://{}", Addresses::of(config).admin),
        }
    }

    fn token(&self, config: &Config) -> anyhow::Result<String> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let file = config.token_file();
        let token = std::fs::read_to_string(&file).with_context(|| {
            format!(
                "no admin token in {}: name the server's data folder with --data-dir, or give a --token",
                file.display()
            )
        })?;
        Ok(token.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_shown() {
        let reach = Reach { address: None, token: Some("tra_canary".to_owned()) };
        assert!(!format!("{reach:?}").contains("canary"));
    }

    #[test]
    fn an_address_needs_no_scheme() {
        let config = Config { data_dir: "/nowhere".into(), ..Config::default() };
        let url =
            |address: Option<&str>| Reach { address: address.map(str::to_owned), token: None }.url(&config);
        assert_eq!(url(Some("10.0.0.1:9")), "http://10.0.0.1:9");
        assert_eq!(url(Some("http://x:9")), "http://x:9");
        assert_eq!(url(None), "http://127.0.0.1:8090");
    }
}
