//! The span of one webhook, and the place in a trace that its message carries on.

use axum::http::HeaderMap;
use tracing::{Span, field::Empty, info_span};
use tributary_domain::id::{MessageId, SourceId};
use tributary_telemetry::{TRACE, TraceParent, context::remote_parent};

/// The header that places a request in a trace: <https://www.w3.org/TR/trace-context/>.
const TRACEPARENT: &str = "traceparent";

/// The span of a webhook to `source`, below the sender's own where it names one. Disabled, and free, unless spans
/// are exported. The secret never gets here: a source is named by its id.
pub(super) fn webhook(source: SourceId, headers: &HeaderMap) -> Span {
    let span = info_span!(
        target: TRACE,
        "webhook",
        otel.kind = "server",
        %source,
        message = Empty,
        refused = Empty,
    );
    if !span.is_disabled()
        && let Some(parent) = sent(headers)
    {
        remote_parent(&span, &parent.to_string());
    }
    span
}

/// The `traceparent` that `message` carries on: of its span; where none is exported, the sender's; without that, a
/// trace whose id is the message's own 128 bits.
pub(super) fn carried(span: &Span, headers: &HeaderMap, message: MessageId, random: u128) -> String {
    let place = TraceParent::of(span).or_else(|| sent(headers));
    place.unwrap_or_else(|| TraceParent::unrecorded(message.bits(), random as u64)).to_string()
}

fn sent(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get(TRACEPARENT)?.to_str().ok()?.parse().ok()
}
