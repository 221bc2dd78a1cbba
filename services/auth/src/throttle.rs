//! Slows down those who guess passwords.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use sha2::{Digest, Sha256};
use tributary_domain::time::Timestamp;

/// The wait after the first failure that costs something; doubled by each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// After so long without a failure, all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);
/// More names are not remembered: when there are as many, the oldest are forgotten.
const MOST: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Failures {
    /// Until when nothing more is tried, where `free` failures cost nothing.
    fn until(self, free: u32, longest: Duration) -> Timestamp {
        match self.count.checked_sub(free) {
            None | Some(0) => self.last,
            Some(over) => {
                let wait = FIRST_WAIT.saturating_mul(1 << (over - 1).min(20)).min(longest);
                self.last.plus(wait)
            }
        }
    }
}

/// Remembers who failed how often. Names are kept as hashes: they can be e-mail addresses.
#[derive(Debug)]
pub struct Throttle {
    free: u32,
    longest: Duration,
    failures: Mutex<HashMap<[u8; 32], Failures>>,
}

impl Throttle {
    /// Nobody has failed yet; `free` failures in a row cost nothing, because people mistype, and no wait is longer than
    /// `longest`.
    pub fn new(free: u32, longest: Duration) -> Self {
        Self { free, longest, failures: Mutex::default() }
    }

    /// How long `name` has to wait before anything is tried for it; nothing: it need not.
    pub fn wait(&self, name: &str, now: Timestamp) -> Option<Duration> {
        let failures = self.lock();
        let until = failures.get(&key(name))?.until(self.free, self.longest);
        Some(until.since(now)).filter(|wait| !wait.is_zero())
    }

    /// Remembers a failure of `name`.
    pub fn failed(&self, name: &str, now: Timestamp) {
        let mut failures = self.lock();
        if failures.len() >= MOST {
            forget(&mut failures, now);
        }
        let entry = failures.entry(key(name)).or_insert(Failures { count: 0, last: now });
        if now.since(entry.last) > FORGOTTEN {
            entry.count = 0;
        }
        *entry = Failures { count: entry.count.saturating_add(1), last: now };
    }

    /// Takes one failure of `name` back: it was none.
    pub fn forgive(&self, name: &str) {
        if let Some(entry) = self.lock().get_mut(&key(name)) {
            entry.count = entry.count.saturating_sub(1);
        }
    }

    /// Forgets the failures of `name`.
    pub fn succeeded(&self, name: &str) {
        self.lock().remove(&key(name));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Failures>> {
        self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn key(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

/// Makes room: those that are through with their wait go, and if that is not enough, the older half.
fn forget(failures: &mut HashMap<[u8; 32], Failures>, now: Timestamp) {
    failures.retain(|_, entry| now.since(entry.last) <= FORGOTTEN);
    if failures.len() >= MOST {
        let mut times: Vec<Timestamp> = failures.values().map(|entry| entry.last).collect();
        times.sort_unstable();
        let middle = times[times.len() / 2];
        failures.retain(|_, entry| entry.last > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: u32 = 5;
    const LONGEST: Duration = Duration::from_secs(900);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn who_fails_again_and_again_waits_longer_each_time() {
        let throttle = Throttle::new(FREE, LONGEST);
        for _ in 0..FREE {
            assert_eq!(throttle.wait("a", at(0)), None);
            throttle.failed("a", at(0));
        }
        assert_eq!(throttle.wait("a", at(0)), None, "people mistype");
        for seconds in [1, 2, 4, 8] {
            throttle.failed("a", at(0));
            assert_eq!(throttle.wait("a", at(0)), Some(Duration::from_secs(seconds)));
            assert_eq!(throttle.wait("a", at(i64::try_from(seconds).unwrap())), None);
        }
        for _ in 0..40 {
            throttle.failed("a", at(0));
        }
        assert_eq!(throttle.wait("a", at(0)), Some(LONGEST));
        assert_eq!(throttle.wait("b", at(0)), None, "others do not wait");
        throttle.succeeded("a");
        assert_eq!(throttle.wait("a", at(0)), None);
    }

    #[test]
    fn failures_are_forgotten_after_a_while() {
        let throttle = Throttle::new(FREE, LONGEST);
        for _ in 0..20 {
            throttle.failed("a", at(0));
        }
        throttle.failed("a", at(90_000));
        assert_eq!(throttle.wait("a", at(90_000)), None);
    }

    #[test]
    fn no_more_names_are_kept_than_fit() {
        let throttle = Throttle::new(FREE, LONGEST);
        for name in 0..3 * MOST {
            throttle.failed(&name.to_string(), at(i64::try_from(name / 100).unwrap()));
        }
        assert!(throttle.lock().len() <= MOST);
    }
}
