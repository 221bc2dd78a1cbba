//! One actor, and how it is made.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix::{Actor, Addr, Context, Handler, Message, dev::ToEnvelope};
use actix_rt::ArbiterHandle;
use tributary_telemetry::Metrics;

/// The wait after the first panic; doubled for each further one without a success in between.
const FIRST_WAIT: Duration = Duration::from_millis(20);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The actor panicked on this message, or was stopped; a new one will be there for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {kind} actor crashed")]
pub(crate) struct Crashed {
    /// Which kind of actor.
    pub(crate) kind: &'static str,
}

/// An actor that is started when it is first needed, and made anew after a panic.
pub(crate) struct Supervised<A: Actor> {
    kind: &'static str,
    arbiter: ArbiterHandle,
    make: Box<dyn Fn() -> A + Send + Sync>,
    metrics: Metrics,
    state: Mutex<State<A>>,
}

struct State<A: Actor> {
    addr: Option<Addr<A>>,
    panics: u32,
}

impl<A: Actor> fmt::Debug for Supervised<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervised").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<A: Actor<Context = Context<A>> + Send> Supervised<A> {
    /// An actor of `kind` (for logs and metrics) on `arbiter`, made by `make`.
    pub(crate) fn new(
        kind: &'static str,
        arbiter: ArbiterHandle,
        metrics: Metrics,
        make: impl Fn() -> A + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            arbiter,
            make: Box::new(make),
            metrics,
            state: Mutex::new(State { addr: None, panics: 0 }),
        }
    }

    /// Sends a message and waits for the answer. Callers bound how many messages wait: a mailbox does not.
    pub(crate) async fn call<M>(&self, message: M) -> Result<M::Result, Crashed>
    where
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let addr = self.addr();
        if let Ok(answer) = addr.send(message).await {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).panics = 0;
            return Ok(answer);
        }
        let wait = self.after_crash(&addr);
        tracing::error!(actor = self.kind, wait_ms = wait.as_millis(), "actor crashed and is made anew");
        self.metrics.actor_restarted(self.kind);
        tokio::time::sleep(wait).await;
        Err(Crashed { kind: self.kind })
    }

    /// The running actor; a new one when there is none.
    fn addr(&self) -> Addr<A> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(addr) = state.addr.as_ref().filter(|addr| addr.connected()) {
            return addr.clone();
        }
        let actor = (self.make)();
        let addr = A::start_in_arbiter(&self.arbiter, move |_| actor);
        state.addr = Some(addr.clone());
        addr
    }

    fn after_crash(&self, crashed: &Addr<A>) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.addr.as_ref() == Some(crashed) {
            state.addr = None;
        }
        state.panics = state.panics.saturating_add(1);
        FIRST_WAIT.saturating_mul(1 << (state.panics - 1).min(9)).min(LONGEST_WAIT)
    }
}
