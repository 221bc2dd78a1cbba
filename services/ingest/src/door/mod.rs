//! The way of one webhook: look up, read, verify, scan, append, answer.

mod body;
mod config;
mod receive;
mod routes;
mod tag;
mod trace;

use std::sync::Arc;

use tokio::sync::Semaphore;

pub use config::{DoorConfig, DoorLimits};

/// The public door for webhooks. It does not touch the database: sources are known from memory, and a message is
/// answered once the journal has made it durable.
#[derive(Debug)]
pub struct Door {
    config: DoorConfig,
    /// Bytes of bodies that are being read or appended: one permit a byte.
    memory: Semaphore,
}

impl Door {
    /// A door with these parts.
    pub fn new(config: DoorConfig) -> Arc<Self> {
        let memory = Semaphore::new(config.limits.bytes_in_flight.min(Semaphore::MAX_PERMITS));
        Arc::new(Self { config, memory })
    }
}
