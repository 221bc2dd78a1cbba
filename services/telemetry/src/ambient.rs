//! What a process takes from its surroundings: the time and randomness. Everything else has them handed in.

use std::time::{SystemTime, UNIX_EPOCH};

use tributary_domain::time::{Clock, Timestamp};

/// The wall clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// The time now, to the microsecond; the epoch when the machine's clock stands before it.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock; all others are handed a Clock"
    )]
    fn now(&self) -> Timestamp {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
    }
}

/// 128 bits that nobody can guess, from a generator that the operating system seeds; fit for secrets and ids.
pub fn random_u128() -> u128 {
    rand::random()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_microseconds_of_this_century() {
        let now = SystemClock.now();
        assert!(now > Timestamp::from_seconds(1_700_000_000) && now < Timestamp::from_seconds(4_100_000_000));
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(random_u128(), random_u128());
    }
}
