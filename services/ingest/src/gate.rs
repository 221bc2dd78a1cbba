//! What all sources of a tenant share at the door. Asking it takes no lock, and a change is in force at once.

use std::sync::atomic::{AtomicBool, Ordering};

/// What all sources of a tenant share at the door.
#[derive(Debug, Default)]
pub struct TenantGate {
    is_shut: AtomicBool,
}

impl TenantGate {
    /// Shuts the doors of all sources, or opens them again: of a deleted tenant, they answer as deleted ones.
    pub fn set_shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::Release);
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Acquire)
    }
}
