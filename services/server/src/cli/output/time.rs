//! Times and spans as people read them.

use std::time::Duration;

use tributary_domain::time::Timestamp;

/// Stands where there is nothing.
pub(crate) const NONE: &str = "–";

/// A time to the millisecond, UTC: `2026-01-31 09:30:00.250`; `–` for none.
pub(crate) fn moment(time: Option<&prost_types::Timestamp>) -> String {
    let Some(time) = time.map(from_proto) else { return NONE.to_owned() };
    let text = Timestamp::from_seconds(time.seconds()).to_string().replace('T', " ");
    format!("{}.{:03}", text.trim_end_matches('Z'), time.millis() % 1_000)
}

/// From one time to another; nothing where one of them is missing.
pub(crate) fn between(
    from: Option<&prost_types::Timestamp>,
    to: Option<&prost_types::Timestamp>,
) -> Option<String> {
    Some(span(from_proto(to?).since(from_proto(from?))))
}

/// A span of the contract as people read it.
pub(crate) fn of_proto(span_of: &prost_types::Duration) -> String {
    span(Duration::try_from(*span_of).unwrap_or_default())
}

/// A span as people read it: `850 µs`, `12 ms`, `3.4 s`, `5 min`.
pub(crate) fn span(span: Duration) -> String {
    match span.as_micros() {
        micros @ 0..1_000 => format!("{micros} µs"),
        micros @ 1_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..120_000_000 => format!("{:.1} s", span.as_secs_f64()),
        _ => format!("{} min", span.as_secs() / 60),
    }
}

/// A time as the contract has it.
pub(crate) fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0),
    }
}

fn from_proto(time: &prost_types::Timestamp) -> Timestamp {
    Timestamp::from_micros(
        time.seconds.saturating_mul(1_000_000).saturating_add(i64::from(time.nanos) / 1_000),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_width_and_spans_one_unit() {
        let time = |nanos| prost_types::Timestamp { seconds: 1_769_851_800, nanos };
        assert_eq!(moment(Some(&time(0))), "2026-01-31 09:30:00.000");
        assert_eq!(moment(Some(&time(50_999_000))), "2026-01-31 09:30:00.050");
        assert_eq!(moment(None), "–");
        assert_eq!(between(Some(&time(0)), Some(&time(12_300_000))).as_deref(), Some("12 ms"));
        assert_eq!(between(None, Some(&time(0))), None);
        assert_eq!(span(Duration::from_micros(999)), "999 µs");
        assert_eq!(span(Duration::from_millis(3_400)), "3.4 s");
        assert_eq!(span(Duration::from_secs(301)), "5 min");
    }
}
