//! Flags that set configuration, for every command that needs it.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::LogFormat;

/// Flags that override the file and the environment.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Flags {
    /// Configuration file; the default is tributary.toml in the working folder, if it is there
    #[arg(long, global = true, value_name = "FILE", env = "TRIBUTARY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the database, the journal and the keys
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What webhook URLs are built from: scheme, host and perhaps a path
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// sqlite://FILE or postgres://USER@HOST/NAME
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Address of the public door
    #[arg(long, global = true, value_name = "ADDR")]
    http_listen: Option<SocketAddr>,
    /// Address of the gRPC admin API
    #[arg(long, global = true, value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
    /// Address of health and metrics
    #[arg(long, global = true, value_name = "ADDR")]
    operations_listen: Option<SocketAddr>,
    /// OTLP/gRPC collector that traces and metrics are sent to
    #[arg(long, global = true, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// What is logged, such as info or debug
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
    /// How logs are written
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

impl Flags {
    /// Whether the command line names a data folder, and so the server that it belongs to.
    pub(crate) fn says_data_dir(&self) -> bool {
        self.data_dir.is_some()
    }

    /// What the flags set, in the shape of the configuration.
    pub(super) fn overrides(&self) -> Value {
        let mut all = Map::new();
        let mut set = |section: Option<&str>, key: &str, value: Option<Value>| {
            let Some(value) = value else { return };
            match section {
                None => all.insert(key.to_owned(), value),
                Some(section) => {
                    let section = all.entry(section).or_insert_with(|| json!({}));
                    section.as_object_mut().and_then(|section| section.insert(key.to_owned(), value))
                }
            };
        };
        set(None, "data_dir", some(self.data_dir.as_ref()));
        set(None, "public_url", some(self.public_url.as_ref()));
        set(Some("database"), "url", some(self.database_url.as_ref()));
        set(Some("http"), "listen", some(self.http_listen.as_ref()));
        set(Some("admin"), "listen", some(self.admin_listen.as_ref()));
        set(Some("operations"), "listen", some(self.operations_listen.as_ref()));
        set(Some("telemetry"), "otlp_endpoint", some(self.otlp_endpoint.as_ref()));
        set(Some("telemetry"), "log_filter", some(self.log.as_ref()));
        set(Some("telemetry"), "log_format", some(self.log_format.as_ref()));
        Value::Object(all)
    }
}

fn some(value: Option<&impl Serialize>) -> Option<Value> {
    serde_json::to_value(value?).ok()
}
