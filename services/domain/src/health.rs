//! How sending to a destination goes, as far as the one who sends knows.

use crate::time::Timestamp;

/// What holds sending up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Nothing.
    Open,
    /// The destination asked to wait.
    Throttled {
        /// Until when nothing is sent.
        until: Timestamp,
    },
    /// It does not work: nothing is sent, so that no delivery uses up its tries.
    Broken {
        /// Since when.
        since: Timestamp,
        /// When one request finds out whether it works again.
        probe_at: Timestamp,
    },
    /// One request is under way that finds out whether it works again.
    Probing {
        /// Since when it does not.
        since: Timestamp,
    },
}

/// How sending to a destination goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// What holds it up.
    pub flow: Flow,
    /// How many requests in a row found that it does not work.
    pub failures: u32,
    /// How many requests are under way.
    pub in_flight: u32,
    /// How many deliveries are in memory, to be sent soon.
    pub waiting: u32,
    /// Whether the database has more that are due.
    pub has_more: bool,
}
