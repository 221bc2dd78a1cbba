//! How a server is reached: where it listens, and with which token.

use std::{fmt, time::Duration};

use anyhow::{Context, anyhow, bail};
use tonic::transport::{Channel, Endpoint};
use tributary_proto::admin::v1::{ExchangeApiKeyRequest, auth_service_client::AuthServiceClient};

use super::{
    address::Addresses,
    client::{Bearer, Client, refused},
};
use crate::config::Config;

/// What API keys begin with.
const API_KEY: &str = "trk_";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How a server is reached.
#[derive(clap::Args)]
#[command(next_help_heading = "Server that is asked")]
pub(super) struct Reach {
    /// Address of the gRPC admin API, such as 127.0.0.1:8090; the default is this configuration's server
    #[arg(long, global = true, value_name = "ADDR", env = "TRIBUTARY_ADDRESS")]
    address: Option<String>,
    /// Admin token, access token or API key; the default is the admin token in the data folder
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
    /// When the address is one that cannot be talked to, there is no token, or nobody answers.
    pub(super) async fn connect(&self, config: &Config) -> anyhow::Result<Client> {
        self.url(config)?;
        let token = self.token(config)?;
        // What cannot be a header is refused before anything is sent.
        Bearer::of(&token)?;
        let channel = self.channel(config).await?;
        let token = if token.starts_with(API_KEY) { exchanged(channel.clone(), token).await? } else { token };
        Ok(Client { channel, bearer: Bearer::of(&token)? })
    }

    /// Connects without a token, for what needs none.
    ///
    /// # Errors
    /// When the address is one that cannot be talked to, or nobody answers.
    pub(super) async fn channel(&self, config: &Config) -> anyhow::Result<Channel> {
        let url = self.url(config)?;
        let endpoint = Endpoint::from_shared(url.clone())
            .with_context(|| format!("--address {url}: expected an address such as 127.0.0.1:8090"))?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
        endpoint.connect().await.map_err(|_| anyhow!("no server answers at {url}: start one with `tributary serve`, or say where it is with --address"))
    }

    /// Where the admin API is. Commands speak no TLS: whoever asks for https means that the token is not to be seen on
    /// the way, so it is refused instead of being spoken in the clear.
    ///
    /// # Errors
    /// When the address has another scheme than http.
    pub(super) fn url(&self, config: &Config) -> anyhow::Result<String> {
        let Some(address) = &self.address else {
            return Ok(format!("http://{}", Addresses::of(config).admin));
        };
        match address.split_once("://") {
            None => Ok(format!("http://{address}")),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => Ok(address.clone()),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => bail!(
                "--address {address}: commands do not speak TLS and would send the token in the clear: use the \
                 server's own address with http, through a tunnel where the way is not trusted"
            ),
            Some(_) => bail!("--address {address}: expected an address such as 127.0.0.1:8090"),
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

/// The access token that an API key is worth.
async fn exchanged(channel: Channel, secret: String) -> anyhow::Result<String> {
    let mut auth = AuthServiceClient::new(channel);
    let answer = auth.exchange_api_key(ExchangeApiKeyRequest { secret }).await.map_err(refused)?;
    let token = answer.into_inner().access_token.map(|token| token.token);
    token.ok_or_else(|| anyhow!("the server took the API key and gave no token for it"))
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
        assert_eq!(url(Some("10.0.0.1:9")).unwrap(), "http://10.0.0.1:9");
        assert_eq!(url(Some("http://x:9")).unwrap(), "http://x:9");
        assert_eq!(url(None).unwrap(), "http://127.0.0.1:8090");
    }

    #[tokio::test]
    async fn an_address_that_asks_for_tls_is_sent_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = Config { data_dir: "/nowhere".into(), ..Config::default() };
        for scheme in ["https", "HTTPS", "unix"] {
            let address = format!("{scheme}://{}", listener.local_addr().unwrap());
            let reach = Reach { address: Some(address), token: Some("tra_canary".to_owned()) };
            let refused = reach.connect(&config).await.unwrap_err().to_string();
            assert!(refused.contains("--address"), "{refused}");
            assert!(reach.channel(&config).await.is_err());
        }
        let called = tokio::time::timeout(Duration::from_millis(1), listener.accept()).await;
        assert!(called.is_err(), "nobody was called");
    }
}
