//! How long things took, as a histogram that can be added to another: buckets on a logarithmic scale, four to each
//! doubling. What a bucket holds is told as its geometric middle, which is at most 2^(1/8), or 9.1 %, away from it.

use std::time::Duration;

/// How many buckets there are: the first ends at 1 ms, the last but one begins after about 18 hours.
pub const BUCKETS: u16 = 106;
/// Where the first bucket ends, in microseconds.
const FIRST: f64 = 1_000.0;
/// Buckets in each doubling.
const PER_DOUBLING: f64 = 4.0;

/// The bucket of a time.
pub fn bucket_of(time: Duration) -> u16 {
    let micros = time.as_secs_f64() * 1_000_000.0;
    if micros < FIRST {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and small")]
    let bucket = ((micros / FIRST).log2() * PER_DOUBLING) as u16 + 1;
    bucket.min(BUCKETS - 1)
}

/// What is told of the times in a bucket: the geometric middle of it; half a millisecond for the first one.
pub fn middle_of(bucket: u16) -> Duration {
    if bucket == 0 {
        return Duration::from_micros(500);
    }
    let doublings = (f64::from(bucket - 1) + 0.5) / PER_DOUBLING;
    Duration::from_secs_f64(FIRST / 1_000_000.0 * doublings.exp2())
}

/// Times, counted by their buckets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// The buckets that hold anything, in their order, with how much.
    pub(super) filled: Vec<(u16, u64)>,
}

impl Histogram {
    /// How many times it holds.
    pub fn count(&self) -> u64 {
        self.filled.iter().map(|(_, count)| count).sum()
    }

    /// The time that `percent` of 100 do not exceed, within 9.1 %; none when it is empty.
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        let count = self.count();
        // The smallest rank that is not below the wanted share.
        let rank = count.saturating_mul(percent).div_ceil(100).clamp(1, count.max(1));
        let mut seen = 0;
        self.filled.iter().find_map(|(bucket, held)| {
            seen += held;
            (seen >= rank).then(|| middle_of(*bucket))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn of(times: &[u64]) -> Histogram {
        let mut filled = BTreeMap::new();
        for time in times {
            *filled.entry(bucket_of(Duration::from_micros(*time))).or_insert(0) += 1;
        }
        Histogram { filled: filled.into_iter().collect() }
    }

    #[test]
    fn the_ends_hold_everything_beyond_them() {
        assert_eq!((bucket_of(Duration::ZERO), bucket_of(Duration::from_micros(999))), (0, 0));
        assert_eq!(bucket_of(Duration::from_millis(1)), 1);
        assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
        assert!(middle_of(BUCKETS - 1) > Duration::from_hours(18));
        assert_eq!(Histogram::default().percentile(50), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_times_within_the_error(
            mut times in prop::collection::vec(1_000_u64..60_000_000_000, 1..200),
            percent in 1_u64..=100,
        ) {
            let found = of(&times).percentile(percent).unwrap().as_secs_f64() * 1_000_000.0;
            times.sort_unstable();
            let rank = (times.len() as u64 * percent).div_ceil(100).max(1);
            let exact = times[usize::try_from(rank).unwrap() - 1] as f64;
            prop_assert!((found / exact).ln().abs() <= 0.091, "{found} for {exact}");
        }
    }
}
