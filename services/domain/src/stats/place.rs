//! Pieces of time: quarters of an hour, hours of UTC, and days of a time zone.

use jiff::{
    civil::{Date, Time},
    tz::{Offset, TimeZone},
};

use crate::{mapping::moment::ZONES, time::Timestamp};

/// For so many days what was counted is kept.
pub const KEPT_DAYS: i64 = 400;

const MICROS: i64 = 1_000_000;
const QUARTER: i64 = 15 * 60;
const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// How long the pieces of time of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interval {
    /// An hour of UTC.
    Hour,
    /// A day of a time zone.
    Day,
}

/// A quarter of an hour, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(pub i64);

/// An hour of UTC, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

/// A day of a calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

/// The time zone of an IANA name; UTC for a name that this build does not know.
pub fn zone(name: &str) -> TimeZone {
    ZONES.get(name).unwrap_or(TimeZone::UTC)
}

fn moment(time: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(time.micros()).unwrap_or_default()
}

impl Quarter {
    /// The one that a time lies in.
    pub fn of(time: Timestamp) -> Self {
        Self(time.micros().div_euclid(QUARTER * MICROS))
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0.saturating_mul(QUARTER))
    }

    /// The hour that it is a part of.
    pub fn hour(self) -> Hour {
        Hour(self.0.div_euclid(HOUR / QUARTER))
    }

    /// The day of a time zone that it begins in.
    pub fn day(self, zone: &TimeZone) -> Day {
        Day::of(self.start(), zone)
    }
}

impl Hour {
    /// The one that a time lies in.
    pub fn of(time: Timestamp) -> Self {
        Self(time.micros().div_euclid(HOUR * MICROS))
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        Timestamp::from_seconds(self.0.saturating_mul(HOUR))
    }
}

impl Day {
    /// The one that a time lies in, by the clocks of a time zone.
    pub fn of(time: Timestamp, zone: &TimeZone) -> Self {
        let offset = zone.to_offset(moment(time));
        Self(time.seconds().saturating_add(i64::from(offset.seconds())).div_euclid(DAY))
    }

    /// When it begins by the clocks of a time zone; where they skip midnight, as they go on.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        let midnight = Timestamp::from_seconds(self.0.saturating_mul(DAY));
        let start = zone.to_timestamp(self.date().to_datetime(Time::midnight()));
        start.map_or(midnight, |start| Timestamp::from_micros(start.as_microsecond()))
    }

    /// Its date, such as 2026-01-31.
    pub fn date(self) -> Date {
        let midnight = moment(Timestamp::from_seconds(self.0.saturating_mul(DAY)));
        Offset::UTC.to_datetime(midnight).date()
    }

    /// The one so many days before.
    #[must_use]
    pub fn minus(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        for (name, moment, date, start) in [
            ("UTC", "2026-01-31T23:59:59Z", "2026-01-31", "2026-01-31T00:00:00Z"),
            ("Europe/Berlin", "2026-01-31T23:00:00Z", "2026-02-01", "2026-01-31T23:00:00Z"),
            ("Asia/Kolkata", "2026-01-31T18:29:59Z", "2026-01-31", "2026-01-30T18:30:00Z"),
            ("Asia/Kathmandu", "2026-01-31T18:15:00Z", "2026-02-01", "2026-01-31T18:15:00Z"),
            ("America/Los_Angeles", "2026-07-01T06:59:59Z", "2026-06-30", "2026-06-30T07:00:00Z"),
            // The day that has 25 hours, and one whose clocks skip midnight.
            ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25", "2026-10-24T22:00:00Z"),
            ("Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-24", "2026-04-23T22:00:00Z"),
        ] {
            let zone = zone(name);
            let day = Day::of(time(moment), &zone);
            assert_eq!(day.date().to_string(), date, "{name} {moment}");
            assert_eq!(day.start(&zone), time(start), "{name} {moment}");
            assert_eq!(Day::of(day.start(&zone), &zone), day, "{name} {moment}");
        }
    }

    #[test]
    fn no_day_of_any_zone_begins_within_a_quarter() {
        let names = [
            "UTC",
            "Asia/Kolkata",
            "Asia/Kathmandu",
            "Australia/Eucla",
            "America/St_Johns",
            "Pacific/Chatham",
        ];
        for name in names {
            let zone = zone(name);
            for day in 20_000..20_800 {
                let start = Day(day).start(&zone);
                assert_eq!(Quarter::of(start).start(), start, "{name} {day}");
            }
        }
    }

    #[test]
    fn quarters_lie_in_their_hours() {
        let quarter = Quarter::of(time("2026-01-31T10:59:59.999999Z"));
        assert_eq!(quarter.start(), time("2026-01-31T10:45:00Z"));
        assert_eq!(quarter.hour().start(), time("2026-01-31T10:00:00Z"));
        assert_eq!(Hour::of(quarter.start()), quarter.hour());
        assert_eq!(Quarter::of(Timestamp::from_micros(-1)).hour(), Hour(-1));
    }
}
