//! Times of texts and numbers.

use std::sync::LazyLock;

use jiff::{
    civil::{Date, DateTime},
    fmt::strtime,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde_json::{Number, Value};

use super::number;
use crate::{time::Timestamp, workflow::spec::DateFormat};

/// The zone rules that come with the binary: the same on every node, whatever its system has.
pub(crate) static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The longest text that is read as a time.
const MAX_TEXT: usize = 100;
/// From here on a number is milliseconds: as seconds it would lie in the year 5138, as milliseconds it lies in 1973.
const MILLIS_FROM: f64 = 1e11;

/// A time as it was written: with a zone, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A point in time.
    Instant(Timestamp),
    /// What a clock on the wall shows; which time it is depends on the zone.
    Civil(DateTime),
}

impl Moment {
    /// The point in time, in `zone` where the text had none. An unknown zone is UTC.
    pub(crate) fn in_zone(self, zone: &str) -> Option<Timestamp> {
        match self {
            Self::Instant(instant) => Some(instant),
            Self::Civil(civil) => {
                let zone = ZONES.get(zone).unwrap_or(TimeZone::UTC);
                let zoned = civil.to_zoned_datetime(zone).ok()?;
                Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
            }
        }
    }
}

/// The time of a text or a number written in `format`.
pub(crate) fn read(value: &Value, format: &DateFormat) -> Option<Moment> {
    match format {
        DateFormat::Auto => match value {
            Value::Number(number) => of_number(number),
            Value::String(text) => of_text(text).or_else(|| of_number(&number::read(value)?)),
            _ => None,
        },
        DateFormat::UnixSeconds => of_epoch(&number::read(value)?, 1_000_000),
        DateFormat::UnixMillis => of_epoch(&number::read(value)?, 1_000),
        DateFormat::Pattern(pattern) => of_pattern(value.as_str()?, pattern),
    }
}

/// The point in time of a text or a number in any of the usual forms; in `zone` where a text has none.
pub(crate) fn read_any(value: &Value, zone: &str) -> Option<Timestamp> {
    read(value, &DateFormat::Auto)?.in_zone(zone)
}

/// The point in time of a text in RFC 3339, with its zone.
pub(crate) fn instant_of(text: &str) -> Option<Timestamp> {
    let could_be = text.len() <= MAX_TEXT && text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    could_be.then(|| text.parse().ok()).flatten()
}

/// Whether `pattern` is a strftime pattern that this program knows.
pub(crate) fn is_pattern(pattern: &str) -> bool {
    let any_time = Timestamp::default();
    let formatted = jiff::Timestamp::from_microsecond(any_time.micros())
        .and_then(|time| strtime::format(pattern, &time.to_zoned_datetime(TimeZone::UTC)));
    formatted.is_ok_and(|text| of_pattern(&text, pattern).is_some())
}

fn of_text(text: &str) -> Option<Moment> {
    let text = text.trim();
    if text.len() > MAX_TEXT || !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let civil = || {
        text.parse::<DateTime>()
            .ok()
            .or_else(|| Some(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())))
    };
    // Eight digits are a date to jiff; to a provider they are seconds.
    let is_only_digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match instant_of(text) {
        Some(instant) => Some(Moment::Instant(instant)),
        None if is_only_digits => None,
        None => civil().map(Moment::Civil),
    }
}

fn of_number(number: &Number) -> Option<Moment> {
    let is_millis = number.as_f64()?.abs() >= MILLIS_FROM;
    of_epoch(number, if is_millis { 1_000 } else { 1_000_000 })
}

fn of_epoch(number: &Number, micros_per_unit: i64) -> Option<Moment> {
    let micros = match number.as_i64() {
        Some(whole) => whole.checked_mul(micros_per_unit)?,
        None => (number.as_f64()? * micros_per_unit as f64) as i64,
    };
    // A time that cannot be written is none.
    jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(Moment::Instant(Timestamp::from_micros(micros)))
}

fn of_pattern(text: &str, pattern: &str) -> Option<Moment> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let parsed = strtime::parse(pattern, text.trim()).ok()?;
    if let Ok(instant) = parsed.to_timestamp() {
        return Some(Moment::Instant(Timestamp::from_micros(instant.as_microsecond())));
    }
    let civil = parsed
        .to_datetime()
        .ok()
        .or_else(|| Some(parsed.to_date().ok()?.to_datetime(jiff::civil::Time::midnight())))?;
    Some(Moment::Civil(civil))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn auto(value: &Value) -> Option<String> {
        read_any(value, "Europe/Berlin").map(|time| time.to_string())
    }

    #[test]
    fn the_usual_forms_are_told_apart() {
        let expected = Some("2026-01-31T09:30:00Z".to_owned());
        for same in [
            json!("2026-01-31T09:30:00Z"),
            json!("2026-01-31T10:30:00.000000+01:00"),
            json!("2026-01-31T10:30:00"),
            json!(" 2026-01-31 10:30 "),
            json!(1_769_851_800),
            json!(1_769_851_800_000_i64),
            json!("1769851800"),
            json!(1_769_851_800.0),
        ] {
            assert_eq!(auto(&same), expected, "{same}");
        }
        assert_eq!(auto(&json!("2026-07-01")).as_deref(), Some("2026-06-30T22:00:00Z"));
        for none in
            [json!("soon"), json!(""), json!(1e30), json!("2026-02-30"), json!(true), json!(null), json!([1])]
        {
            assert_eq!(auto(&none), None, "{none}");
        }
    }

    #[test]
    fn formats_are_taken_at_their_word() {
        let at = |value: Value, format: &DateFormat| {
            read(&value, format)
                .and_then(|moment| moment.in_zone("America/New_York"))
                .map(|time| time.to_string())
        };
        assert_eq!(at(json!(5), &DateFormat::UnixMillis).as_deref(), Some("1970-01-01T00:00:00.005Z"));
        assert_eq!(at(json!("1.5"), &DateFormat::UnixSeconds).as_deref(), Some("1970-01-01T00:00:01.5Z"));
        let pattern = |text: &str| DateFormat::Pattern(text.to_owned());
        assert_eq!(
            at(json!("31.01.2026 09:30"), &pattern("%d.%m.%Y %H:%M")).as_deref(),
            Some("2026-01-31T14:30:00Z")
        );
        assert_eq!(at(json!("31/01/2026"), &pattern("%d/%m/%Y")).as_deref(), Some("2026-01-31T05:00:00Z"));
        assert_eq!(
            at(json!("2026-01-31 09:30 +0200"), &pattern("%Y-%m-%d %H:%M %z")).as_deref(),
            Some("2026-01-31T07:30:00Z")
        );
        assert_eq!(at(json!("31.1."), &pattern("%d.%m.%Y")), None);
        assert_eq!(at(json!(20260131), &pattern("%Y%m%d")), None);
    }

    #[test]
    fn a_pattern_has_to_be_one() {
        assert!(is_pattern("%d.%m.%Y"));
        assert!(is_pattern("%Y-%m-%dT%H:%M:%S%z"));
        assert!(!is_pattern("%!"));
        assert!(!is_pattern("dd.mm.yyyy"), "no date in it");
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        assert_eq!(read_any(&json!("2026-01-31T09:30:00"), "Mars/Base"), "2026-01-31T09:30:00Z".parse().ok());
    }
}
