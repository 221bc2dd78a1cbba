//! When a delivery is tried again.
//!
//! The schedule is the one that Standard Webhooks recommends: ten tries over 75.6 hours, so that a receiver
//! that breaks on a Friday evening is found again on Monday.

use std::time::Duration;

use jiff::{civil, tz::TimeZone};

use crate::time::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// Seconds before the second try, the third, and so on.
const DELAYS: [u64; 9] =
    [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// How often a delivery is tried at most, the first time included.
pub const MAX_TRIES: u32 = DELAYS.len() as u32 + 1;

/// The longest that a receiver can ask us to wait by `Retry-After`; a longer wish is cut to it.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * HOUR);

/// How far jitter moves a delay to either side, as a share of it.
const JITTER: f64 = 0.2;

/// How long to wait for the next try; nothing when all tries are used up.
///
/// `tries_so_far` counts the tries that were made (0: the first one is due at once). `jitter` is a random number
/// from 0 up to 1, which is handed in, and moves the scheduled delay by -20 % to +20 %; what lies outside is
/// clamped. `retry_after` is what the receiver asked for: the later of the two counts, cut to
/// [`MAX_RETRY_AFTER`].
pub fn next_delay(tries_so_far: u32, jitter: f64, retry_after: Option<Duration>) -> Option<Duration> {
    if tries_so_far >= MAX_TRIES {
        return None;
    }
    let scheduled = match tries_so_far.checked_sub(1) {
        Some(index) => Duration::from_secs(*DELAYS.get(index as usize)?),
        None => Duration::ZERO,
    };
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    Some(jittered(scheduled, jitter).max(asked))
}

/// `span` moved by -20 % to +20 %, as `jitter` from 0 up to 1 says; half of it, and what is no number, changes
/// nothing.
pub fn jittered(span: Duration, jitter: f64) -> Duration {
    let unit = if jitter.is_nan() { 0.5 } else { jitter.clamp(0.0, 1.0) };
    span.mul_f64(1.0 + JITTER * (2.0 * unit - 1.0))
}

/// How long a `Retry-After` header asks to wait from `now` on, at most [`MAX_RETRY_AFTER`].
///
/// Takes whole seconds or any of the three dates of HTTP (RFC 9110, 5.6.7). A date that has passed is a wait of
/// zero; what is neither, such as a negative number, is nothing.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not fit are an absurdly long wait, and cut like one.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        http_date(value)?.since(now)
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

fn http_date(value: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let date = FORMS.iter().find_map(|form| civil::DateTime::strptime(form, value).ok())?;
    let time = TimeZone::UTC.to_timestamp(date).ok()?;
    Some(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: f64 = 0.5;

    fn total(jitter: f64) -> Duration {
        (0..).map_while(|tries| next_delay(tries, jitter, None)).sum()
    }

    #[test]
    fn ten_tries_are_spread_over_75_6_hours() {
        assert_eq!(MAX_TRIES, 10);
        assert_eq!((0..100).filter(|tries| next_delay(*tries, EVEN, None).is_some()).count(), 10);
        assert_eq!(total(EVEN), Duration::from_secs(75 * HOUR + 35 * MINUTE + 5));
        assert_eq!(next_delay(0, EVEN, None), Some(Duration::ZERO), "the first try is due at once");
        assert_eq!(next_delay(u32::MAX, EVEN, Some(Duration::from_secs(1))), None);
    }

    #[test]
    fn delays_grow_and_jitter_stays_within_a_fifth() {
        for tries in 1..MAX_TRIES {
            let even = next_delay(tries, EVEN, None).unwrap().as_secs_f64();
            let low = next_delay(tries, 0.0, None).unwrap().as_secs_f64();
            let high = next_delay(tries, 1.0, None).unwrap().as_secs_f64();
            assert!((low - even * 0.8).abs() < 1e-6 && (high - even * 1.2).abs() < 1e-6);
            assert!(next_delay(tries - 1, EVEN, None).unwrap().as_secs_f64() < even);
        }
    }

    #[test]
    fn a_jitter_that_is_no_unit_value_is_harmless() {
        let even = next_delay(3, EVEN, None);
        assert_eq!(next_delay(3, f64::NAN, None), even);
        assert_eq!(next_delay(3, f64::INFINITY, None), next_delay(3, 1.0, None));
        assert_eq!(next_delay(3, -7.0, None), next_delay(3, 0.0, None));
    }

    #[test]
    fn the_later_of_schedule_and_retry_after_counts() {
        let hour = Duration::from_secs(HOUR);
        assert_eq!(next_delay(1, EVEN, Some(hour)), Some(hour));
        assert_eq!(next_delay(8, EVEN, Some(hour)), Some(Duration::from_secs(20 * HOUR)));
        assert_eq!(next_delay(1, EVEN, Some(Duration::MAX)), Some(MAX_RETRY_AFTER));
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let now: Timestamp = "1994-11-06T08:48:37Z".parse().unwrap();
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(60)),
            ("Sun Nov  6 08:49:37 1994", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Tue, 06 Nov 2040 08:49:37 GMT", Some(24 * HOUR)),
            ("315360000", Some(24 * HOUR)),
            ("99999999999999999999999999", Some(24 * HOUR)),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
            ("٣", None),
            ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ];
        for (value, seconds) in cases {
            assert_eq!(parse_retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
