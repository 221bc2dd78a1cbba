//! Whether a destination may be asked now: how many requests are under way, how often it is asked, whether it asked to wait,
//! whether it works at all, and how many events go together. Pure: the time and the jitter are handed in.

use std::time::Duration;

use tributary_domain::{
    breaker::{Admission, Breaker, BreakerState},
    bucket::{Bucket, Pace},
    health::Flow,
    retry::jittered,
    time::Timestamp,
};

use super::tried::Health;
use crate::faults::Hurry;

/// How long one that asks to wait, and does not say for how long, is left alone the first time; each time after that twice
/// as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How often that is doubled at most.
const DOUBLINGS: u32 = 6;

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It may.
    Open,
    /// Not before one that is under way has ended.
    Full,
    /// Not before this time.
    Shut(Timestamp),
}

/// What limits a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// How many requests are under way at a time.
    pub(super) concurrency: usize,
    /// How often it is asked.
    pub(super) pace: Option<Pace>,
    /// How many events go together.
    pub(super) together: usize,
}

/// What stands before one destination.
#[derive(Debug)]
pub(super) struct Gate {
    hurry: Hurry,
    bounds: Bounds,
    bucket: Bucket,
    breaker: Breaker,
    in_flight: usize,
    /// How many events go together now: fewer after a refusal, more after each success.
    together: usize,
    /// How often in a row it asked to wait.
    busy: u32,
}

impl Gate {
    pub(super) fn new(hurry: Hurry) -> Self {
        Self {
            hurry,
            bounds: Bounds { concurrency: 1, pace: None, together: 1 },
            bucket: Bucket::new(None),
            breaker: Breaker::new(hurry.breaker()),
            in_flight: 0,
            together: 1,
            busy: 0,
        }
    }

    /// Goes by these bounds from now on. `is_changed`: somebody changed the destination, so what was seen of it before says
    /// nothing any more.
    pub(super) fn set(&mut self, bounds: Bounds, is_changed: bool) {
        self.bucket.set_pace(bounds.pace.map(|pace| self.hurry.pace(pace)));
        if is_changed || self.bounds != bounds {
            self.together = bounds.together;
        }
        if is_changed {
            self.breaker = Breaker::new(self.hurry.breaker());
            self.bucket.go_on();
            self.busy = 0;
        }
        self.bounds = bounds;
    }

    /// Whether a request may go at `now`.
    pub(super) fn way(&self, now: Timestamp) -> Way {
        if self.in_flight >= self.bounds.concurrency {
            return Way::Full;
        }
        let next = self.bucket.next(now).max(self.breaker.waits(now).unwrap_or(now));
        if next > now { Way::Shut(next) } else { Way::Open }
    }

    /// How many events go in the next request; a probe risks one.
    pub(super) fn together(&self) -> usize {
        if self.breaker.state() == BreakerState::Closed { self.together } else { 1 }
    }

    /// A request goes at `now`, whose way was seen to be open. Says whether it is the probe.
    pub(super) fn begin(&mut self, now: Timestamp) -> bool {
        self.in_flight += 1;
        self.bucket.take(now);
        self.breaker.admit(now) == Admission::Probe
    }

    /// It ended, and had `sent` events; 0: it never went. Says whether the breaker has just opened.
    pub(super) fn ended(
        &mut self,
        health: Health,
        sent: usize,
        is_probe: bool,
        now: Timestamp,
        jitter: f64,
    ) -> bool {
        self.in_flight -= 1;
        if sent == 0 {
            self.bucket.give_back();
        }
        let was_open = self.breaker.open_since().is_some();
        match health {
            Health::Well => {
                self.breaker.succeeded();
                self.busy = 0;
            }
            Health::Busy(after) => {
                self.breaker.succeeded();
                // Those that were under way together hear the same.
                if self.bucket.paused(now).is_none() {
                    let own = jittered(FIRST_PAUSE * 2_u32.pow(self.busy.min(DOUBLINGS)), jitter);
                    self.busy = self.busy.saturating_add(1);
                    self.bucket.pause(now.plus(self.hurry.of(own)));
                }
                self.bucket.pause(now.plus(self.hurry.of(after.unwrap_or_default())));
            }
            Health::Ill(after) => {
                self.breaker.failed(now, jitter);
                self.bucket.pause(now.plus(self.hurry.of(after.unwrap_or_default())));
            }
            Health::Unknown if is_probe => self.breaker.withdrawn(now),
            Health::Unknown => {}
        }
        !was_open && self.breaker.open_since().is_some()
    }

    /// Nothing goes before `until`.
    pub(super) fn pause(&mut self, until: Timestamp) {
        self.bucket.pause(until);
    }

    /// A request of so many events was refused for something in it: fewer go together for a while.
    pub(super) fn refused(&mut self, sent: usize) {
        self.together = self.together.min(sent / 2).max(1);
    }

    /// A request of so many events was taken.
    pub(super) fn taken(&mut self, sent: usize) {
        if sent >= self.together {
            self.together = (self.together * 2).min(self.bounds.together);
        }
    }

    /// How many requests are under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many in a row found that it does not work.
    pub(super) fn failures(&self) -> u32 {
        self.breaker.consecutive_failures()
    }

    /// What holds sending up at `now`.
    pub(super) fn flow(&self, now: Timestamp) -> Flow {
        match (self.breaker.state(), self.breaker.open_since()) {
            (BreakerState::HalfOpen { .. }, Some(since)) => Flow::Probing { since },
            (BreakerState::Open { until }, Some(since)) => Flow::Broken { since, probe_at: until },
            _ => match self.bucket.paused(now) {
                Some(until) => Flow::Throttled { until },
                None => Flow::Open,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVEN: f64 = 0.5;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn gate(concurrency: usize, pace: Option<Pace>, together: usize) -> Gate {
        let mut gate = Gate::new(Hurry::NONE);
        gate.set(Bounds { concurrency, pace, together }, true);
        gate
    }

    /// One request at `now` that ends so.
    fn ask(gate: &mut Gate, now: Timestamp, health: Health) -> bool {
        assert_eq!(gate.way(now), Way::Open);
        let is_probe = gate.begin(now);
        gate.ended(health, 1, is_probe, now, EVEN)
    }

    #[test]
    fn no_more_are_under_way_than_may_be() {
        let mut gate = gate(2, None, 1);
        gate.begin(at(0));
        assert_eq!(gate.way(at(0)), Way::Open);
        gate.begin(at(0));
        assert_eq!(gate.way(at(0)), Way::Full);
        gate.ended(Health::Well, 1, false, at(1), EVEN);
        assert_eq!(gate.way(at(1)), Way::Open);
    }

    #[test]
    fn one_that_asks_to_wait_is_left_alone_longer_each_time_and_at_least_as_long_as_it_says() {
        let mut gate = gate(2, None, 1);
        ask(&mut gate, at(0), Health::Busy(None));
        assert_eq!(
            (gate.way(at(0)), gate.flow(at(0))),
            (Way::Shut(at(1_000)), Flow::Throttled { until: at(1_000) })
        );
        ask(&mut gate, at(1_000), Health::Busy(None));
        assert_eq!(gate.way(at(1_000)), Way::Shut(at(3_000)));
        ask(&mut gate, at(3_000), Health::Busy(Some(Duration::from_secs(60))));
        assert_eq!(gate.way(at(3_000)), Way::Shut(at(63_000)));
        ask(&mut gate, at(63_000), Health::Well);
        ask(&mut gate, at(63_000), Health::Busy(Some(Duration::ZERO)));
        assert_eq!(gate.way(at(63_000)), Way::Shut(at(64_000)), "a success began it anew");
    }

    #[test]
    fn those_that_were_under_way_together_make_one_pause() {
        let mut gate = gate(3, None, 1);
        for _ in 0..3 {
            gate.begin(at(0));
        }
        for _ in 0..3 {
            gate.ended(Health::Busy(None), 1, false, at(10), EVEN);
        }
        assert_eq!(gate.way(at(10)), Way::Shut(at(1_010)));
    }

    #[test]
    fn one_that_does_not_work_is_probed_with_one_event_and_then_takes_all_again() {
        let mut gate = gate(4, None, 50);
        let opened: Vec<bool> = (0..10).map(|_| ask(&mut gate, at(0), Health::Ill(None))).collect();
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
        assert_eq!(gate.flow(at(0)), Flow::Broken { since: at(0), probe_at: at(5_000) });
        assert_eq!((gate.way(at(0)), gate.together()), (Way::Shut(at(5_000)), 1));
        assert!(gate.begin(at(5_000)), "a probe");
        assert_eq!(gate.way(at(5_000)), Way::Shut(at(65_000)), "and nothing beside it");
        assert_eq!(gate.flow(at(5_000)), Flow::Probing { since: at(0) });
        gate.ended(Health::Well, 1, true, at(5_001), EVEN);
        assert_eq!((gate.way(at(5_001)), gate.together(), gate.flow(at(5_001))), (Way::Open, 50, Flow::Open));
    }

    #[test]
    fn a_probe_that_never_went_makes_room_for_another_and_costs_nothing() {
        let mut gate = gate(4, Some(Pace::per_minute(60, 1)), 1);
        for second in 0..10 {
            ask(&mut gate, at(second * 1_000), Health::Ill(None));
        }
        let Way::Shut(until) = gate.way(at(9_000)) else { panic!("it is open") };
        assert!(gate.begin(until));
        gate.ended(Health::Unknown, 0, true, until, EVEN);
        assert_eq!(gate.way(until), Way::Open);
    }

    #[test]
    fn who_changes_a_destination_is_not_made_to_wait() {
        let mut gate = gate(4, None, 1);
        assert_eq!((0..10).filter(|_| ask(&mut gate, at(0), Health::Ill(None))).count(), 1);
        let bounds = Bounds { concurrency: 4, pace: None, together: 1 };
        gate.set(bounds, false);
        assert_ne!(gate.way(at(0)), Way::Open);
        gate.set(bounds, true);
        assert_eq!(gate.way(at(0)), Way::Open);
    }

    proptest! {
        /// With whatever answers: no more than allowed under way, a batch never larger than allowed nor empty, and what is told
        /// of the way is so: whoever asks again at that time finds it open, or learns of a later one.
        #[test]
        fn it_never_lets_more_through_than_its_bounds(
            concurrency in 1_usize..6,
            most in 1_usize..101,
            steps in prop::collection::vec((0_u8..7, 0_i64..3_000, 1_usize..101), 1..150),
        ) {
            let mut gate = gate(concurrency, Some(Pace::per_minute(600, 5)), most);
            let (mut now, mut open) = (0, Vec::new());
            for (step, wait, sent) in steps {
                now += wait;
                match step {
                    0..3 => match gate.way(at(now)) {
                        Way::Open => open.push(gate.begin(at(now))),
                        Way::Full => prop_assert_eq!(open.len(), concurrency),
                        Way::Shut(until) => {
                            prop_assert!(until > at(now));
                            let then = gate.way(until);
                            prop_assert!(then == Way::Open, "{:?}", then);
                        }
                    },
                    3..6 if !open.is_empty() => {
                        let healths = [Health::Well, Health::Busy(None), Health::Ill(None)];
                        let is_probe = open.remove(0);
                        gate.ended(healths[usize::from(step - 3)], 1, is_probe, at(now), EVEN);
                    }
                    _ if sent % 2 == 0 => gate.refused(sent),
                    _ => gate.taken(sent),
                }
                prop_assert_eq!(gate.in_flight(), open.len());
                prop_assert!(open.len() <= concurrency);
                prop_assert!((1..=most).contains(&gate.together()));
                prop_assert!(open.iter().filter(|is_probe| **is_probe).count() <= 1 || now > 60_000);
            }
        }
    }
}
