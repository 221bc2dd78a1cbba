//! Export of traces and metrics by OTLP over gRPC.

use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};

/// The exporter of metrics to `endpoint`. Must be called within a Tokio runtime.
pub(crate) fn metric_exporter(endpoint: &str) -> Result<MetricExporter, ExporterBuildError> {
    MetricExporter::builder().with_tonic().with_endpoint(endpoint).build()
}

/// The tracer provider that exports `ratio` of all traces to `endpoint`. Must be called within a Tokio runtime.
///
/// Every span is judged by its trace id and not by what its parent was told, so that a sender cannot choose what
/// is exported; spans of one trace are judged alike all the same.
pub(crate) fn tracer_provider(
    endpoint: &str,
    ratio: f64,
    resource: Resource,
) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::TraceIdRatioBased(ratio))
        .with_resource(resource)
        .build())
}
