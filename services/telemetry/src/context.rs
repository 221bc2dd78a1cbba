//! A trace that goes on after its message has rested in a journal.
//!
//! The door stores the W3C `traceparent` of its span with the message; whoever works on the message later gives its
//! own span that parent. W3C Trace Context, version 00: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::{fmt, str::FromStr};

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The length of a `traceparent` of version 00, in characters.
const LENGTH: usize = 55;

/// The place of a span in a trace: what a `traceparent` header says. Neither id is ever zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    sampled: bool,
}

/// A text that is not a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
pub struct InvalidTraceParent;

impl TraceParent {
    /// A trace that nobody records yet: `trace` is its id and `span` the id of what began it; zeros become ones.
    pub fn unrecorded(trace: u128, span: u64) -> Self {
        Self { trace: trace.max(1), span: span.max(1), sampled: false }
    }

    /// The place of `span`; nothing when spans are not exported.
    pub fn of(span: &Span) -> Option<Self> {
        if span.is_disabled() {
            return None;
        }
        let context = span.context();
        let place = context.span().span_context().clone();
        place.is_valid().then(|| Self {
            trace: u128::from_be_bytes(place.trace_id().to_bytes()),
            span: u64::from_be_bytes(place.span_id().to_bytes()),
            sampled: place.is_sampled(),
        })
    }

    /// The trace's id.
    pub fn trace_id(self) -> u128 {
        self.trace
    }

    fn context(self) -> SpanContext {
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let trace = TraceId::from_bytes(self.trace.to_be_bytes());
        SpanContext::new(
            trace,
            SpanId::from_bytes(self.span.to_be_bytes()),
            flags,
            true,
            TraceState::default(),
        )
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

impl FromStr for TraceParent {
    type Err = InvalidTraceParent;

    /// Reads version 00, and of later versions the part that they share with it.
    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        read(text).ok_or(InvalidTraceParent)
    }
}

fn read(text: &str) -> Option<TraceParent> {
    let known = text.get(..LENGTH)?;
    let version = hex(known.get(..2)?)?;
    let more_follows = match text.as_bytes().get(LENGTH) {
        None => false,
        Some(b'-') => true,
        Some(_) => return None,
    };
    if version == 0xff || (version == 0 && more_follows) {
        return None;
    }
    let mut parts = known.split('-').skip(1);
    let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
    if (trace.len(), span.len(), flags.len()) != (32, 16, 2) {
        return None;
    }
    let (trace, span) = (hex(trace)?, u64::try_from(hex(span)?).ok()?);
    let sampled = hex(flags)? & 1 == 1;
    (trace != 0 && span != 0).then_some(TraceParent { trace, span, sampled })
}

/// A number in lower-case hexadecimal digits, at most 32 of them.
fn hex(digits: &str) -> Option<u128> {
    let plain = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u128::from_str_radix(digits, 16).ok()).flatten()
}

/// Puts `span` below the span that `traceparent` names, wherever and whenever that was. Does nothing when spans are
/// not exported or the text is not a `traceparent`. Has to be called before `span` is entered.
pub fn remote_parent(span: &Span, traceparent: &str) {
    if span.is_disabled() {
        return;
    }
    let Ok(parent) = traceparent.parse::<TraceParent>() else { return };
    if span.set_parent(Context::new().with_remote_span_context(parent.context())).is_err() {
        // Only the log looks at this span, so there is no trace that it could join.
        tracing::trace!("span has no place in a trace");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_is_read_and_written_alike() {
        assert_eq!(GOOD.parse::<TraceParent>().map(|parent| parent.to_string()), Ok(GOOD.to_owned()));
        assert!(format!("cc{}-more", &GOOD[2..]).parse::<TraceParent>().is_ok(), "a later version");
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for bad in [
            String::new(),
            GOOD.to_uppercase(),
            format!("{GOOD}-more"),
            format!("cc{}more", &GOOD[2..]),
            format!("ff{}", &GOOD[2..]),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace('-', "_"),
            GOOD.replacen('4', "+", 1),
            format!("{}é", &GOOD[..54]),
        ] {
            assert_eq!(bad.parse::<TraceParent>(), Err(InvalidTraceParent), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_place_round_trips(trace: u128, span: u64) {
            let parent = TraceParent::unrecorded(trace, span);
            prop_assert_eq!(parent.to_string().parse(), Ok(parent));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,70}|[0-9a-f-]{50,60}") {
            let _ = text.parse::<TraceParent>();
        }
    }
}
