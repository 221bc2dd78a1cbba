//! The counts of one piece of time.

use std::collections::BTreeMap;

use super::{BUCKETS, Histogram, Metric, Timing};

/// How often each metric was counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts(BTreeMap<u16, u64>);

/// Bytes that are no packed counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not packed counts")]
pub struct Corrupt;

impl Counts {
    /// Counts `n` more of the metric with this code.
    pub fn add(&mut self, code: u16, n: u64) {
        if n > 0 {
            let count = self.0.entry(code).or_default();
            *count = count.saturating_add(n);
        }
    }

    /// Adds everything of another.
    pub fn merge(&mut self, other: &Self) {
        for (code, n) in &other.0 {
            self.add(*code, *n);
        }
    }

    /// How often a metric was counted.
    pub fn of(&self, metric: Metric) -> u64 {
        self.0.get(&metric.code()).copied().unwrap_or(0)
    }

    /// How long something took.
    pub fn times(&self, timing: Timing) -> Histogram {
        let first = Metric::Took(timing, 0).code();
        let filled = self.0.range(first..first + BUCKETS).map(|(code, n)| (code - first, *n)).collect();
        Histogram { filled }
    }

    /// Packed for keeping: for each metric the distance of its code from the one before, and the count, as LEB128.
    pub fn pack(&self) -> Vec<u8> {
        let mut packed = Vec::with_capacity(self.0.len() * 3);
        let mut before = 0;
        for (code, n) in &self.0 {
            write(&mut packed, u64::from(code - before));
            write(&mut packed, *n);
            before = *code;
        }
        packed
    }

    /// Adds what was packed.
    ///
    /// # Errors
    /// When `packed` was not; nothing is added then.
    pub fn merge_packed(&mut self, mut packed: &[u8]) -> Result<(), Corrupt> {
        let mut code = 0_u16;
        let mut found = Vec::with_capacity(packed.len() / 2);
        while !packed.is_empty() {
            let distance = u16::try_from(read(&mut packed)?).map_err(|_| Corrupt)?;
            code = code.checked_add(distance).ok_or(Corrupt)?;
            found.push((code, read(&mut packed)?));
        }
        if self.0.is_empty() {
            // Built at once, which is most of what reading a chart costs.
            self.0 = found.into_iter().collect();
        } else {
            found.into_iter().for_each(|(code, n)| self.add(code, n));
        }
        Ok(())
    }
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn read(bytes: &mut &[u8]) -> Result<u64, Corrupt> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or(Corrupt)?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Corrupt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back_and_adds_up(
            one in prop::collection::btree_map(0_u16..4_000, 1_u64..u64::MAX / 2, 0..40),
            other in prop::collection::btree_map(0_u16..4_000, 1_u64..u64::MAX / 2, 0..40),
        ) {
            let (one, other) = (Counts(one), Counts(other));
            let mut back = Counts::default();
            back.merge_packed(&one.pack()).unwrap();
            prop_assert_eq!(&back, &one);
            back.merge_packed(&other.pack()).unwrap();
            let mut sum = one;
            sum.merge(&other);
            prop_assert_eq!(back, sum);
        }
    }

    #[test]
    fn what_is_not_packed_counts_is_said_to_be_none() {
        for bad in [&[1_u8][..], &[0x80], &[0xff; 12], &[0xff, 0xff, 0xff, 0x7f, 1]] {
            assert_eq!(Counts::default().merge_packed(bad), Err(Corrupt), "{bad:?}");
        }
    }
}
