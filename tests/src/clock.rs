//! The time, as senders and receivers outside of the house have it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time now in microseconds since 1970.
#[allow(clippy::disallowed_methods, reason = "a sender outside of the house has a clock of its own")]
pub fn now_micros() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    i64::try_from(elapsed.as_micros()).expect("not so far in the future")
}

/// The time now in seconds since 1970.
pub fn now_seconds() -> i64 {
    now_micros() / 1_000_000
}

/// A time of the API in microseconds since 1970; 0 where it is unset.
pub fn to_micros(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| time.seconds * 1_000_000 + i64::from(time.nanos / 1_000))
}
