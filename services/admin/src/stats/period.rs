//! Which pieces of time are asked for.

use std::time::Duration;

use prost_types::Timestamp as ProtoTime;
use tonic::Status;
use tributary_domain::{
    stats::{Day, Hour, Interval, zone},
    time::Timestamp,
};
use tributary_proto::admin::v1::StatsInterval;
use tributary_store::stats::StatsRange;

use crate::{convert::value::from_time, violations::invalid};

/// The time zone of those who have none of their own.
pub(super) const UTC: &str = "UTC";
/// So many pieces of time are answered with at most.
const MOST_HOURS: i64 = 2_400;
const MOST_DAYS: i64 = 400;
/// How far back it goes when nothing is said.
const HOURS: Duration = Duration::from_hours(48);
const DAYS: Duration = Duration::from_hours(30 * 24);

/// What a request says of time.
#[derive(Debug)]
pub(super) struct Asked {
    interval: Interval,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

impl Asked {
    /// Reads it.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for what is no interval or no time.
    pub(super) fn of(
        interval: i32,
        start: Option<ProtoTime>,
        end: Option<ProtoTime>,
    ) -> Result<Self, Status> {
        let interval = match StatsInterval::try_from(interval) {
            Ok(StatsInterval::Hour) => Interval::Hour,
            Ok(StatsInterval::Day | StatsInterval::Unspecified) => Interval::Day,
            Err(_) => return Err(invalid("interval", "is not a value of this enumeration")),
        };
        let time = |field: &str, time: Option<ProtoTime>| {
            time.map(|time| from_time(time).map_err(|error| invalid(field, error))).transpose()
        };
        Ok(Self { interval, start: time("start_time", start)?, end: time("end_time", end)? })
    }

    /// The pieces of time, where it is `now`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when there are none, or too many.
    pub(super) fn range(&self, now: Timestamp, time_zone: &str) -> Result<StatsRange, Status> {
        let (back, most) = match self.interval {
            Interval::Hour => (HOURS, MOST_HOURS),
            Interval::Day => (DAYS, MOST_DAYS),
        };
        let end = self.end.unwrap_or(now);
        let start = self.start.unwrap_or(end.minus(back));
        if start >= end {
            return Err(invalid("start_time", "has to lie before the end"));
        }
        let zone = zone(time_zone);
        let place = |time| match self.interval {
            Interval::Hour => Hour::of(time).0,
            Interval::Day => Day::of(time, &zone).0,
        };
        // The last one is that of the last moment before the end.
        let from = place(start);
        let to = place(end.minus(Duration::from_micros(1))).saturating_add(1);
        if to.saturating_sub(from) > most {
            let what = if self.interval == Interval::Hour { "hours" } else { "days" };
            return Err(invalid(
                "start_time",
                format!("at most {most} {what} lie between it and the end: ask for fewer at once"),
            ));
        }
        Ok(StatsRange { interval: self.interval, from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn range(interval: Interval, start: Option<Timestamp>, end: Option<Timestamp>) -> Option<i64> {
        let asked = Asked { interval, start, end };
        asked.range(NOW, "Asia/Kolkata").ok().map(|range| range.to - range.from)
    }

    #[test]
    fn the_pieces_of_both_ends_are_there_and_bounded() {
        let hour = Hour::of(NOW).start();
        let after = |hours| hour.plus(Duration::from_hours(hours));
        assert_eq!(range(Interval::Hour, Some(hour), Some(after(1))), Some(1));
        assert_eq!(range(Interval::Hour, Some(hour), Some(after(1).plus(Duration::from_micros(1)))), Some(2));
        assert_eq!(range(Interval::Hour, Some(after(0)), Some(after(2_400))), Some(2_400));
        assert_eq!(range(Interval::Hour, Some(after(0)), Some(after(2_401))), None);
        assert_eq!(range(Interval::Hour, Some(hour), Some(hour)), None);
        assert_eq!(range(Interval::Day, None, None), Some(31));
        assert_eq!(range(Interval::Day, Some(NOW.minus(Duration::from_hours(399 * 24))), None), Some(400));
        assert_eq!(range(Interval::Day, Some(NOW.minus(Duration::from_hours(400 * 24))), None), None);
        assert_eq!(range(Interval::Day, Some(Timestamp::from_micros(i64::MIN)), None), None);
    }
}
