//! Who asks for messages to be processed again, until the applier comes to it between two batches.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;
use tributary_store::ledger::HoldAgain;

/// What waits to be put into the held lane. There is one asker, which waits for each answer, so that it stays short.
#[derive(Debug, Default)]
pub(crate) struct Replays(Mutex<VecDeque<Waiting>>);

/// Messages that wait, and who is told when they are held. Where that is dropped, they may not be.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) again: HoldAgain,
    pub(super) done: oneshot::Sender<()>,
}

impl Replays {
    /// Adds what is to be held; the receiver hears when it is.
    pub(crate) fn ask(&self, again: HoldAgain) -> oneshot::Receiver<()> {
        let (done, told) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(Waiting { again, done });
        told
    }

    /// What waits longest. An error of the ledger's ends the feed, and with it what was taken out: whoever asked is told
    /// by that, and asks again.
    pub(super) fn next(&self) -> Option<Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
