//! What a door is made of.

use std::{fmt, sync::Arc, time::Duration};

use tributary_domain::{scan, subnet::Subnet, time::Clock};
use tributary_journal::Journal;
use tributary_telemetry::Metrics;

use crate::{Readiness, RefusalRecorder, SourceDirectory};

/// What a door is made of.
#[derive(Clone)]
pub struct DoorConfig {
    /// Where messages are made durable.
    pub journal: Arc<dyn Journal>,
    /// Which secret opens which source.
    pub sources: Arc<SourceDirectory>,
    /// Where refused requests are kept.
    pub refusals: RefusalRecorder,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for message ids.
    pub random: fn() -> u128,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether webhooks are taken at all.
    pub readiness: Readiness,
    /// Where the door is reached from outside, such as `https://in.example.com`, without a slash at its end: some senders
    /// sign the URL that they call.
    pub public_url: String,
    /// How much a sender may ask for.
    pub limits: DoorLimits,
    /// The proxies whose word on where a visitor comes from is believed.
    pub trusted_proxies: Arc<[Subnet]>,
}

impl fmt::Debug for DoorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DoorConfig")
            .field("readiness", &self.readiness)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How much a sender may ask for; the size of a body is limited by its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorLimits {
    /// Most bytes of bodies in memory at once, over all requests. At least the largest body limit of a source.
    pub bytes_in_flight: usize,
    /// How long a body may take, however it comes.
    pub body_deadline: Duration,
    /// How long a body may take before its rate counts.
    pub body_grace: Duration,
    /// The least rate of a body, in bytes a second.
    pub body_rate: u32,
    /// What JSON may hold.
    pub scan: scan::Limits,
    /// How many requests a second visitors of one address may send, five seconds' worth of them at once; zero: any
    /// number.
    pub address_rate: u32,
}

impl Default for DoorLimits {
    /// 64 MiB in flight; 15 s for a body, after 5 s at no less than 1 kB/s; 20 requests a second of one visitor's address.
    fn default() -> Self {
        Self {
            bytes_in_flight: 64 * 1024 * 1024,
            body_deadline: Duration::from_secs(15),
            body_grace: Duration::from_secs(5),
            body_rate: 1_000,
            scan: scan::Limits::default(),
            address_rate: 20,
        }
    }
}
