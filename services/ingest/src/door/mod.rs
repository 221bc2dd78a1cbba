//! The way of one webhook: look up, read, verify, scan, append, answer; and the same for what pages send.

mod addresses;
mod body;
mod collect;
mod config;
mod cors;
mod receive;
mod routes;
mod tag;
mod trace;

use std::sync::Arc;

use tokio::sync::Semaphore;

use addresses::Addresses;

pub use config::{DoorConfig, DoorLimits};
pub(crate) use routes::COLLECT;

/// The public door for webhooks and browsers. It does not touch the database: sources are known from memory, and a message is
/// answered once the journal has made it durable.
#[derive(Debug)]
pub struct Door {
    config: DoorConfig,
    /// Bytes of bodies that are being read or appended: one permit a byte.
    memory: Semaphore,
    /// How much comes from whom of those who need no secret.
    addresses: Addresses,
}

impl Door {
    /// A door with these parts.
    pub fn new(config: DoorConfig) -> Arc<Self> {
        let memory = Semaphore::new(config.limits.bytes_in_flight.min(Semaphore::MAX_PERMITS));
        let addresses = Addresses::new(config.limits.address_rate);
        Arc::new(Self { config, memory, addresses })
    }
}
