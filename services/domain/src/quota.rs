//! What a tenant may use.

use std::fmt;

use jiff::tz::Offset;
use serde::Serialize;

use crate::time::Timestamp;

/// How many sources a tenant may have when nothing is said.
pub const DEFAULT_SOURCES: u32 = 1_000;
/// How many workflows a tenant may have when nothing is said.
pub const DEFAULT_WORKFLOWS: u32 = 5_000;
/// How many destinations a tenant may have when nothing is said.
pub const DEFAULT_DESTINATIONS: u32 = 500;

/// What a tenant may use; zero is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Quota {
    /// Webhooks that its doors take a second, on average; zero: any number.
    pub requests_per_second: u32,
    /// Webhooks that its doors take at once after a quiet time; zero: as many as in a second.
    pub request_burst: u32,
    /// The largest body that its doors take, in bytes, whatever its sources say; zero: what they say.
    pub max_body_bytes: u64,
    /// Messages that are processed in a month; zero: any number.
    pub monthly_messages: u64,
    /// Sources; zero: [`DEFAULT_SOURCES`].
    pub max_sources: u32,
    /// Workflows; zero: [`DEFAULT_WORKFLOWS`].
    pub max_workflows: u32,
    /// Destinations; zero: [`DEFAULT_DESTINATIONS`].
    pub max_destinations: u32,
    /// For how many days its messages and what followed from them are kept; zero: for ever.
    pub retention_days: u32,
}

/// What a tenant may have so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Countable {
    /// Sources.
    Sources,
    /// Workflows.
    Workflows,
    /// Destinations.
    Destinations,
}

impl Countable {
    /// The quota's name in the contract.
    pub fn quota(self) -> &'static str {
        match self {
            Self::Sources => "max_sources",
            Self::Workflows => "max_workflows",
            Self::Destinations => "max_destinations",
        }
    }
}

impl Quota {
    /// How many of these the tenant may have.
    pub fn limit(&self, of: Countable) -> u64 {
        let (set, default) = match of {
            Countable::Sources => (self.max_sources, DEFAULT_SOURCES),
            Countable::Workflows => (self.max_workflows, DEFAULT_WORKFLOWS),
            Countable::Destinations => (self.max_destinations, DEFAULT_DESTINATIONS),
        };
        u64::from(if set == 0 { default } else { set })
    }

    /// How many webhooks its doors take at once after a quiet time, where there is a rate.
    pub fn burst(&self) -> u32 {
        if self.request_burst == 0 { self.requests_per_second.max(1) } else { self.request_burst }
    }
}

/// A calendar month in UTC: what messages are counted by. It is the same for everybody, so that no change of a tenant's
/// time zone counts a message twice, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// The month of a time.
    pub fn of(time: Timestamp) -> Self {
        let moment = jiff::Timestamp::from_microsecond(time.micros()).unwrap_or_default();
        let date = Offset::UTC.to_datetime(moment).date();
        Self(i32::from(date.year()) * 100 + i32::from(date.month()))
    }

    /// The month as a number such as 202611: later ones are larger.
    pub fn number(self) -> i32 {
        self.0
    }

    /// When the month after this one begins.
    pub fn end(self) -> Timestamp {
        let (year, month) =
            if self.0 % 100 == 12 { (self.0 / 100 + 1, 1) } else { (self.0 / 100, self.0 % 100 + 1) };
        format!("{year:04}-{month:02}-01T00:00:00Z").parse().unwrap_or(Timestamp::from_micros(i64::MAX))
    }
}

impl fmt::Display for Month {
    /// Such as `2026-11`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_in_utc() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        for (text, month, end) in [
            ("2026-11-27T08:00:00Z", "2026-11", "2026-12-01T00:00:00Z"),
            ("2026-12-31T23:59:59.999999Z", "2026-12", "2027-01-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01", "2027-02-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-02", "2028-03-01T00:00:00Z"),
        ] {
            let found = Month::of(time(text));
            assert_eq!((found.to_string().as_str(), found.end()), (month, time(end)), "{text}");
        }
        assert_eq!(Month::of(time("2026-11-01T00:00:00Z")).number(), 202_611);
    }

    #[test]
    fn zero_is_the_default() {
        let quota = Quota { max_sources: 3, requests_per_second: 50, ..Quota::default() };
        assert_eq!(quota.limit(Countable::Sources), 3);
        assert_eq!(quota.limit(Countable::Workflows), u64::from(DEFAULT_WORKFLOWS));
        assert_eq!(quota.burst(), 50);
        assert_eq!(Quota { request_burst: 7, ..quota }.burst(), 7);
    }
}
