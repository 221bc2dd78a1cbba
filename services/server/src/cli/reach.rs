//! How a server is reached: where it listens, and with which token.

use std::{
    error::Error,
    fmt, io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;
use tributary_proto::admin::v1::{ExchangeApiKeyRequest, auth_service_client::AuthServiceClient};
use tributary_tls::{ClientStream, Protocol, TlsClient};

use super::{
    address::Addresses,
    client::{Bearer, Client, refused},
};
use crate::config::Config;

/// What API keys begin with.
const API_KEY: &str = "trk_";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The port of a URL with https that names none.
const HTTPS: u16 = 443;

/// How a server is reached.
#[derive(clap::Args)]
#[command(next_help_heading = "Server that is asked")]
pub(super) struct Reach {
    /// Context to ask through, made by `tributary login`, or `local` for this configuration's server; the default is the
    /// one in use, unless --address, --token or --data-dir is said
    #[arg(long, global = true, value_name = "NAME", env = "TRIBUTARY_CONTEXT")]
    pub(super) context: Option<String>,
    /// Address of the gRPC admin API, such as 127.0.0.1:8090; the default is that of the context, or this configuration's
    /// server
    #[arg(long, global = true, value_name = "ADDR", env = "TRIBUTARY_ADDRESS")]
    pub(super) address: Option<String>,
    /// Admin token, access token or API key; the default is what the context has, or the admin token in the data folder
    #[arg(long, global = true, value_name = "TOKEN", env = "TRIBUTARY_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Certificates that the server's has to be or to come from, in PEM; the default is what browsers trust
    #[arg(long, global = true, value_name = "FILE", env = "TRIBUTARY_CA")]
    pub(super) ca: Option<PathBuf>,
}

/// A server to be asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its URL, with http or https.
    pub(super) url: String,
    /// How it is trusted, with https.
    tls: Option<TlsClient>,
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
        Self { context: None, address: None, token: None, ca: None }
    }

    /// A server at this address, without a token; `ca` is what is trusted where the command line says nothing.
    pub(super) fn to(&self, address: &str, ca: Option<&Path>) -> Self {
        let ca = self.ca.clone().or_else(|| ca.map(Path::to_owned));
        // Whoever trusts a file of their own does so with TLS only.
        let ca = ca.filter(|_| !address.starts_with("http://"));
        Self { context: None, address: Some(address.to_owned()), token: None, ca }
    }

    /// The same server, with this token.
    pub(super) fn with_token(&self, token: String) -> Self {
        Self { context: None, address: self.address.clone(), token: Some(token), ca: self.ca.clone() }
    }

    /// Connects.
    ///
    /// # Errors
    /// When the address is one that cannot be talked to, there is no token, or nobody answers.
    pub(super) async fn connect(&self, config: &Config) -> anyhow::Result<Client> {
        let token = self.token(config)?;
        // What cannot be a header is refused before anything is sent.
        Bearer::of(&token)?;
        let channel = self.channel(config).await?;
        let token = if token.starts_with(API_KEY) { exchanged(channel.clone(), token).await? } else { token };
        Ok(Client { channel, bearer: Bearer::of(&token)?, agency: None, tenant: None })
    }

    /// Connects without a token, for what needs none.
    ///
    /// # Errors
    /// When the address is one that cannot be talked to, or nobody answers.
    pub(super) async fn channel(&self, config: &Config) -> anyhow::Result<Channel> {
        let Asked { url, tls } = self.asked(config)?;
        let endpoint = Endpoint::from_shared(url.clone())
            .with_context(|| format!("--address {url}: expected an address such as 127.0.0.1:8090"))?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).tcp_nodelay(true);
        let nobody = || {
            format!(
                "no server answers at {url}: start one with `tributary serve`, or say where it is with --address"
            )
        };
        match tls {
            None => endpoint.connect().await.map_err(|_| anyhow!(nobody())),
            Some(tls) => {
                let connector = service_fn(move |uri| dial(tls.clone(), uri));
                endpoint.connect_with_connector(connector).await.map_err(|error| match cause(&error) {
                    Some(why) => anyhow!("no TLS with {url}: {why}: name its certificate with --ca"),
                    None => anyhow!(nobody()),
                })
            }
        }
    }

    /// Where the admin API is, and how it is trusted. The server of this configuration is on this machine, so its
    /// certificate is known; another one's comes from whom browsers trust, or from `--ca`.
    ///
    /// # Errors
    /// When the address has another scheme than http and https, or a certificate cannot be read.
    pub(super) fn asked(&self, config: &Config) -> anyhow::Result<Asked> {
        let Some(address) = &self.address else {
            let own = Addresses::of(config);
            let pinned = own.admin_certificate.map(|file| TlsClient::pinned(&file, Protocol::Http2));
            return Ok(Asked::at(&own.admin.to_string(), pinned.transpose()?));
        };
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        match scheme.to_ascii_lowercase().as_str() {
            "https" => Ok(Asked::at(rest, Some(self.trust(Protocol::Http2)?))),
            "" if self.ca.is_some() => Ok(Asked::at(rest, Some(self.trust(Protocol::Http2)?))),
            "http" if self.ca.is_some() => {
                bail!("--address {address}: with --ca, it has to begin with https://")
            }
            "" | "http" => Ok(Asked::at(rest, None)),
            _ => bail!("--address {address}: expected an address such as 127.0.0.1:8090"),
        }
    }

    /// Who is trusted, besides the server on this machine.
    ///
    /// # Errors
    /// When the file of `--ca` cannot be used.
    pub(super) fn trust(&self, protocol: Protocol) -> anyhow::Result<TlsClient> {
        Ok(match &self.ca {
            Some(file) => TlsClient::trusting(file, protocol),
            None => TlsClient::well_known(protocol),
        }?)
    }

    fn token(&self, config: &Config) -> anyhow::Result<String> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        // The token of this machine's server is nobody else's business: not of a server whose name was mistyped.
        if let Some(address) = self.address.as_ref().filter(|address| !is_here(address)) {
            bail!("--address {address} is another machine: give a token of its server with --token");
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

/// Whether an address is on this machine.
pub(super) fn is_here(address: &str) -> bool {
    let place = address.split_once("://").map_or(address, |(_, place)| place);
    let url = format!("http://{place}").parse::<Uri>();
    let host = url.ok().and_then(|url| url.host().map(str::to_owned)).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The access token that an API key is worth.
async fn exchanged(channel: Channel, secret: String) -> anyhow::Result<String> {
    let mut auth = AuthServiceClient::new(channel);
    let answer = auth.exchange_api_key(ExchangeApiKeyRequest { secret }).await.map_err(refused)?;
    let token = answer.into_inner().access_token.map(|token| token.token);
    token.ok_or_else(|| anyhow!("the server took the API key and gave no token for it"))
}

impl Asked {
    fn at(place: &str, tls: Option<TlsClient>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        Self { url: format!("{scheme}://{place}"), tls }
    }
}

/// Opens a connection with TLS.
async fn dial(tls: TlsClient, uri: Uri) -> io::Result<TokioIo<ClientStream<TcpStream>>> {
    let host = uri.host().ok_or(io::ErrorKind::InvalidInput)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, uri.port_u16().unwrap_or(HTTPS))).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(tls.connect(host, stream).await?))
}

/// Why no TLS came about; none where nobody answered at all.
fn cause(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<io::Error>();
        if let Some(tls) = io.filter(|io| io.kind() == io::ErrorKind::InvalidData) {
            return Some(tls.to_string());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn the_token_of_this_machine_goes_to_no_other() {
        for (address, here) in [
            ("127.0.0.1:8090", true),
            ("http://127.9.9.9:8090", true),
            ("https://localhost:1", true),
            ("[::1]:8090", true),
            ("10.0.0.7:8090", false),
            ("http://127.0.0.1.example.com:8090", false),
            ("localhost.example.com", false),
            ("http://127.0.0.1@example.com:1", false),
            ("", false),
        ] {
            assert_eq!(is_here(address), here, "{address}");
        }
        let config = Config { data_dir: "/nowhere".into(), ..Config::default() };
        let reach = Reach { address: Some("10.0.0.7:8090".to_owned()), ..Reach::local() };
        assert!(reach.token(&config).unwrap_err().to_string().contains("another machine"));
    }

    #[test]
    fn the_token_is_not_shown() {
        let reach = Reach { token: Some("tra_canary".to_owned()), ..Reach::local() };
        assert!(!format!("{reach:?}").contains("canary"));
    }

    fn reach(address: Option<&str>) -> Reach {
        Reach { address: address.map(str::to_owned), token: Some("tra_canary".to_owned()), ..Reach::local() }
    }

    fn config() -> Config {
        Config { data_dir: "/nowhere".into(), ..Config::default() }
    }

    #[test]
    fn an_address_needs_no_scheme() {
        let url = |address: Option<&str>| reach(address).asked(&config()).unwrap().url;
        assert_eq!(url(Some("10.0.0.1:9")), "http://10.0.0.1:9");
        assert_eq!(url(Some("http://x:9")), "http://x:9");
        assert_eq!(url(Some("HTTPS://x:9")), "https://x:9");
        assert_eq!(url(None), "http://127.0.0.1:8090");
        for odd in ["unix://x", "ftp://x:9"] {
            assert!(reach(Some(odd)).asked(&config()).is_err(), "{odd}");
        }
        let clear = Reach { ca: Some("ca.pem".into()), ..reach(Some("http://x:9")) };
        assert!(clear.asked(&config()).is_err(), "whoever names a certificate wants it to be looked at");
    }

    #[tokio::test]
    async fn whoever_speaks_no_tls_is_not_told_the_token() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let answers = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 4096];
            let count = stream.read(&mut heard).await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let _ = stream.shutdown().await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            [&heard[..count], &rest].concat()
        });
        let refused = reach(Some(&address)).connect(&config()).await.unwrap_err().to_string();
        assert!(refused.contains("no TLS with"), "{refused}");
        let heard = answers.await.unwrap();
        assert_eq!(heard[0], 22, "the first thing is a handshake");
        assert!(!String::from_utf8_lossy(&heard).contains("tra_canary"));
    }
}
