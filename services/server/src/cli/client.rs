//! The gRPC client that every command asks through.

use std::{fmt, time::Duration};

use anyhow::{Context, anyhow, bail};
use tokio::runtime::{Builder, Runtime};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tributary_proto::admin::v1::{
    agency_service_client::AgencyServiceClient, destination_service_client::DestinationServiceClient,
    event_service_client::EventServiceClient, log_service_client::LogServiceClient,
    profile_service_client::ProfileServiceClient, source_service_client::SourceServiceClient,
    tenant_service_client::TenantServiceClient, workflow_service_client::WorkflowServiceClient,
};

use super::address::Addresses;
use crate::config::Config;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read: as much as the server sends.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

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

/// A runtime for commands that only ask.
///
/// # Errors
/// When the system refuses.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("the runtime cannot be started")
}

/// Adds the token to every call.
#[derive(Clone)]
pub(super) struct Bearer(MetadataValue<Ascii>);

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
}

impl Bearer {
    fn of(token: &str) -> anyhow::Result<Self> {
        let Ok(mut value) = format!("Bearer {token}").parse::<MetadataValue<Ascii>>() else {
            bail!("the admin token holds characters that no token has");
        };
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A connection that calls are made over.
type Authorised = InterceptedService<Channel, Bearer>;

/// A connected server. A clone uses the same connection.
#[derive(Debug, Clone)]
pub(super) struct Client {
    channel: Channel,
    bearer: Bearer,
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident: $client:ident),* $(,)?) => {
        impl Client {
            $($(#[$doc])*
            pub(super) fn $name(&self) -> $client<Authorised> {
                $client::with_interceptor(self.channel.clone(), self.bearer.clone())
                    .max_decoding_message_size(MAX_ANSWER)
            })*
        }
    };
}

services! {
    /// Agencies.
    agencies: AgencyServiceClient,
    /// Tenants.
    tenants: TenantServiceClient,
    /// Sources.
    sources: SourceServiceClient,
    /// Workflows.
    workflows: WorkflowServiceClient,
    /// Destinations.
    destinations: DestinationServiceClient,
    /// Logs and traces.
    logs: LogServiceClient,
    /// Events.
    events: EventServiceClient,
    /// Profiles.
    profiles: ProfileServiceClient,
}

/// What a refused call means for the person at the command line.
pub(super) fn refused(status: Status) -> anyhow::Error {
    match status.code() {
        Code::Unauthenticated => anyhow!("{}: give the server's own with --token", status.message()),
        Code::Unavailable => anyhow!("the server cannot answer now: {}", status.message()),
        Code::Cancelled | Code::Unknown => {
            anyhow!("the connection to the server broke: {}", status.message())
        }
        _ => anyhow!("{}", status.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_shown() {
        let reach = Reach { address: None, token: Some("tra_canary".to_owned()) };
        assert!(!format!("{reach:?}").contains("canary"));
        assert!(!format!("{:?}", Bearer::of("tra_canary").unwrap()).contains("canary"));
        assert!(!Bearer::of("tra_\ncanary").unwrap_err().to_string().contains("canary"));
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
