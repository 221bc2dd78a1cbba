//! The messages that wait for the disk: bounded, first come first written.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Condvar, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::oneshot;
use tributary_domain::partition::Partition;

use super::{format::RECORD_HEADER, options::LogOptions, shared::lock};
use crate::{AppendError, Fatal};

/// A message that waits, and who waits for it.
pub(super) struct Waiting {
    pub(super) partition: Partition,
    pub(super) payload: Bytes,
    pub(super) payload_checksum: u32,
    pub(super) answer: oneshot::Sender<Result<u64, AppendError>>,
}

impl fmt::Debug for Waiting {
    /// Without the payload: it is a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("partition", &self.partition).finish_non_exhaustive()
    }
}

impl Waiting {
    /// Bytes of its record.
    pub(super) fn record_bytes(&self) -> usize {
        RECORD_HEADER + self.payload.len()
    }

    /// Tells who waits; who went away meanwhile need not be told.
    pub(super) fn answer(self, result: Result<u64, AppendError>) {
        drop(self.answer.send(result));
    }
}

/// The queue between the appenders and the writer.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    most_messages: usize,
    most_bytes: usize,
    batch_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Who wants the segment that is written to end.
    rolls: Vec<oneshot::Sender<()>>,
    end: Option<End>,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Write these messages.
    Write(Vec<Waiting>),
    /// Go on in a new segment, and tell these.
    Roll(Vec<oneshot::Sender<()>>),
}

#[derive(Debug)]
enum End {
    Closed,
    Failed(Fatal),
}

impl Queue {
    pub(super) fn new(options: &LogOptions) -> Self {
        Self {
            state: Mutex::default(),
            arrived: Condvar::new(),
            most_messages: options.waiting_messages,
            most_bytes: options.waiting_bytes,
            batch_bytes: options.batch_bytes,
        }
    }

    /// Lets `message` wait, unless there are too many already.
    pub(super) fn push(&self, message: Waiting) -> Result<(), AppendError> {
        let mut state = lock(&self.state);
        match &state.end {
            None => {}
            Some(End::Closed) => return Err(AppendError::Closed),
            Some(End::Failed(fatal)) => return Err(AppendError::Failed(fatal.clone())),
        }
        let bytes = state.bytes + message.payload.len();
        if state.waiting.len() == self.most_messages || bytes > self.most_bytes {
            return Err(AppendError::Overloaded);
        }
        state.bytes = bytes;
        state.waiting.push_back(message);
        // The writer looks before it sleeps, so only the first of those who wait has to wake it.
        if state.waiting.len() == 1 {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Has the writer go on in a new segment; the receiver hears when it did. Where it does not, nobody is heard of.
    pub(super) fn roll(&self) -> oneshot::Receiver<()> {
        let (done, told) = oneshot::channel();
        let mut state = lock(&self.state);
        if state.end.is_none() {
            state.rolls.push(done);
            self.arrived.notify_one();
        }
        told
    }

    /// What is to be done next, waiting for something; none when the queue has ended and is empty.
    pub(super) fn take(&self) -> Option<Next> {
        let waits =
            |state: &mut State| state.waiting.is_empty() && state.rolls.is_empty() && state.end.is_none();
        let mut state =
            self.arrived.wait_while(lock(&self.state), waits).unwrap_or_else(PoisonError::into_inner);
        // Messages that came before it may be written after it: that is no matter.
        if !state.rolls.is_empty() {
            return Some(Next::Roll(std::mem::take(&mut state.rolls)));
        }
        let mut batch_bytes = 0;
        let fits = state.waiting.iter().take_while(|message| {
            batch_bytes += message.record_bytes();
            batch_bytes <= self.batch_bytes
        });
        let count = fits.count().max(1).min(state.waiting.len());
        let batch: Vec<_> = state.waiting.drain(..count).collect();
        state.bytes -= batch.iter().map(|message| message.payload.len()).sum::<usize>();
        (!batch.is_empty()).then_some(Next::Write(batch))
    }

    /// Takes nothing more; what waits is still written.
    pub(super) fn close(&self) {
        lock(&self.state).end.get_or_insert(End::Closed);
        self.arrived.notify_one();
    }

    /// Takes nothing more and tells everybody who waits, and who comes later, why.
    pub(super) fn fail(&self, fatal: &Fatal) {
        let mut state = lock(&self.state);
        state.end = Some(End::Failed(fatal.clone()));
        state.bytes = 0;
        state.rolls.clear();
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for message in waiting {
            message.answer(Err(AppendError::Failed(fatal.clone())));
        }
        self.arrived.notify_one();
    }
}
