//! A token bucket: how often a destination is asked, and until when it asked to be left alone.
//!
//! Pure: the time is handed in. What counts is one time, at which the bucket would be full again: it moves on with every
//! request, and nothing has to be filled while nobody asks.

use std::time::Duration;

use crate::time::Timestamp;

/// How often something may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How far apart requests are in the long run.
    pub apart: Duration,
    /// How many may go at once; at least 1.
    pub burst: u32,
}

impl Pace {
    /// So many requests a minute, of which `burst` may go at once. Nothing is taken as one.
    pub fn per_minute(requests: u32, burst: u32) -> Self {
        Self { apart: Duration::from_secs(60) / requests.max(1), burst: burst.max(1) }
    }
}

/// The bucket of one destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pace: Option<Pace>,
    full_at: Timestamp,
    paused_until: Timestamp,
}

/// Before anything.
const EVER: Timestamp = Timestamp::from_micros(0);

impl Bucket {
    /// A full bucket; without a pace it is never empty.
    pub fn new(pace: Option<Pace>) -> Self {
        Self { pace, full_at: EVER, paused_until: EVER }
    }

    /// Goes by another pace from now on. What was asked for before counts.
    pub fn set_pace(&mut self, pace: Option<Pace>) {
        self.pace = pace;
    }

    /// When the next request may go: at `now`, or later.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let due = match self.pace {
            Some(Pace { apart, burst }) => self.full_at.minus(apart.saturating_mul(burst.saturating_sub(1))),
            None => EVER,
        };
        due.max(self.paused_until).max(now)
    }

    /// A request goes at `now`: the caller saw that it may.
    pub fn take(&mut self, now: Timestamp) {
        if let Some(pace) = self.pace {
            self.full_at = self.full_at.max(now).plus(pace.apart);
        }
    }

    /// One that was taken was not needed.
    pub fn give_back(&mut self) {
        if let Some(pace) = self.pace {
            self.full_at = self.full_at.minus(pace.apart);
        }
    }

    /// Lets nothing go before `until`.
    pub fn pause(&mut self, until: Timestamp) {
        self.paused_until = self.paused_until.max(until);
    }

    /// Until when nothing goes because the other side asked for that; nothing: it did not, or that is over.
    pub fn paused(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.paused_until).filter(|until| *until > now)
    }

    /// Forgets that the other side asked to be left alone, and what was asked at another pace.
    pub fn go_on(&mut self) {
        (self.full_at, self.paused_until) = (EVER, EVER);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn micros(span: Duration) -> i64 {
        i64::try_from(span.as_micros()).unwrap()
    }

    #[test]
    fn without_a_pace_everything_goes_until_it_is_paused() {
        let mut bucket = Bucket::new(None);
        (0..1_000).for_each(|_| bucket.take(at(5)));
        assert_eq!(bucket.next(at(5)), at(5));
        bucket.pause(at(9));
        bucket.pause(at(7));
        assert_eq!(
            (bucket.next(at(5)), bucket.paused(at(5)), bucket.paused(at(9))),
            (at(9), Some(at(9)), None)
        );
        bucket.go_on();
        assert_eq!(bucket.next(at(5)), at(5));
    }

    #[test]
    fn a_slow_pace_leaves_no_debt_to_who_goes_on_faster() {
        let mut bucket = Bucket::new(Some(Pace::per_minute(1, 1)));
        (0..5).for_each(|_| bucket.take(at(5)));
        bucket.set_pace(Some(Pace::per_minute(600, 1)));
        assert!(bucket.next(at(5)) > Timestamp::from_seconds(60));
        bucket.go_on();
        assert_eq!(bucket.next(at(5)), at(5));
    }

    #[test]
    fn a_burst_goes_at_once_and_then_one_after_another() {
        let mut bucket = Bucket::new(Some(Pace::per_minute(60, 3)));
        let now = Timestamp::from_seconds(100);
        let mut waits = Vec::new();
        for _ in 0..5 {
            let next = bucket.next(now);
            waits.push(next.since(now).as_secs());
            bucket.take(next);
        }
        assert_eq!(waits, [0, 0, 0, 1, 2]);
        assert_eq!(
            bucket.next(Timestamp::from_seconds(200)),
            Timestamp::from_seconds(200),
            "it is full again"
        );
    }

    proptest! {
        /// In any stretch of time there are at most a burst and what the stretch allows; and whoever waits as told never waits
        /// longer than the plainest model of a bucket, tokens that drip, would have it.
        #[test]
        fn no_stretch_has_more_than_burst_and_pace_allow(
            per_minute in 1_u32..100_000,
            burst in 1_u32..50,
            idle in prop::collection::vec(0_i64..3_000_000, 1..120),
        ) {
            let pace = Pace::per_minute(per_minute, burst);
            let (apart, burst) = (micros(pace.apart), i64::from(burst));
            let mut bucket = Bucket::new(Some(pace));
            let (mut now, mut sent) = (1_000_000_000_i64, Vec::new());
            // Tokens in units of a microsecond's worth.
            let (mut tokens, mut seen) = (burst * apart, now);
            for wait in idle {
                now += wait;
                let next = bucket.next(at(now)).micros();
                tokens = (tokens + now - seen).min(burst * apart);
                seen = now;
                let expected = now + (apart - tokens).max(0);
                prop_assert_eq!(next, expected);
                tokens = (tokens + next - seen).min(burst * apart) - apart;
                (now, seen) = (next, next);
                bucket.take(at(next));
                sent.push(next);
            }
            for (from, first) in sent.iter().enumerate() {
                for (to, last) in sent.iter().enumerate().skip(from) {
                    let count = i64::try_from(to - from + 1).unwrap();
                    prop_assert!((count - burst) * apart <= last - first);
                }
            }
        }
    }
}
