//! A circuit breaker: leaves a destination alone while it is down, and finds out with one probe that it is back.
//!
//! Pure: the time and the jitter are handed in, the owner asks [`Breaker::admit`] before every try and reports
//! what became of it.

use std::time::Duration;

use crate::{retry::jittered, time::Timestamp};

/// How many reports are watched for how many of them are failures.
pub const WATCHED: u32 = 32;

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// How many failures in a row open it.
    pub failures_to_open: u32,
    /// How many of the last [`WATCHED`] reports have to be failures for it to open, also where some in between went well.
    pub failures_of_watched: u32,
    /// How long it stays open the first time; every failed probe doubles that.
    pub first_pause: Duration,
    /// How long it stays open at most, before jitter.
    pub longest_pause: Duration,
    /// After this long without a report a probe counts as lost, and another one may go.
    pub probe_patience: Duration,
}

impl Default for BreakerConfig {
    /// Opens after 10 failures in a row, or 24 of 32, for 5 s at first and 5 min at most; a probe is lost after 60 s.
    fn default() -> Self {
        Self {
            failures_to_open: 10,
            failures_of_watched: 24,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(300),
            probe_patience: Duration::from_secs(60),
        }
    }
}

/// What a breaker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// All tries may go.
    Closed,
    /// No try may go before this time.
    Open {
        /// When a probe may go.
        until: Timestamp,
    },
    /// One probe is under way; no other try may go.
    HalfOpen {
        /// When the probe counts as lost.
        until: Timestamp,
    },
}

/// Whether a try may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Send,
    /// It may, as the only one: what becomes of it decides.
    Probe,
    /// Not yet: ask again at this time.
    Wait(Timestamp),
}

/// The breaker of one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    config: BreakerConfig,
    state: BreakerState,
    failures: u32,
    /// How often it opened since it was last closed.
    openings: u32,
    /// The last reports while it was closed, the newest lowest: 1 is a failure.
    watched: u32,
    /// When it opened; nothing while it is closed.
    since: Option<Timestamp>,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig) -> Self {
        Self { config, state: BreakerState::Closed, failures: 0, openings: 0, watched: 0, since: None }
    }

    /// What it is doing.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// How many failures were reported since the last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.failures
    }

    /// Since when it lets nothing but probes go; nothing while it is closed.
    pub fn open_since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Until when no try may go, not even a probe; nothing: one may go at `now`.
    pub fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            BreakerState::Open { until } | BreakerState::HalfOpen { until } if now < until => Some(until),
            _ => None,
        }
    }

    /// Whether a try may go at `now`. [`Admission::Probe`] is given once, until its report or until it is lost.
    pub fn admit(&mut self, now: Timestamp) -> Admission {
        match (self.state, self.waits(now)) {
            (BreakerState::Closed, _) => Admission::Send,
            (_, Some(until)) => Admission::Wait(until),
            (BreakerState::Open { .. } | BreakerState::HalfOpen { .. }, None) => {
                self.state = BreakerState::HalfOpen { until: now.plus(self.config.probe_patience) };
                Admission::Probe
            }
        }
    }

    /// A try reached the destination and was answered as it should be: closes the breaker.
    pub fn succeeded(&mut self) {
        let watched = if self.state == BreakerState::Closed { self.watched << 1 } else { 0 };
        *self = Self { watched, ..Self::new(self.config) };
    }

    /// A try failed in a way that speaks of the destination's health (no connection, time-out, 429, 5xx; not an
    /// answer about this one event). `jitter` is from 0 up to 1 and spreads the probes of many destinations.
    ///
    /// A try that was under way when the breaker opened changes nothing any more.
    pub fn failed(&mut self, now: Timestamp, jitter: f64) {
        self.failures = self.failures.saturating_add(1);
        let opens = match self.state {
            BreakerState::Closed => {
                self.watched = self.watched << 1 | 1;
                let is_ill = self.watched.count_ones() >= self.config.failures_of_watched;
                is_ill || self.failures >= self.config.failures_to_open
            }
            BreakerState::HalfOpen { .. } => true,
            BreakerState::Open { .. } => false,
        };
        if opens {
            self.state = BreakerState::Open { until: now.plus(jittered(self.pause(), jitter)) };
            self.openings = self.openings.saturating_add(1);
            self.since = self.since.or(Some(now));
        }
    }

    /// The probe never reached the destination and says nothing of its health: another one may go at once.
    pub fn withdrawn(&mut self, now: Timestamp) {
        if matches!(self.state, BreakerState::HalfOpen { .. }) {
            self.state = BreakerState::Open { until: now };
        }
    }

    fn pause(&self) -> Duration {
        let factor = 2_u32.saturating_pow(self.openings);
        self.config.first_pause.saturating_mul(factor).min(self.config.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVEN: f64 = 0.5;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for _ in 0..10 {
            assert_eq!(breaker.admit(at(0)), Admission::Send);
            breaker.failed(at(0), EVEN);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_in_between_does_not() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        for _ in 0..9 {
            breaker.failed(at(0), EVEN);
        }
        breaker.succeeded();
        breaker.failed(at(0), EVEN);
        assert_eq!((breaker.state(), breaker.consecutive_failures()), (BreakerState::Closed, 1));
        assert_eq!(opened().state(), BreakerState::Open { until: at(5) });
    }

    #[test]
    fn one_that_fails_mostly_opens_although_some_go_well() {
        let mut breaker = Breaker::new(BreakerConfig::default());
        let mut tries = 0;
        while breaker.admit(at(tries)) == Admission::Send {
            tries += 1;
            if tries % 5 == 0 { breaker.succeeded() } else { breaker.failed(at(tries), EVEN) }
        }
        // 24 failures with a success after every fourth.
        assert_eq!((tries, breaker.open_since()), (29, Some(at(29))));
        let mut half = Breaker::new(BreakerConfig::default());
        for second in 0..200 {
            assert_eq!(half.admit(at(second)), Admission::Send, "every other one goes well");
            if second % 2 == 0 { half.succeeded() } else { half.failed(at(second), EVEN) }
        }
    }

    #[test]
    fn one_probe_goes_and_a_success_closes() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(4)), Admission::Wait(at(5)));
        assert_eq!(breaker.admit(at(5)), Admission::Probe);
        assert_eq!(breaker.admit(at(6)), Admission::Wait(at(65)), "one probe at a time");
        breaker.succeeded();
        assert_eq!((breaker.admit(at(6)), breaker.open_since()), (Admission::Send, None));
        assert_eq!(breaker.consecutive_failures(), 0);
    }

    #[test]
    fn failed_probes_double_the_pause_up_to_the_longest() {
        let mut breaker = opened();
        let mut now = at(0);
        for expected in [5, 10, 20, 40, 80, 160, 300, 300, 300] {
            let Admission::Wait(until) = breaker.admit(now) else { panic!("it is open") };
            assert_eq!(until.since(now), Duration::from_secs(expected));
            now = until;
            assert_eq!(breaker.admit(now), Admission::Probe);
            breaker.failed(now, EVEN);
        }
    }

    #[test]
    fn a_lost_probe_is_replaced() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(5)), Admission::Probe);
        assert_eq!(breaker.admit(at(65)), Admission::Probe);
    }

    #[test]
    fn a_probe_that_says_nothing_gives_its_slot_back_and_closes_nothing() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(5)), Admission::Probe);
        breaker.withdrawn(at(6));
        assert_eq!(breaker.admit(at(6)), Admission::Probe);
        breaker.failed(at(6), EVEN);
        assert_eq!(
            breaker.state(),
            BreakerState::Open { until: at(16) },
            "the pause is doubled as after any"
        );
        let mut closed = Breaker::new(BreakerConfig::default());
        closed.withdrawn(at(1));
        assert_eq!(closed.state(), BreakerState::Closed);
    }

    proptest! {
        /// Whatever is reported: it opens by the two rules and no sooner, lets one probe go at a time, and stays shut for as long
        /// as it says.
        #[test]
        fn it_opens_by_its_rules_and_probes_one_at_a_time(steps in prop::collection::vec((0_u8..4, 0_i64..40), 1..200)) {
            let config = BreakerConfig::default();
            let mut breaker = Breaker::new(config);
            let (mut now, mut reports, mut closed, mut probing) = (0_i64, Vec::new(), true, None);
            let mut shut_until = 0_i64;
            for (step, wait) in steps {
                now += wait;
                match step {
                    0 | 1 => match breaker.admit(at(now)) {
                        Admission::Send => prop_assert!(closed),
                        Admission::Probe => {
                            prop_assert!(!closed && now >= shut_until);
                            prop_assert!(probing.is_none_or(|since| now - since >= 60), "one at a time");
                            probing = Some(now);
                        }
                        Admission::Wait(until) => prop_assert!(!closed && until > at(now)),
                    },
                    2 => {
                        breaker.succeeded();
                        if !closed { reports.clear() }
                        (closed, probing) = (true, None);
                        reports.push(false);
                    }
                    _ => {
                        breaker.failed(at(now), EVEN);
                        if closed { reports.push(true) }
                        let in_a_row = reports.iter().rev().take_while(|failed| **failed).count();
                        let of_watched = reports.iter().rev().take(32).filter(|failed| **failed).count();
                        let opens = if closed { in_a_row >= 10 || of_watched >= 24 } else { probing.is_some() };
                        if opens {
                            (closed, probing) = (false, None);
                            let Some(until) = breaker.waits(at(now)) else { panic!("it is open") };
                            shut_until = until.seconds();
                        }
                    }
                }
                prop_assert_eq!(breaker.open_since().is_none(), closed);
            }
        }
    }

    #[test]
    fn a_late_failure_does_not_prolong_the_pause() {
        let mut breaker = opened();
        breaker.failed(at(4), EVEN);
        assert_eq!(breaker.state(), BreakerState::Open { until: at(5) });
    }
}
