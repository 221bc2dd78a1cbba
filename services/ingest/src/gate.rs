//! What all sources of a tenant share at the door. Asking it takes no lock, and a change is in force at once.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// In nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// What all sources of a tenant share at the door.
#[derive(Debug)]
pub struct TenantGate {
    is_shut: AtomicBool,
    /// The largest body, in bytes.
    body_limit: AtomicUsize,
    rate: Rate,
}

impl Default for TenantGate {
    /// Open, and without limits.
    fn default() -> Self {
        Self {
            is_shut: AtomicBool::new(false),
            body_limit: AtomicUsize::new(usize::MAX),
            rate: Rate {
                began: Instant::now(),
                interval: AtomicU64::new(0),
                slack: AtomicU64::new(0),
                next: AtomicU64::new(0),
            },
        }
    }
}

impl TenantGate {
    /// Shuts the doors of all sources, or opens them again: of a deleted tenant, they answer as deleted ones.
    pub fn set_shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::Release);
    }

    /// Sets the largest body that the doors take, in bytes, whatever their sources say.
    pub fn set_body_limit(&self, bytes: usize) {
        self.body_limit.store(bytes, Ordering::Release);
    }

    /// Sets how many requests the doors take: `per_second`, and `burst` at once after a quiet time. Zero a second: any
    /// number.
    pub fn set_rate(&self, per_second: u32, burst: u32) {
        self.rate.set(per_second, burst);
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Acquire)
    }

    pub(crate) fn body_limit(&self) -> usize {
        self.body_limit.load(Ordering::Acquire)
    }

    /// Whether a request may come in now.
    ///
    /// # Errors
    /// After how long the next one may.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        // Where there is no rate, not even the clock is read.
        if self.rate.interval.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        self.rate.take(self.rate.began.elapsed())
    }
}

/// A token bucket without tokens (the "generic cell rate algorithm"): all that changes is when the next request is due
/// if they came evenly. All times are nanoseconds since it began.
#[derive(Debug)]
struct Rate {
    began: Instant,
    /// Between two requests; zero: no limit.
    interval: AtomicU64,
    /// How far ahead of its time a request may come.
    slack: AtomicU64,
    next: AtomicU64,
}

impl Rate {
    fn set(&self, per_second: u32, burst: u32) {
        let interval = SECOND.checked_div(u64::from(per_second)).unwrap_or(0);
        let slack = interval.saturating_mul(u64::from(burst.max(1) - 1));
        let before = self.interval.swap(interval, Ordering::AcqRel);
        let slack_before = self.slack.swap(slack, Ordering::AcqRel);
        if (before, slack_before) != (interval, slack) {
            self.next.store(0, Ordering::Release);
        }
    }

    fn take(&self, now: Duration) -> Result<(), Duration> {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let (interval, slack) = (self.interval.load(Ordering::Acquire), self.slack.load(Ordering::Acquire));
        take(&self.next, now, interval, slack)
    }
}

/// Takes the place that is due at `next`, if it may be taken `now`; otherwise says after how long it may.
pub(crate) fn take(next: &AtomicU64, now: u64, interval: u64, slack: u64) -> Result<(), Duration> {
    let latest = now.saturating_add(slack);
    let taken = next.fetch_update(Ordering::AcqRel, Ordering::Acquire, |next| {
        (next <= latest).then(|| next.max(now).saturating_add(interval))
    });
    taken.map(drop).map_err(|next| Duration::from_nanos(next.saturating_sub(latest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn gate(per_second: u32, burst: u32) -> TenantGate {
        let gate = TenantGate::default();
        gate.set_rate(per_second, burst);
        gate
    }

    #[test]
    fn a_burst_comes_in_at_once_and_then_so_many_a_second() {
        let gate = gate(10, 3);
        for _ in 0..3 {
            assert_eq!(gate.rate.take(at(1_000)), Ok(()));
        }
        assert_eq!(gate.rate.take(at(1_000)), Err(at(100)));
        assert_eq!(gate.rate.take(at(1_070)), Err(at(30)), "who is refused uses nothing up");
        assert_eq!(gate.rate.take(at(1_100)), Ok(()));
        assert_eq!(gate.rate.take(at(1_100)), Err(at(100)));
        let taken = (0..1_000).filter(|tick| gate.rate.take(at(1_101 + 10 * tick)).is_ok()).count();
        assert_eq!(taken, 99, "ten seconds, of which the first tenth is not over");
        for _ in 0..3 {
            assert_eq!(
                gate.rate.take(at(60_000)),
                Ok(()),
                "after a quiet time all of the burst is there again"
            );
        }
        assert!(gate.rate.take(at(60_000)).is_err());
    }

    #[test]
    fn another_rate_is_in_force_at_once_and_the_same_changes_nothing() {
        let gate = gate(1, 1);
        assert_eq!(gate.rate.take(at(0)), Ok(()));
        gate.set_rate(1, 1);
        assert_eq!(gate.rate.take(at(0)), Err(at(1_000)));
        gate.set_rate(2, 1);
        assert_eq!(gate.rate.take(at(0)), Ok(()));
        assert_eq!(gate.rate.take(at(0)), Err(at(500)));
        gate.set_rate(0, 0);
        assert!((0..1_000).all(|_| gate.admit().is_ok()));
    }

    #[test]
    fn of_many_at_once_no_more_come_in_than_may() {
        let gate = gate(1, 100);
        let taken: usize = std::thread::scope(|scope| {
            let senders =
                (0..8).map(|_| scope.spawn(|| (0..100).filter(|_| gate.rate.take(at(500)).is_ok()).count()));
            let senders: Vec<_> = senders.collect();
            senders.into_iter().map(|sender| sender.join().expect("counts")).sum()
        });
        assert_eq!(taken, 100);
    }
}
