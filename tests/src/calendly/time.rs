//! Times as Calendly writes them.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time now.
#[allow(clippy::disallowed_methods, reason = "a service outside of the house has a clock of its own")]
pub(super) fn now() -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    written(elapsed.as_secs(), elapsed.subsec_micros())
}

/// The time `seconds` from now on.
#[allow(clippy::disallowed_methods, reason = "a service outside of the house has a clock of its own")]
pub(super) fn later(seconds: u64) -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    written(elapsed.as_secs() + seconds, 0)
}

/// A time to the microsecond, whatever it was written with, so that texts compare as times.
pub(super) fn whole(time: &str) -> String {
    let time = time.trim_end_matches('Z');
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    format!("{seconds}.{fraction:0<6}Z")
}

/// The calendar of the seconds since 1970, by the days of eras of 400 years.
fn written(seconds: u64, micros: u32) -> String {
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_as_dates() {
        assert_eq!(written(0, 5), "1970-01-01T00:00:00.000005Z");
        assert_eq!(written(1_709_210_096, 0), "2024-02-29T12:34:56.000000Z");
        assert_eq!(written(1_798_761_599, 999_999), "2026-12-31T23:59:59.999999Z");
        assert_eq!(whole("2026-12-31T23:59:59Z"), "2026-12-31T23:59:59.000000Z");
        assert_eq!(whole("2026-12-31T23:59:59.5Z"), "2026-12-31T23:59:59.500000Z");
    }
}
