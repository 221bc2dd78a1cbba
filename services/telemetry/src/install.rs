//! Sets telemetry up at the start of a process and flushes it at the end.

use std::time::Duration;

use opentelemetry::{KeyValue, metrics::MeterProvider};
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::{Resource, error::OTelSdkError, metrics::SdkMeterProvider, trace::SdkTracerProvider};
use prometheus::Registry;
use tracing_subscriber::filter::ParseError;

use crate::{Exposition, Metrics, TelemetryOptions, otlp, subscriber};

/// How long the last spans and metrics may take to leave.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The log filter cannot be read.
    #[error("the log filter cannot be read: write it like `info,tributary_store=debug`")]
    Filter(#[source] ParseError),
    /// The share of traces is not from 0 to 1.
    #[error("the share of traces to export has to be from 0 to 1")]
    Ratio,
    /// The OTLP exporter could not be made.
    #[error("the OTLP exporter could not be made: check the endpoint, such as http://localhost:4317")]
    Export(#[source] ExporterBuildError),
    /// The OTLP exporter lives on a Tokio runtime, and there is none.
    #[error("OTLP export has to be set up within a Tokio runtime")]
    NoRuntime,
    /// The Prometheus reader could not be made.
    #[error("the Prometheus reader could not be made")]
    Prometheus(#[source] OTelSdkError),
    /// Telemetry was set up before in this process.
    #[error("telemetry was set up before in this process")]
    Twice,
}

/// Telemetry of a process that is set up; flushed by [`Telemetry::shutdown`].
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    meters: SdkMeterProvider,
    metrics: Metrics,
    exposition: Exposition,
}

impl Telemetry {
    /// Sets up the log to standard error, the metrics, and, where an endpoint is named, the export of both and of
    /// traces. With an endpoint it has to be called within a Tokio runtime that outlives [`Telemetry::shutdown`].
    ///
    /// # Errors
    /// When an option is wrong, or when it was called before in this process.
    pub fn install(options: &TelemetryOptions) -> Result<Self, InstallError> {
        if !(0.0..=1.0).contains(&options.trace_ratio) {
            return Err(InstallError::Ratio);
        }
        let telemetry = Self::build(options)?;
        let subscriber = subscriber::build(
            options.log_format,
            &options.filter,
            subscriber::standard_error(),
            telemetry.traces.as_ref(),
        )
        .map_err(InstallError::Filter)?;
        tracing::subscriber::set_global_default(subscriber).map_err(|_| InstallError::Twice)?;
        Ok(telemetry)
    }

    fn build(options: &TelemetryOptions) -> Result<Self, InstallError> {
        let resource = Resource::builder()
            .with_service_name(options.service_name.clone())
            .with_attribute(KeyValue::new("service.version", options.service_version.clone()))
            .build();
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .build()
            .map_err(InstallError::Prometheus)?;
        let mut meters = SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader);
        let mut traces = None;
        if let Some(endpoint) = &options.otlp_endpoint {
            if tokio::runtime::Handle::try_current().is_err() {
                return Err(InstallError::NoRuntime);
            }
            meters =
                meters.with_periodic_exporter(otlp::metric_exporter(endpoint).map_err(InstallError::Export)?);
            let provider = otlp::tracer_provider(endpoint, options.trace_ratio, resource);
            traces = Some(provider.map_err(InstallError::Export)?);
        }
        let meters = meters.build();
        let metrics = Metrics::new(&meters.meter("tributary"));
        Ok(Self { traces, meters, metrics, exposition: Exposition::new(registry) })
    }

    /// The handles to count and measure with.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// What `/metrics` answers with.
    pub fn exposition(&self) -> Exposition {
        self.exposition.clone()
    }

    /// Sends what is still waiting, for at most 5 s each, and ends the export. Blocks: call it from the main thread,
    /// outside of the runtime but before the runtime ends.
    pub fn shutdown(self) {
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown_with_timeout(FLUSH_LIMIT)) {
            tracing::warn!(%error, "the last spans were not exported");
        }
        if let Err(error) = self.meters.shutdown_with_timeout(FLUSH_LIMIT) {
            tracing::warn!(%error, "the last metrics were not exported");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> Telemetry {
        Telemetry::build(&TelemetryOptions::default()).expect("the defaults are right")
    }

    #[test]
    fn what_is_counted_is_shown_under_its_name() {
        let telemetry = built();
        let metrics = telemetry.metrics();
        metrics.accepted(2_000);
        metrics.accepted(48);
        metrics.refused("BODY_TOO_LARGE");
        metrics.connections(2);
        metrics.connections(-1);
        metrics.committed(512, Duration::from_millis(4), Duration::from_millis(30));
        metrics.delivery("webhook", "DELIVERED", Duration::from_millis(30));
        let text = telemetry.exposition().render().expect("no two metrics contradict");
        for line in [
            "tributary_ingest_accepted_total 2",
            "tributary_ingest_accepted_size_bytes_total 2048",
            "tributary_ingest_refused_total{reason=\"BODY_TOO_LARGE\"} 1",
            "tributary_ingest_connections 1",
            "tributary_ledger_commit_duration_seconds_bucket{le=\"0.005\"} 1",
            "tributary_ledger_commit_duration_seconds_bucket{le=\"0.0025\"} 0",
            "tributary_ledger_commit_lag_seconds_sum 0.03",
            "tributary_delivery_attempts_total{outcome=\"DELIVERED\",platform=\"webhook\"} 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\nis not in\n{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let ratio = TelemetryOptions { trace_ratio: 1.5, ..TelemetryOptions::default() };
        assert!(matches!(Telemetry::install(&ratio), Err(InstallError::Ratio)));
        let endpoint = Some("http://localhost:4317".to_owned());
        let export = TelemetryOptions { otlp_endpoint: endpoint, ..TelemetryOptions::default() };
        assert!(matches!(Telemetry::install(&export), Err(InstallError::NoRuntime)));
    }

    #[tokio::test]
    async fn export_is_built_within_a_runtime() {
        let endpoint = Some("http://127.0.0.1:1".to_owned());
        let options = TelemetryOptions { otlp_endpoint: endpoint, ..TelemetryOptions::default() };
        assert!(Telemetry::build(&options).is_ok());
    }
}
