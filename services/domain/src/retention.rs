//! For how long what a tenant has is kept: bodies, logs and dedupe keys, each for its own time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{id::MessageId, time::Timestamp};

/// The longest time for which bodies and logs can be kept, in days.
pub const MOST_DAYS: u32 = 36_500;
/// The longest time for which dedupe keys can be kept, in days.
pub const MOST_DEDUPE_DAYS: u32 = 365;
const DAY: u64 = 24 * 60 * 60;

/// For how many days each kind is kept, counted from when the message was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Bodies and headers of messages, of refused requests, and of what destinations answered.
    pub bodies_days: u32,
    /// Messages with all that followed from them, and refused requests. Bodies are no longer kept than these.
    pub logs_days: u32,
    /// What duplicates are known by: a message that comes again later than that is a new one.
    pub dedupe_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { bodies_days: 30, logs_days: 90, dedupe_days: 30 }
    }
}

impl Retention {
    /// What is in force where bodies and logs may be kept for `limit` days at most; zero: for any time. Dedupe keys have
    /// no such limit: they are hashes, and a shorter time would let duplicates in.
    #[must_use]
    pub fn within(self, limit: u32) -> Self {
        let logs_days = if limit == 0 { self.logs_days } else { self.logs_days.min(limit) };
        Self { bodies_days: self.bodies_days.min(logs_days), logs_days, ..self }
    }

    /// Bodies of what was accepted before this time are removed.
    pub fn bodies_until(self, now: Timestamp) -> Timestamp {
        now.minus(days(self.bodies_days))
    }

    /// Logs of what was accepted before this time are removed.
    pub fn logs_until(self, now: Timestamp) -> Timestamp {
        now.minus(days(self.logs_days))
    }

    /// Keys of what was accepted before this time do not count.
    pub fn dedupe_until(self, now: Timestamp) -> Timestamp {
        now.minus(days(self.dedupe_days))
    }

    /// Whether a message that has the dedupe key of another repeats it: it was accepted less than `dedupe_days` away from
    /// it. That is a matter of the two alone, so that it does not depend on when either is processed.
    pub fn is_repeat(self, known: MessageId, message: MessageId) -> bool {
        Duration::from_millis(known.millis().abs_diff(message.millis())) < days(self.dedupe_days)
    }
}

/// So many days.
pub fn days(number: u32) -> Duration {
    Duration::from_secs(u64::from(number) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_bounds_bodies_and_logs_but_not_dedupe_keys() {
        let set = Retention { bodies_days: 20, logs_days: 60, dedupe_days: 30 };
        for (limit, bodies, logs) in [(0, 20, 60), (100, 20, 60), (40, 20, 40), (10, 10, 10)] {
            let expected = Retention { bodies_days: bodies, logs_days: logs, dedupe_days: 30 };
            assert_eq!(set.within(limit), expected, "{limit}");
        }
    }

    #[test]
    fn a_repeat_ends_exactly_with_the_period_whichever_came_first() {
        let day = 24 * 60 * 60 * 1000;
        let kept = Retention { dedupe_days: 2, ..Retention::default() };
        let first = MessageId::new(10 * day, 5);
        for (later, is_repeat) in [(0, true), (2 * day - 1, true), (2 * day, false), (3 * day, false)] {
            let again = MessageId::new(10 * day + later, 3);
            assert_eq!(kept.is_repeat(first, again), is_repeat, "{later}");
            assert_eq!(kept.is_repeat(again, first), is_repeat, "{later}");
        }
    }

    #[test]
    fn settings_of_an_older_build_have_the_defaults() {
        let read: crate::tenant::TenantSettings =
            serde_json::from_str(r#"{"time_zone":"UTC","strong_limit":3}"#).expect("reads");
        assert_eq!(read.retention, Retention::default());
    }
}
