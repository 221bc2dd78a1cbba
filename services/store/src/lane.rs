//! The write queue of SQLite: one writer at a time, the ledger first.

use tokio::sync::{Mutex, MutexGuard};

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The ledger: what the promise to senders hangs on.
    Ledger,
    /// Everybody else: administration, delivery attempts, refused requests, retention.
    Other,
}

/// Two locks in a row. Everybody needs `writer`, which is fair; everybody but the ledger needs `gate` before it, and
/// keeps it to the end. So at most one other writer holds or waits for `writer`, and a ledger never waits for more
/// than that one.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    gate: Mutex<()>,
    writer: Mutex<()>,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    _writer: MutexGuard<'a, ()>,
    _gate: Option<MutexGuard<'a, ()>>,
}

impl Lanes {
    pub(crate) async fn turn(&self, lane: Lane) -> Turn<'_> {
        let gate = match lane {
            Lane::Ledger => None,
            Lane::Other => Some(self.gate.lock().await),
        };
        Turn { _writer: self.writer.lock().await, _gate: gate }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{sync::mpsc, task::yield_now};

    use super::*;

    /// Queues `lanes` in order behind a writer that is at work, and tells in which order they came to write.
    async fn order_behind_a_writer(queue: &[Lane]) -> Vec<Lane> {
        let lanes = Arc::new(Lanes::default());
        let first = lanes.turn(Lane::Other).await;
        let (done, mut order) = mpsc::unbounded_channel();
        for lane in queue.iter().copied() {
            let (lanes, done) = (Arc::clone(&lanes), done.clone());
            tokio::spawn(async move {
                let _turn = lanes.turn(lane).await;
                done.send(lane).expect("the test listens");
            });
            yield_now().await;
        }
        drop((first, done));
        let mut seen = Vec::new();
        while let Some(lane) = order.recv().await {
            seen.push(lane);
        }
        seen
    }

    #[tokio::test]
    async fn the_ledger_goes_before_others_that_came_earlier() {
        let seen = order_behind_a_writer(&[Lane::Other, Lane::Other, Lane::Other, Lane::Ledger]).await;
        let position = seen.iter().position(|lane| *lane == Lane::Ledger);
        assert_eq!(position, Some(0), "no other holds the gate while the first still does: {seen:?}");
    }

    #[tokio::test]
    async fn at_most_one_other_is_ahead_of_a_waiting_ledger() {
        let lanes = Arc::new(Lanes::default());
        let ledger = lanes.turn(Lane::Ledger).await;
        let (done, mut order) = mpsc::unbounded_channel();
        for lane in [Lane::Other, Lane::Other, Lane::Other, Lane::Ledger] {
            let (lanes, done) = (Arc::clone(&lanes), done.clone());
            tokio::spawn(async move {
                let _turn = lanes.turn(lane).await;
                done.send(lane).expect("the test listens");
            });
            yield_now().await;
        }
        drop((ledger, done));
        let mut seen = Vec::new();
        while let Some(lane) = order.recv().await {
            seen.push(lane);
        }
        assert_eq!(seen, [Lane::Other, Lane::Ledger, Lane::Other, Lane::Other]);
    }
}
