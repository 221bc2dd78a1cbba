//! The threads that actors live on.

use actix_rt::{Arbiter, ArbiterHandle};
use tokio::runtime::Runtime;
use tributary_domain::id::TenantId;

/// A fixed set of arbiters by kind of work; a hash places each tenant, so that its work stays on one thread.
#[derive(Debug)]
pub(crate) struct Arbiters {
    evaluate: Vec<Arbiter>,
    deliver: Vec<Arbiter>,
    ledger: Arbiter,
}

impl Arbiters {
    /// Starts `threads` arbiters for evaluation and as many for delivery, and one for the ledger, all on `runtime`.
    /// Has to be called on the System's own thread. The functions are called first on the threads that they are for;
    /// deliveries mostly wait for others, and are to go out at once when they need not.
    pub(crate) fn start(
        runtime: &'static Runtime,
        threads: usize,
        on_evaluation_thread: fn(),
        on_ledger_thread: fn(),
    ) -> Self {
        let many = |on_thread: fn()| (0..threads.max(1)).map(|_| arbiter(runtime, on_thread)).collect();
        Self {
            evaluate: many(on_evaluation_thread),
            deliver: many(|| ()),
            ledger: arbiter(runtime, on_ledger_thread),
        }
    }

    /// Where the sources and workflows of `tenant` are evaluated.
    pub(crate) fn evaluate(&self, tenant: TenantId) -> ArbiterHandle {
        place(&self.evaluate, tenant)
    }

    /// Where the destinations of `tenant` deliver.
    pub(crate) fn deliver(&self, tenant: TenantId) -> ArbiterHandle {
        place(&self.deliver, tenant)
    }

    /// Where the feed and the ledger work.
    pub(crate) fn ledger(&self) -> ArbiterHandle {
        self.ledger.handle()
    }

    /// Stops all threads; actors that are still there are dropped.
    pub(crate) fn stop(&self) {
        for arbiter in self.evaluate.iter().chain(&self.deliver).chain([&self.ledger]) {
            arbiter.stop();
        }
    }
}

fn arbiter(runtime: &'static Runtime, on_thread: fn()) -> Arbiter {
    Arbiter::with_tokio_rt(move || {
        on_thread();
        runtime
    })
}

fn place(arbiters: &[Arbiter], tenant: TenantId) -> ArbiterHandle {
    let bits = tenant.bits();
    let index = (bits as usize ^ (bits >> 64) as usize) % arbiters.len();
    arbiters[index].handle()
}
