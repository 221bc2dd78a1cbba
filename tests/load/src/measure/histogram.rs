//! How long things took: counted in buckets whose width grows with the value, so that none is further from its
//! bucket's bound than 1/64 of it.

use std::time::Duration;

/// Each power of two has so many buckets.
const PARTS: u64 = 1 << PART_BITS;
const PART_BITS: u32 = 6;

/// Durations, counted in microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

impl Histogram {
    /// Counts one.
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket_of(micros);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
    }

    /// Counts all that `other` has.
    pub(crate) fn add(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (own, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += more;
        }
        self.count += other.count;
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The time within which `share` of them, from 0 to 1, were done: the upper bound of its bucket, in
    /// milliseconds. 0 when nothing was counted.
    pub(crate) fn millis(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        bucket.map_or(0.0, |bucket| upper_bound(bucket) as f64 / 1_000.0)
    }
}

fn bucket_of(micros: u64) -> usize {
    if micros < PARTS {
        return micros as usize;
    }
    let shift = micros.ilog2() - PART_BITS;
    (u64::from(shift) * PARTS + (micros >> shift)) as usize
}

/// The largest value that is counted in `bucket`.
fn upper_bound(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PARTS {
        return bucket;
    }
    let shift = bucket / PARTS - 1;
    let part = u128::from(bucket % PARTS + PARTS + 1);
    u64::try_from((part << shift) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_bucket_and_close_to_its_bound() {
        let mut values: Vec<u64> = (0..5_000).collect();
        values.extend((6..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        values.push(u64::MAX);
        for value in values {
            let bucket = bucket_of(value);
            let bound = upper_bound(bucket);
            assert!(bound >= value, "{value} is above its bound {bound}");
            assert!(bound - value <= value / PARTS, "{value} is far from its bound {bound}");
            assert!(bucket == 0 || upper_bound(bucket - 1) < value, "{value} belongs to the bucket before");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        for (share, exact) in [(0.0, 1.0), (0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = histogram.millis(share);
            assert!((exact..=exact * (1.0 + 1.0 / 64.0) + 0.001).contains(&found), "{share}: {found}");
        }
    }

    #[test]
    fn one_slow_in_a_hundred_is_not_in_the_99th_percentile_and_two_are() {
        let mut histogram = Histogram::default();
        (0..99).for_each(|_| histogram.record(Duration::from_millis(1)));
        histogram.record(Duration::from_secs(1));
        assert!(histogram.millis(0.99) < 2.0);
        histogram.record(Duration::from_secs(1));
        assert!(histogram.millis(0.99) > 900.0);
    }

    #[test]
    fn two_together_are_as_one() {
        let (mut left, mut right, mut both) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for micros in [3, 70, 4_000_000] {
            left.record(Duration::from_micros(micros));
            both.record(Duration::from_micros(micros));
        }
        right.record(Duration::from_secs(100));
        both.record(Duration::from_secs(100));
        left.add(&right);
        assert_eq!((left.count(), left.buckets), (both.count(), both.buckets));
        assert_eq!(Histogram::default().millis(0.99), 0.0);
    }
}
