//! Reading what is synced, from a place on.

use std::{io, sync::Arc};

use bytes::Bytes;
use tributary_domain::partition::PartitionSet;

use super::{
    segment::Segment,
    shared::Shared,
    window::{BadRecord, Window},
};
use crate::{Accepted, Batch, Entry, ReadError, ReadLimit};

/// Bytes after which a read that finds nothing for its partitions returns its progress, so that no call is long.
const MOST_SCANNED: u64 = 8 * 1024 * 1024;

/// One call of `read`.
#[derive(Debug)]
struct Read {
    partitions: PartitionSet,
    limit: ReadLimit,
    batch: Batch,
    /// Bytes of the messages in the batch.
    bytes: usize,
    /// Bytes of files that were gone over.
    scanned: u64,
}

/// Reads at most `limit` of what follows `after` in `partitions`; nothing if there is nothing yet. Blocks on files.
pub(super) fn read(
    shared: &Shared,
    partitions: PartitionSet,
    after: u64,
    limit: ReadLimit,
) -> Result<Batch, ReadError> {
    let segments = shared.segments.after(after).map_err(|first| ReadError::Released { after, first })?;
    let batch = Batch { entries: Vec::new(), through: after };
    let mut read = Read { partitions, limit, batch, bytes: 0, scanned: 0 };
    for segment in segments {
        if !read.segment(shared, &segment)? {
            break;
        }
    }
    Ok(read.batch)
}

impl Read {
    /// Reads on in one segment; false when the batch is complete.
    fn segment(&mut self, shared: &Shared, segment: &Arc<Segment>) -> Result<bool, ReadError> {
        let extent = segment.extent();
        let first = segment.header.first;
        let name = segment.header.file_name();
        let file = shared.disk.open(&name).map_err(|error| match error.kind() {
            // Released between the look at the list and now.
            io::ErrorKind::NotFound => {
                ReadError::Released { after: self.batch.through, first: shared.segments.first() }
            }
            _ => ReadError::Io { file: name.clone(), source: Arc::new(error) },
        })?;
        let mut window = Window::new(&*file, extent.end);
        let mut offset = shared.positions.find(first, self.batch.through);
        let mut more = true;
        while more && self.batch.through < extent.last {
            let header = window.header(offset, shared.salt).map_err(|bad| flaw(&name, offset, bad))?;
            if header.sequence > self.batch.through {
                if self.partitions.contains(header.partition) {
                    let length = header.length as usize;
                    if !self.has_room(length) {
                        more = false;
                        break;
                    }
                    let payload = window.payload(offset, &header).map_err(|bad| flaw(&name, offset, bad))?;
                    let record = Bytes::copy_from_slice(payload);
                    let message = Accepted::from_bytes(record.clone())
                        .map_err(|source| ReadError::Message { sequence: header.sequence, source })?;
                    self.bytes += length;
                    let (sequence, partition) = (header.sequence, header.partition);
                    self.batch.entries.push(Entry { sequence, partition, message, record });
                }
                self.batch.through = header.sequence;
            }
            offset += header.record_bytes();
            self.scanned += header.record_bytes();
            more = self.scanned < MOST_SCANNED;
        }
        shared.positions.put(first, self.batch.through, offset);
        Ok(more)
    }

    /// Whether a message of `length` bytes still belongs into the batch.
    fn has_room(&self, length: usize) -> bool {
        let entries = self.batch.entries.len();
        entries == 0 || (entries < self.limit.messages && self.bytes + length <= self.limit.bytes)
    }
}

fn flaw(file: &str, offset: u64, bad: BadRecord) -> ReadError {
    let file = file.to_owned();
    match bad {
        BadRecord::Io(error) => ReadError::Io { file, source: Arc::new(error) },
        BadRecord::Damaged(what) => ReadError::Damaged { file, offset, what },
    }
}
