//! Whether the process takes work.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const DRAINING: u8 = 2;

/// Whether the process takes work; clones share the answer. A process starts, serves, drains, and never goes back.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicU8>);

impl Readiness {
    /// Everything is up: webhooks may come. Does nothing once the process drains.
    pub fn serve(&self) {
        // Only the step from starting counts: whoever drains meanwhile has the last word.
        let _ = self.0.compare_exchange(STARTING, SERVING, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The process is about to stop: balancers should send elsewhere, and new webhooks are refused.
    pub fn drain(&self) {
        self.0.store(DRAINING, Ordering::Release);
    }

    /// Whether the process serves.
    pub fn is_serving(&self) -> bool {
        self.0.load(Ordering::Acquire) == SERVING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_drains_does_not_come_back() {
        let readiness = Readiness::default();
        assert!(!readiness.is_serving());
        readiness.serve();
        assert!(readiness.is_serving());
        readiness.drain();
        readiness.serve();
        assert!(!readiness.is_serving());
    }
}
