//! A circuit breaker: leaves a destination alone while it is down, and finds out with one probe that it is back.
//!
//! Pure: the time and the jitter are handed in, the owner asks [`Breaker::admit`] before every try and reports
//! what became of it.

use std::time::Duration;

use crate::{retry::jittered, time::Timestamp};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// How many failures in a row open it.
    pub failures_to_open: u32,
    /// How long it stays open the first time; every failed probe doubles that.
    pub first_pause: Duration,
    /// How long it stays open at most, before jitter.
    pub longest_pause: Duration,
    /// After this long without a report a probe counts as lost, and another one may go.
    pub probe_patience: Duration,
}

impl Default for BreakerConfig {
    /// Opens after 10 failures in a row, for 5 s at first and 5 min at most; a probe is lost after 60 s.
    fn default() -> Self {
        Self {
            failures_to_open: 10,
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
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig) -> Self {
        Self { config, state: BreakerState::Closed, failures: 0, openings: 0 }
    }

    /// What it is doing.
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// How many failures were reported since the last success.
    pub fn consecutive_failures(&self) -> u32 {
        self.failures
    }

    /// Whether a try may go at `now`. [`Admission::Probe`] is given once, until its report or until it is lost.
    pub fn admit(&mut self, now: Timestamp) -> Admission {
        match self.state {
            BreakerState::Closed => Admission::Send,
            BreakerState::Open { until } | BreakerState::HalfOpen { until } if now < until => {
                Admission::Wait(until)
            }
            BreakerState::Open { .. } | BreakerState::HalfOpen { .. } => {
                self.state = BreakerState::HalfOpen { until: now.plus(self.config.probe_patience) };
                Admission::Probe
            }
        }
    }

    /// A try reached the destination and was answered as it should be: closes the breaker.
    pub fn succeeded(&mut self) {
        *self = Self::new(self.config);
    }

    /// A try failed in a way that speaks of the destination's health (no connection, time-out, 429, 5xx; not an
    /// answer about this one event). `jitter` is from 0 up to 1 and spreads the probes of many destinations.
    ///
    /// A try that was under way when the breaker opened changes nothing any more.
    pub fn failed(&mut self, now: Timestamp, jitter: f64) {
        self.failures = self.failures.saturating_add(1);
        let opens = match self.state {
            BreakerState::Closed => self.failures >= self.config.failures_to_open,
            BreakerState::HalfOpen { .. } => true,
            BreakerState::Open { .. } => false,
        };
        if opens {
            self.state = BreakerState::Open { until: now.plus(jittered(self.pause(), jitter)) };
            self.openings = self.openings.saturating_add(1);
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
    fn one_probe_goes_and_a_success_closes() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(4)), Admission::Wait(at(5)));
        assert_eq!(breaker.admit(at(5)), Admission::Probe);
        assert_eq!(breaker.admit(at(6)), Admission::Wait(at(65)), "one probe at a time");
        breaker.succeeded();
        assert_eq!(breaker.admit(at(6)), Admission::Send);
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

    #[test]
    fn a_late_failure_does_not_prolong_the_pause() {
        let mut breaker = opened();
        breaker.failed(at(4), EVEN);
        assert_eq!(breaker.state(), BreakerState::Open { until: at(5) });
    }
}
