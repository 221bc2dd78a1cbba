//! Where a server listens, as far as this machine knows.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context;
use serde::Deserialize;
use tributary_tls::{Protocol, TlsClient};

use crate::{config::Config, run::ADDRESSES};

/// The addresses of a server, each such that it can be reached from this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Addresses {
    /// The public door.
    pub(super) http: SocketAddr,
    /// The admin API.
    pub(super) admin: SocketAddr,
    /// Health and metrics.
    pub(super) operations: SocketAddr,
    /// The file of the certificate that the door shows; none: it speaks no TLS.
    #[serde(default)]
    pub(super) http_certificate: Option<PathBuf>,
    /// The file of the certificate that the admin API shows; none: it speaks no TLS.
    #[serde(default)]
    pub(super) admin_certificate: Option<PathBuf>,
}

impl Addresses {
    /// What the last server of this data folder wrote there, or else what is configured. The former knows the ports
    /// that were chosen at start.
    pub(super) fn of(config: &Config) -> Self {
        let written = std::fs::read(config.data_dir.join(ADDRESSES)).ok();
        let written = written.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let found = written.unwrap_or_else(|| Self {
            http: config.http.listen,
            admin: config.admin.listen,
            operations: config.operations.listen,
            http_certificate: config.http_tls().map(|files| files.certificate),
            admin_certificate: config.admin_tls().map(|files| files.certificate),
        });
        Self {
            http: reachable(found.http),
            admin: reachable(found.admin),
            operations: reachable(found.operations),
            ..found
        }
    }

    /// How the door is trusted on this machine; none: it speaks no TLS.
    ///
    /// # Errors
    /// When its certificate cannot be read.
    pub(super) fn door_trust(&self) -> anyhow::Result<Option<TlsClient>> {
        let pinned = self.http_certificate.as_ref().map(|file| TlsClient::pinned(file, Protocol::Http1));
        Ok(pinned.transpose()?)
    }

    /// Where this machine posts to what outsiders post to `webhook_url`: the door itself, without the scheme, host and
    /// path that a proxy before it adds.
    ///
    /// # Errors
    /// When it is no webhook URL.
    pub(super) fn webhook(&self, webhook_url: &str) -> anyhow::Result<String> {
        let at = webhook_url.rfind("/in/").context("the webhook URL has no /in/ and no secret")?;
        let scheme = if self.http_certificate.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}{}", self.http, &webhook_url[at..]))
    }
}

/// Who listens on every address is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_wrote_is_newer_than_what_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.http.listen = "0.0.0.0:1".parse().unwrap();
        assert_eq!(Addresses::of(&config).http, "127.0.0.1:1".parse().unwrap());
        let written = r#"{"http":"[::]:5","admin":"127.0.0.1:6","operations":"127.0.0.1:7"}"#;
        std::fs::write(folder.path().join(ADDRESSES), written).unwrap();
        let found = Addresses::of(&config);
        assert_eq!((found.http, found.admin.port()), ("[::1]:5".parse().unwrap(), 6));
    }

    #[test]
    fn a_webhook_is_posted_to_the_door_itself() {
        let addresses = Addresses::of(&Config { data_dir: "/nowhere".into(), ..Config::default() });
        for public in ["https://in.example.com", "http://proxy/base", "http://127.0.0.1:1", "https://x/in/y"]
        {
            let own = addresses.webhook(&format!("{public}/in/secret")).unwrap();
            assert_eq!(own, "http://127.0.0.1:8080/in/secret");
        }
        assert!(addresses.webhook("https://in.example.com/hook").is_err());
    }
}
