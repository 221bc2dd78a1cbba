//! The journal that the house sees.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};
use tributary_domain::partition::PartitionSet;

use super::{
    disk::{Disk, Folder},
    error::OpenError,
    format::{Salt, payload_checksum},
    options::LogOptions,
    position::Positions,
    queue::{Queue, Waiting},
    reader,
    recovery::{Recovered, Recovery, recover},
    segment::Segments,
    shared::{Shared, Tail, lock},
    space::Space,
    writer::Writer,
};
use crate::{Accepted, AppendError, Batch, Fatal, Journal, JournalId, ReadError, ReadLimit, ReleaseError};

/// The journal of a single node, in one folder, which no other process can open meanwhile.
#[derive(Debug)]
pub struct LocalLog {
    shared: Arc<Shared>,
    space: Arc<Space>,
    releasing: Arc<Mutex<()>>,
    /// Taken by whoever ends the log; with it goes the folder's lock.
    writing: Mutex<Option<Writing>>,
}

#[derive(Debug)]
struct Writing {
    thread: JoinHandle<()>,
    lock: Option<File>,
}

impl LocalLog {
    /// Opens the journal in `dir`, or makes one there, and starts its writer. Blocks on files.
    ///
    /// `floor` is the highest progress that is committed anywhere: sequences go on above it. `random` becomes the id
    /// if a journal is made. What was found is for the caller to compare with the committed progress.
    ///
    /// # Errors
    /// The folder is in use, damaged, of a newer version, or the system refuses; each says what to do.
    pub fn open(
        dir: &Path,
        options: LogOptions,
        floor: u64,
        random: u128,
    ) -> Result<(Self, Recovery), OpenError> {
        let name = dir.to_string_lossy();
        let folder = Folder::make(dir).map_err(OpenError::io("make the folder", &name))?;
        let held = folder.lock().map_err(OpenError::io("lock", &name))?;
        let held = held.ok_or_else(|| OpenError::Locked { dir: dir.to_owned() })?;
        Self::open_on(Arc::new(folder), options, floor, random, Some(held))
    }

    /// Opens the journal on a disk, with the lock that goes with it.
    pub(super) fn open_on(
        disk: Arc<dyn Disk>,
        options: LogOptions,
        floor: u64,
        random: u128,
        held: Option<File>,
    ) -> Result<(Self, Recovery), OpenError> {
        let (shared, space, writer, report) = prepare(disk, options, floor, random)?;
        let thread = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(OpenError::io("start a thread for", "the journal's folder"))?;
        let writing = Mutex::new(Some(Writing { thread, lock: held }));
        Ok((Self { shared, space, releasing: Arc::default(), writing }, report))
    }

    /// Resolves when the log has failed and takes nothing more: the process has to stop then. Pending until that,
    /// and for ever if it never happens.
    pub fn fatal(&self) -> impl Future<Output = Fatal> + Send + 'static {
        let mut fatal = self.shared.fatal.subscribe();
        async move {
            let failed = fatal.wait_for(Option::is_some).await.ok().and_then(|fatal| fatal.clone());
            match failed {
                Some(fatal) => fatal,
                None => std::future::pending().await,
            }
        }
    }

    /// Takes no more messages, writes those that wait, ends all reads and gives the folder free. A second call does
    /// nothing.
    pub async fn close(&self) {
        self.shared.queue.close();
        self.shared.tail.send_modify(|tail| tail.closed = true);
        let Some(writing) = lock(&self.writing).take() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || writing.end()).await {
            tracing::error!(%error, "the journal was not closed in order");
        }
    }
}

impl Writing {
    /// Waits until everything is written, then gives the folder free.
    fn end(self) {
        if self.thread.join().is_err() {
            tracing::error!("the journal's writer ended by a defect");
        }
        drop(self.lock);
    }
}

impl Drop for LocalLog {
    /// As [`LocalLog::close`], but blocks until what waits is written.
    fn drop(&mut self) {
        self.shared.queue.close();
        self.shared.tail.send_modify(|tail| tail.closed = true);
        if let Some(writing) = lock(&self.writing).take() {
            writing.end();
        }
    }
}

/// Recovers the journal on `disk` and puts its parts together, without a thread for the writer.
pub(super) fn prepare(
    disk: Arc<dyn Disk>,
    options: LogOptions,
    floor: u64,
    random: u128,
) -> Result<(Arc<Shared>, Arc<Space>, Writer, Recovery), OpenError> {
    options.check()?;
    let Recovered { report, older, place } = recover(&*disk, &options, floor, random)?;
    let space = Arc::new(Space::new(Arc::clone(&disk), options.reserve_bytes, options.space_interval));
    let shared = Arc::new(Shared {
        id: report.journal,
        salt: Salt::of(report.journal),
        segments: Segments::new(older, Arc::clone(&place.segment)),
        queue: Queue::new(&options),
        positions: Positions::default(),
        tail: watch::Sender::new(Tail { synced: report.tail, closed: false }),
        fatal: watch::Sender::new(None),
        disk,
        options,
    });
    let writer = Writer::new(Arc::clone(&shared), Arc::clone(&space), place);
    Ok((shared, space, writer, report))
}

/// Makes what waits of a message, and where its answer will come; refuses what is too large.
pub(super) fn waiting(
    message: Accepted,
    record_bytes: usize,
) -> Result<(Waiting, oneshot::Receiver<Result<u64, AppendError>>), AppendError> {
    let partition = message.partition();
    let payload = message.into_bytes();
    if payload.len() > record_bytes {
        return Err(AppendError::TooLarge { size: payload.len(), limit: record_bytes });
    }
    let (answer, answered) = oneshot::channel();
    let payload_checksum = payload_checksum(&payload);
    Ok((Waiting { partition, payload, payload_checksum, answer }, answered))
}

/// Deletes the oldest segments while they hold nothing after `up_to`. One after another, each durably: if several
/// vanished at once, a power cut could bring back some of them only, which would look like damage.
pub(super) fn release(shared: &Shared, up_to: u64) -> Result<(), ReleaseError> {
    while let Some(segment) = shared.segments.releasable(up_to) {
        let file = segment.header.file_name();
        let removed = shared.disk.remove(&file).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        let done = removed.and_then(|()| shared.disk.sync_names());
        done.map_err(|error| ReleaseError::Io { file, source: Arc::new(error) })?;
        shared.segments.forget(&segment);
    }
    Ok(())
}

#[async_trait]
impl Journal for LocalLog {
    fn id(&self) -> JournalId {
        self.shared.id
    }

    async fn append(&self, message: Accepted) -> Result<u64, AppendError> {
        self.space.check()?;
        let (waiting, answered) = waiting(message, self.shared.options.record_bytes)?;
        self.shared.queue.push(waiting)?;
        answered.await.unwrap_or_else(|_| {
            Err(AppendError::Failed(Fatal { message: "the writer ended by a defect".into() }))
        })
    }

    async fn read(&self, partitions: PartitionSet, after: u64, limit: ReadLimit) -> Result<Batch, ReadError> {
        let mut tail = self.shared.tail.subscribe();
        let now = tail.wait_for(|tail| tail.closed || tail.synced > after).await;
        if now.map_or(true, |tail| tail.closed) {
            return Err(ReadError::Closed);
        }
        let shared = Arc::clone(&self.shared);
        blocking(move || reader::read(&shared, partitions, after, limit))
            .await
            .unwrap_or(Err(ReadError::Closed))
    }

    async fn release(&self, up_to: u64) -> Result<(), ReleaseError> {
        if self.shared.tail.borrow().closed {
            return Err(ReleaseError::Closed);
        }
        if self.shared.segments.releasable(up_to).is_none() {
            return Ok(());
        }
        let (shared, releasing) = (Arc::clone(&self.shared), Arc::clone(&self.releasing));
        let done = blocking(move || {
            let _one_at_a_time = lock(&releasing);
            release(&shared, up_to)
        });
        done.await.unwrap_or(Err(ReleaseError::Closed))
    }

    async fn part(&self) -> bool {
        self.shared.queue.roll().await.is_ok()
    }

    fn tail(&self) -> u64 {
        self.shared.tail.borrow().synced
    }

    fn first(&self) -> u64 {
        self.shared.segments.first()
    }
}

/// Runs `work`, which blocks on files, off the async threads; none when the runtime shuts down. A panic goes on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}
