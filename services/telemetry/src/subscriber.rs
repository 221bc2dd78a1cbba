//! Who sees which spans and events.
//!
//! The log writes events; the export gets spans. Spans that are made for every message carry the target [`TRACE`],
//! which the log does not look at: without export nobody wants them, so they are disabled where they are made and
//! cost a comparison.

use std::io;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, ParseError, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt,
    registry::LookupSpan,
};

use crate::{escape::Escaped, options::LogFormat};

/// The target of spans that are made for every message: `info_span!(target: TRACE, "webhook", …)`.
pub const TRACE: &str = "tributary::trace";

/// A subscriber that writes the log to `writer` and, where there is a `provider`, exports spans.
///
/// # Errors
/// When `filter` cannot be read.
pub(crate) fn build<W>(
    format: LogFormat,
    filter: &str,
    writer: W,
    provider: Option<&SdkTracerProvider>,
) -> Result<impl Subscriber + Send + Sync + use<W>, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let log = log_layer(format, writer).with_filter(parse(filter)?.and(filter_fn(is_for_the_log)));
    let exporting = provider.is_some();
    let export = provider.map(|provider| {
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tributary"));
        layer.with_threads(false).with_location(false)
    });
    // The filter stands outside of the option: a layer that is missing would otherwise count as one that wants all.
    let export = export.with_filter(filter_fn(move |metadata| exporting && is_for_export(metadata)));
    Ok(tracing_subscriber::registry().with(log).with(export))
}

/// Whether `filter` says in a way that can be read what is logged, such as `info,tributary_store=debug`.
pub fn is_filter(filter: &str) -> bool {
    parse(filter).is_ok()
}

fn parse(filter: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(filter)
}

fn log_layer<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(EscapedWriter(writer));
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

fn is_for_the_log(metadata: &Metadata<'_>) -> bool {
    metadata.target() != TRACE
}

/// Only what the house itself tells is exported: the exporter's own requests (h2, hyper, tonic, opentelemetry) would
/// otherwise be exported again and again, and a library's events may carry what it was given.
fn is_for_export(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO && metadata.target().starts_with("tributary")
}

/// Makes writers that escape what they write.
struct EscapedWriter<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for EscapedWriter<W> {
    type Writer = Escaped<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaped(self.0.make_writer())
    }
}

/// Where the log of a process goes.
pub(crate) fn standard_error() -> fn() -> io::Stderr {
    io::stderr
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use opentelemetry_sdk::{
        error::OTelSdkResult,
        trace::{SpanData, SpanExporter},
    };
    use tracing::{info, info_span, subscriber::with_default};

    use super::*;
    use crate::context::{TraceParent, remote_parent};

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// What was logged, for tests to read.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().expect("no writer panicked").clone()).expect("the log is text")
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panicked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What was exported, for tests to read.
    #[derive(Debug, Clone, Default)]
    struct Spans(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Spans {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().expect("no exporter panicked").extend(batch);
            Ok(())
        }
    }

    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = build(format, "info", move || writer.clone(), None).expect("the filter is right");
        with_default(subscriber, work);
        page.text()
    }

    fn exported_spans(work: impl FnOnce()) -> Vec<SpanData> {
        let exporter = Spans::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        let subscriber =
            build(LogFormat::Text, "off", io::sink, Some(&provider)).expect("the filter is right");
        with_default(subscriber, work);
        exporter.0.lock().expect("no exporter panicked").clone()
    }

    #[test]
    fn a_span_of_every_message_is_disabled_unless_it_is_exported() {
        logged(LogFormat::Text, || {
            let span = info_span!(target: TRACE, "webhook");
            assert!(span.is_disabled());
            assert_eq!(TraceParent::of(&span), None);
            assert!(!info_span!("start").is_disabled());
        });
    }

    #[test]
    fn a_span_goes_on_with_the_trace_that_its_message_carries() {
        let spans = exported_spans(|| {
            let first = info_span!(target: TRACE, "webhook");
            remote_parent(&first, PARENT);
            let carried = TraceParent::of(&first).expect("spans are exported").to_string();
            drop(first);
            let later = info_span!(target: TRACE, "delivery");
            remote_parent(&later, &carried);
        });
        let names: Vec<_> = spans.iter().map(|span| span.name.as_ref()).collect();
        assert_eq!(names, ["webhook", "delivery"]);
        for span in &spans {
            assert_eq!(span.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        }
        assert_eq!(spans[0].parent_span_id.to_string(), "00f067aa0ba902b7");
        assert_eq!(spans[1].parent_span_id, spans[0].span_context.span_id());
    }

    #[test]
    fn what_libraries_do_is_not_exported() {
        let spans = exported_spans(|| {
            for _ in 0..2 {
                drop(info_span!(target: "h2::client", "connection"));
                drop(info_span!(target: "tonic::transport", "request"));
                drop(tracing::debug_span!(target: "tributary_store", "query"));
            }
        });
        assert_eq!(spans.len(), 0, "{spans:?}");
    }

    #[test]
    fn a_log_line_cannot_be_forged_in_either_format() {
        let sent = "x\n2026-01-01T00:00:00Z  INFO forged \u{1b}[2J\u{7f}";
        for format in [LogFormat::Text, LogFormat::Json] {
            let page = logged(format, || info!(sent, "told: {sent}"));
            assert_eq!(page.matches('\n').count(), 1, "{page}");
            assert!(page.contains("forged") && !page.contains(['\u{1b}', '\u{7f}']), "{page:?}");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(build(LogFormat::Text, "tributary=loudly", io::sink, None).is_err());
        assert!(!is_filter("tributary=loudly") && is_filter("info,tributary_store=debug"));
    }
}
