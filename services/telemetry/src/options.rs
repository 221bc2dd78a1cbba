//! What an operator chooses about telemetry.

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What telemetry is set up with.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Which log lines are written, in the syntax of `tracing_subscriber::EnvFilter`, such as
    /// `info,tributary_store=debug`. By default `info`, and of OpenTelemetry itself only what went wrong.
    pub filter: String,
    /// Where traces and metrics go by OTLP over gRPC, such as `http://localhost:4317`; unset: nowhere.
    pub otlp_endpoint: Option<String>,
    /// The share of traces that is exported, from 0 to 1. A trace is exported as a whole or not at all.
    pub trace_ratio: f64,
    /// The name under which this process reports.
    pub service_name: String,
    /// The version under which this process reports.
    pub service_version: String,
}

impl Default for TelemetryOptions {
    fn default() -> Self {
        Self {
            log_format: LogFormat::default(),
            filter: "info,opentelemetry_sdk=warn".to_owned(),
            otlp_endpoint: None,
            trace_ratio: 1.0,
            service_name: "tributary".to_owned(),
            service_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
