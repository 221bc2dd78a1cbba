//! Where bookings are sent to, and what came of it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::measure::Series;

/// Where bookings are sent to. A clone goes on with the same people.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The listener.
    pub(crate) address: SocketAddr,
    /// The path with the source's secret.
    pub(crate) path: String,
    /// The source's signing key.
    pub(crate) key: String,
    people: Arc<AtomicU64>,
}

impl Target {
    /// Begins with person 0.
    pub(crate) fn new(address: SocketAddr, path: String, key: String) -> Self {
        Self { address, path, key, people: Arc::default() }
    }

    /// A person that was never sent there.
    pub(crate) fn next_person(&self) -> u64 {
        self.people.fetch_add(1, Ordering::Relaxed)
    }

    /// The same source at another address.
    pub(crate) fn moved(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Requests that were answered 202.
    pub(crate) accepted: u64,
    /// Requests that were answered otherwise.
    pub(crate) refused: u64,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// When they were answered, and how long that took.
    pub(crate) series: Series,
}

impl Sent {
    /// Accepted requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64()
    }
}
