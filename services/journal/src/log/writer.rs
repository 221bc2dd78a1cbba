//! Group commit: one write and one `fdatasync` for all who wait; and, with one batch in many, zeros ahead of the next.

use std::{io, sync::Arc};

use tokio::sync::oneshot;

use super::{
    create::{CreateError, create},
    disk::DiskFile,
    format::{HEADER_BYTES, RecordHeader, SegmentHeader},
    queue::{Next, Waiting},
    segment::{Extent, Segment},
    shared::Shared,
    space::Space,
};
use crate::{AppendError, Fatal};

/// Zeros are written ahead where at least so many batches of the size of this one find room in them.
const CLEAR_FOR: u64 = 8;

/// What writes the log; there is exactly one.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    space: Arc<Space>,
    segment: Arc<Segment>,
    file: Box<dyn DiskFile>,
    /// Length of the current file.
    capacity: u64,
    /// Where the next record goes.
    offset: u64,
    /// Up to here, zeros were written ahead of the records.
    cleared: u64,
    /// The sequence of the next record.
    next: u64,
    buffer: Vec<u8>,
}

/// Where writing goes on after recovery.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) segment: Arc<Segment>,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) capacity: u64,
    pub(super) next: u64,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, space: Arc<Space>, place: Place) -> Self {
        let Place { segment, file, capacity, next } = place;
        let offset = segment.extent().end;
        Self { shared, space, segment, file, capacity, offset, cleared: offset, next, buffer: Vec::new() }
    }

    /// Writes until the queue has ended. A panic poisons the log: nobody may wait for a writer that is gone.
    pub(super) fn run(mut self) {
        let guard = PoisonOnPanic(Arc::clone(&self.shared));
        while self.step() {}
        drop(guard);
    }

    /// Writes what waits now, waiting for something first; false when the queue has ended.
    pub(super) fn step(&mut self) -> bool {
        let mut batch = match self.shared.queue.take() {
            Some(Next::Write(batch)) => batch,
            Some(Next::Roll(who)) => return self.roll_for(who),
            None => return false,
        };
        while !batch.is_empty() {
            let fitting = self.fitting(&batch);
            if fitting == 0 {
                match self.roll() {
                    Ok(()) => continue,
                    Err(refusal) => return self.refuse(batch, &refusal),
                }
            }
            let rest = batch.split_off(fitting);
            if let Err(error) = self.write(&batch) {
                batch.extend(rest);
                return self.stop(batch, "write", &error);
            }
            for (sequence, message) in (self.next - batch.len() as u64..).zip(batch) {
                message.answer(Ok(sequence));
            }
            batch = rest;
        }
        true
    }

    /// How many messages of the batch the current segment has room for.
    fn fitting(&self, batch: &[Waiting]) -> usize {
        let mut end = self.offset;
        let fits = batch.iter().take_while(|message| {
            end += message.record_bytes() as u64;
            end <= self.capacity
        });
        fits.count()
    }

    /// Makes `batch`, which fits, durable, and lets readers have it.
    fn write(&mut self, batch: &[Waiting]) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        for (sequence, message) in (self.next..).zip(batch) {
            let header = RecordHeader {
                length: message.payload.len() as u32,
                sequence,
                batch: self.offset as u32,
                payload_checksum: message.payload_checksum,
                partition: message.partition,
            };
            header.encode(self.shared.salt, &mut buffer);
            buffer.extend_from_slice(&message.payload);
        }
        self.clear_ahead(self.offset + buffer.len() as u64)?;
        self.file.write_at(&buffer, self.offset)?;
        self.file.sync_data()?;
        self.offset += buffer.len() as u64;
        self.next += batch.len() as u64;
        // A single large message must not hold its memory for ever.
        buffer.clear();
        buffer.shrink_to(self.shared.options.batch_bytes);
        self.buffer = buffer;

        let last = self.next - 1;
        self.segment.grow(Extent { last, end: self.offset });
        self.shared.tail.send_modify(|tail| tail.synced = last);
        Ok(())
    }

    /// Writes zeros behind `end`, where the next batch will end, when those before are used up. Space that was only
    /// set aside costs a file system a change of its own records when it is written first, and a sync waits for that;
    /// so most syncs should find nothing but bytes to be written over. Large batches are few, and go without.
    fn clear_ahead(&mut self, end: u64) -> io::Result<()> {
        let ahead = self.shared.options.ahead_bytes as u64;
        if end <= self.cleared || end - self.offset > ahead / CLEAR_FOR {
            return Ok(());
        }
        let until = end.saturating_add(ahead).min(self.capacity);
        self.file.write_at(&vec![0; (until - end) as usize], end)?;
        self.cleared = until;
        Ok(())
    }

    /// Goes on in a new segment because somebody wants that; not where this one has nothing in it. True when the next batch
    /// may be tried.
    fn roll_for(&mut self, who: Vec<oneshot::Sender<()>>) -> bool {
        if self.offset > HEADER_BYTES {
            match self.roll() {
                Ok(()) => {}
                Err(CreateError::Unknown(error)) => return self.stop(Vec::new(), "make a segment", &error),
                Err(CreateError::Refused(error)) => {
                    tracing::warn!(%error, "the journal goes on in its old segment");
                    return true;
                }
            }
        }
        for done in who {
            // Who asked may have gone.
            let _ = done.send(());
        }
        true
    }

    /// Goes on in a new segment.
    fn roll(&mut self) -> Result<(), CreateError> {
        let bytes = self.shared.options.segment_bytes;
        let header = SegmentHeader {
            journal: self.shared.id,
            first: self.next,
            previous: Some(self.segment.as_previous()),
        };
        self.file = create(&*self.shared.disk, &header, bytes)?;
        self.segment = Segment::new(header, Extent { last: self.next - 1, end: HEADER_BYTES });
        self.capacity = bytes;
        self.offset = HEADER_BYTES;
        self.cleared = HEADER_BYTES;
        self.shared.segments.push(Arc::clone(&self.segment));
        Ok(())
    }

    /// Answers `batch`, for which there is no segment; true when the next batch may be tried.
    fn refuse(&self, batch: Vec<Waiting>, refusal: &CreateError) -> bool {
        let answer = match refusal {
            CreateError::Unknown(error) => return self.stop(batch, "make a segment", error),
            CreateError::Refused(error) if error.kind() == io::ErrorKind::StorageFull => self.space.refused(),
            CreateError::Refused(error) => {
                tracing::error!(%error, "the journal could not make a segment");
                AppendError::Failed(fatal("make a segment", error))
            }
        };
        for message in batch {
            message.answer(Err(answer.clone()));
        }
        true
    }

    /// Poisons the log and tells `batch` so; false, for the writer is done.
    fn stop(&self, batch: Vec<Waiting>, action: &str, error: &io::Error) -> bool {
        let fatal = fatal(action, error);
        self.shared.poison(&fatal);
        for message in batch {
            message.answer(Err(AppendError::Failed(fatal.clone())));
        }
        false
    }
}

fn fatal(action: &str, error: &io::Error) -> Fatal {
    Fatal { message: format!("could not {action}: {error}").into() }
}

/// Poisons the log when the writer's thread unwinds.
struct PoisonOnPanic(Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison(&Fatal { message: "the writer ended by a defect".into() });
        }
    }
}
