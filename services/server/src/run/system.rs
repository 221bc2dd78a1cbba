//! The runtime, the actix System on it, and telemetry around both.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tributary_telemetry::{Exposition, LogFormat, Metrics, Telemetry, TelemetryOptions};

use crate::config::{self, Config};

/// What a process has besides its configuration.
pub(crate) struct Ground {
    /// The one runtime: gRPC, HTTP, the System and its arbiters share it. It lives as long as the process, because
    /// the last owner of a runtime must not be dropped inside it.
    pub(crate) runtime: &'static Runtime,
    /// Where to count.
    pub(crate) metrics: Metrics,
    /// What `/metrics` shows.
    pub(crate) exposition: Exposition,
}

/// Runs `body` on an actix System over a new runtime, and flushes telemetry when it has ended.
///
/// # Errors
/// When the runtime or telemetry cannot be started, and those of `body`.
pub(crate) fn on_system<F>(config: &Config, body: impl FnOnce(Ground) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime: &'static Runtime = Box::leak(Box::new(
        Builder::new_multi_thread().enable_all().build().context("the runtime cannot be started")?,
    ));
    let _inside = runtime.enter();
    let telemetry = Telemetry::install(&options(config)).context("telemetry cannot be started")?;
    quiet_panics();
    let ground = Ground { runtime, metrics: telemetry.metrics(), exposition: telemetry.exposition() };
    let system = actix::System::with_tokio_rt(move || runtime);
    let outcome = system.block_on(body(ground));
    telemetry.shutdown();
    outcome
}

fn options(config: &Config) -> TelemetryOptions {
    let endpoint = &config.telemetry.otlp_endpoint;
    TelemetryOptions {
        log_format: match config.telemetry.log_format {
            config::LogFormat::Text => LogFormat::Text,
            config::LogFormat::Json => LogFormat::Json,
        },
        filter: config.telemetry.log_filter.clone(),
        otlp_endpoint: (!endpoint.is_empty()).then(|| endpoint.clone()),
        service_name: "tributary".to_owned(),
        service_version: env!("CARGO_PKG_VERSION").to_owned(),
        ..TelemetryOptions::default()
    }
}

/// A panic's own text may hold personal data; where it happened is enough to find it.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
