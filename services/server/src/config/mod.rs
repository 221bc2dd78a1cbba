//! What is configured: defaults < `tributary.toml` < environment (`TRIBUTARY_…`, two underscores between the
//! levels) < flags.

mod flags;
mod identity;
mod load;
mod show;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tributary_admin::Origin;
use tributary_connectors::sources::calendly::api::API_URL;
use tributary_telemetry::TelemetryOptions;
use tributary_tls::TlsFiles;

pub(crate) use flags::Flags;
pub(crate) use identity::{IdentityProvider, Jwks};
pub(crate) use load::{ConfigError, load, subnets};
pub(crate) use show::masked;

/// The whole configuration. An unknown key is an error.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder of everything that is kept on this machine.
    pub(crate) data_dir: PathBuf,
    /// What webhook URLs are built from, without a slash at its end.
    pub(crate) public_url: String,
    /// Threads for evaluation, and as many for delivery; 0: as many as there are cores.
    pub(crate) threads: usize,
    /// How long a stop may take, in seconds.
    pub(crate) drain_seconds: u64,
    /// The database.
    pub(crate) database: Database,
    /// The public door.
    pub(crate) http: Http,
    /// The gRPC admin API.
    pub(crate) admin: Admin,
    /// Health and metrics.
    pub(crate) operations: Listener,
    /// The local journal.
    pub(crate) journal: Journal,
    /// The outbound client.
    pub(crate) egress: Egress,
    /// Connections to Calendly.
    pub(crate) calendly: Calendly,
    /// Logs, traces and metrics.
    pub(crate) telemetry: Telemetry,
    /// Planted faults: for tests only.
    pub(crate) faults: Faults,
}

/// Where the database is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// `sqlite://FILE` or `postgres://…`; empty: SQLite in the data folder.
    pub(crate) url: String,
    /// Connections of the pool on Postgres; readers besides the one writer on SQLite.
    pub(crate) max_connections: u32,
}

/// The public door.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The file of its certificate; empty: it speaks no TLS.
    pub(crate) tls_certificate: PathBuf,
    /// The file of the certificate's key.
    pub(crate) tls_key: PathBuf,
    /// Connections at a time.
    pub(crate) max_connections: usize,
    /// Bytes of bodies in memory at a time.
    pub(crate) max_body_bytes: usize,
    /// Subnets of proxies whose word on where a visitor comes from is believed.
    pub(crate) trusted_proxies: Vec<String>,
    /// Requests a second of one visitor's address; 0: any number.
    pub(crate) address_requests_per_second: u32,
}

/// The gRPC admin API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Admin {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Whether it describes itself to tools such as grpcurl.
    pub(crate) reflection: bool,
    /// The origins of web pages that may call it, such as `https://dashboard.example.com`.
    pub(crate) allowed_origins: Vec<String>,
    /// Subnets of proxies whose word on where a call comes from is believed.
    pub(crate) trusted_proxies: Vec<String>,
    /// Who else is trusted to say who somebody is.
    pub(crate) identity_providers: Vec<IdentityProvider>,
    /// The file of its certificate; empty: it speaks no TLS.
    pub(crate) tls_certificate: PathBuf,
    /// The file of the certificate's key.
    pub(crate) tls_key: PathBuf,
    /// Connections at a time.
    pub(crate) max_connections: usize,
    /// After how many seconds a connection takes no new calls.
    pub(crate) max_connection_age_seconds: u64,
}

/// A listener that has nothing else to say.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
}

/// The local journal, in `journal` below the data folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    /// Free bytes that the volume keeps; below that, webhooks are answered 503.
    pub(crate) reserve_bytes: u64,
    /// Bytes of one segment file.
    pub(crate) segment_bytes: u64,
}

/// The outbound client.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Egress {
    /// Subnets besides the public internet that deliveries may go to, such as `10.1.0.0/16`, for who runs the house
    /// for themselves.
    pub(crate) allow: Vec<String>,
}

/// Connections to Calendly.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calendly {
    /// Where its API is.
    pub(crate) api_url: String,
    /// How often each connection is looked at, in seconds.
    pub(crate) check_seconds: u64,
}

/// Logs, traces and metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// `text` or `json`.
    pub(crate) log_format: LogFormat,
    /// What is logged, such as `info` or `info,tributary_actors=debug`.
    pub(crate) log_filter: String,
    /// An OTLP/gRPC collector such as `http://127.0.0.1:4317`; empty: nothing is exported.
    pub(crate) otlp_endpoint: String,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Planted faults.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faults {
    /// Workflows panic on bodies whose top-level `fault` is this text; empty: never.
    pub(crate) workflow_panic: String,
    /// So many times shorter deliveries wait.
    pub(crate) hurry: u32,
}

impl Default for Config {
    fn default() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            data_dir: PathBuf::from("data"),
            public_url: String::new(),
            threads: 0,
            drain_seconds: 30,
            database: Database { url: String::new(), max_connections: 8 },
            http: Http {
                listen: local(8080),
                tls_certificate: PathBuf::new(),
                tls_key: PathBuf::new(),
                max_connections: 10_000,
                max_body_bytes: 64 << 20,
                trusted_proxies: Vec::new(),
                address_requests_per_second: 20,
            },
            admin: Admin {
                listen: local(8090),
                reflection: false,
                allowed_origins: Vec::new(),
                trusted_proxies: Vec::new(),
                identity_providers: Vec::new(),
                tls_certificate: PathBuf::new(),
                tls_key: PathBuf::new(),
                max_connections: 500,
                max_connection_age_seconds: 60 * 60,
            },
            operations: Listener { listen: local(8081) },
            journal: Journal { reserve_bytes: 256 << 20, segment_bytes: 64 << 20 },
            egress: Egress { allow: Vec::new() },
            calendly: Calendly { api_url: API_URL.to_owned(), check_seconds: 600 },
            telemetry: Telemetry {
                log_format: LogFormat::Text,
                log_filter: TelemetryOptions::default().filter,
                otlp_endpoint: String::new(),
            },
            faults: Faults { workflow_panic: String::new(), hurry: 1 },
        }
    }
}

impl Config {
    /// The database's URL in force.
    pub(crate) fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            format!("sqlite://{}", self.data_dir.join("tributary.db").display())
        } else {
            self.database.url.clone()
        }
    }

    /// The public URL in force, when the door listens at `door`.
    pub(crate) fn public_url(&self, door: SocketAddr) -> String {
        if self.public_url.is_empty() {
            let scheme = if self.http_tls().is_some() { "https" } else { "http" };
            format!("{scheme}://{door}")
        } else {
            self.public_url.trim_end_matches('/').to_owned()
        }
    }

    /// The origins of web pages that may call the admin API.
    ///
    /// # Errors
    /// One that browsers do not send so, with what is wrong.
    pub(crate) fn allowed_origins(&self) -> Result<Vec<Origin>, ConfigError> {
        let read = |text: &String| {
            let origin = text.parse();
            origin.map_err(|error| ConfigError(format!("`admin.allowed_origins`: {text:?} is {error}")))
        };
        self.admin.allowed_origins.iter().map(read).collect()
    }

    /// The certificate of the public door; none: it speaks no TLS.
    pub(crate) fn http_tls(&self) -> Option<TlsFiles> {
        files(&self.http.tls_certificate, &self.http.tls_key)
    }

    /// The certificate of the admin API; none: it speaks no TLS.
    pub(crate) fn admin_tls(&self) -> Option<TlsFiles> {
        files(&self.admin.tls_certificate, &self.admin.tls_key)
    }

    /// Where the admin token is kept.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.data_dir.join("admin.token")
    }
}

fn files(certificate: &Path, key: &Path) -> Option<TlsFiles> {
    let is_set = !certificate.as_os_str().is_empty();
    is_set.then(|| TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() })
}
