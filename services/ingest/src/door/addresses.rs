//! How much may come from one address: visitors are many and need no key of their own, so one of them could use up what a
//! tenant has for all.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use crate::gate::{SECOND, take};

/// Places in the table. Two addresses that fall on one share what it has; which ones do, nobody outside can know.
const PLACES: usize = 4096;
/// For how long an address that was quiet may come at once, in seconds of its rate.
const BURST: u64 = 5;
/// The bits of an IPv6 address that one household or machine has; it can choose the others for each request.
const NETWORK: u32 = 64;

/// How much may come from one address: a table of fixed size, without a lock.
#[derive(Debug)]
pub(super) struct Addresses {
    began: Instant,
    /// Between two requests, in nanoseconds; zero: no limit.
    interval: u64,
    hasher: RandomState,
    /// When the next request is due, in nanoseconds since it began.
    next: Box<[AtomicU64]>,
}

impl Addresses {
    /// Lets so many requests a second of one address in; zero: any number.
    pub(super) fn new(per_second: u32) -> Self {
        let interval = SECOND.checked_div(u64::from(per_second)).unwrap_or(0);
        let places = if interval == 0 { 0 } else { PLACES };
        Self {
            began: Instant::now(),
            interval,
            hasher: RandomState::new(),
            next: (0..places).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whether a request from `address` may come in now.
    ///
    /// # Errors
    /// After how long the next one may.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), Duration> {
        self.admit_at(address, self.began.elapsed())
    }

    fn admit_at(&self, address: IpAddr, now: Duration) -> Result<(), Duration> {
        let place = self.hasher.hash_one(network(address)) as usize % PLACES;
        let Some(next) = self.next.get(place) else { return Ok(()) };
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        // What is due first is due now, so that a burst has all its requests.
        let slack = self
            .interval
            .saturating_mul((SECOND / self.interval.max(1)).saturating_mul(BURST).saturating_sub(1));
        take(next, now, self.interval, slack)
    }
}

/// What tells one visitor's addresses from another's.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> NETWORK << NETWORK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(addresses: &Addresses, from: &str, seconds: u64) -> usize {
        let from = from.parse().expect("an address");
        (0..1_000).filter(|_| addresses.admit_at(from, Duration::from_secs(seconds)).is_ok()).count()
    }

    #[test]
    fn an_address_has_its_burst_and_then_its_rate_and_takes_nothing_from_others() {
        let addresses = Addresses::new(10);
        assert_eq!(taken(&addresses, "203.0.113.9", 1), 50);
        let wait = addresses.admit_at("203.0.113.9".parse().expect("an address"), Duration::from_secs(1));
        assert_eq!(wait, Err(Duration::from_millis(100)));
        assert_eq!(taken(&addresses, "203.0.113.9", 3), 20);
        // One in 4,096 falls on the same place; of three, no more than one does, or the table is none.
        let others = ["203.0.113.10", "198.51.100.1", "2001:db8::1"];
        let whole = others.iter().filter(|other| taken(&addresses, other, 3) == 50).count();
        assert!(whole >= 2, "{whole}");
    }

    #[test]
    fn the_addresses_of_one_household_are_one() {
        let addresses = Addresses::new(10);
        assert_eq!(
            taken(&addresses, "2001:db8:1:2::1", 1) + taken(&addresses, "2001:db8:1:2:ffff::2", 1),
            50
        );
        assert_eq!(network("::ffff:10.0.0.1".parse().expect("v4")), network("10.0.0.1".parse().expect("v4")));
    }

    #[test]
    fn without_a_rate_all_come_in() {
        assert_eq!(taken(&Addresses::new(0), "203.0.113.9", 1), 1_000);
    }
}
