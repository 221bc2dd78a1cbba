//! What of a segment's end counts.
//!
//! Records are written in batches, and a batch only after the one before it was synced. After a power cut any part of
//! the last batch may be missing, in any order. So the first bad record ends the segment if nothing sound of a later
//! batch follows: it and what follows of its batch was never acknowledged. If something does, the bad record had been
//! durable: that is damage, which nobody but a person may decide about.
//!
//! What cannot be told apart: damage to the very last batch looks like a torn write of it, and is cut.

use std::io;

use super::{
    disk::DiskFile,
    format::{HEADER_BYTES, RECORD_HEADER, RecordHeader, Salt},
    window::{BadRecord, CHUNK, Window},
};

/// What a chunk without any record looks like.
static ZEROS: [u8; CHUNK as usize + RECORD_HEADER] = [0; CHUNK as usize + RECORD_HEADER];

/// The sound part of a segment, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Sequence of the last sound record; below the segment's first when there is none.
    pub(super) last: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// Where its batch begins.
    batch: u64,
    /// Where the last byte after it that is not zero ends; `end` when there is none.
    dirty: u64,
}

/// Damage, and where.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) offset: u64,
    pub(super) bad: BadRecord,
}

impl Found {
    /// Bytes of a torn write.
    pub(super) fn torn_bytes(&self) -> u64 {
        self.dirty - self.end
    }

    /// Makes the sound part durable and what follows it zeros, so that it cannot be taken for records later.
    ///
    /// The last batch is written again: if syncing it had failed, the system holds its pages for clean, and only
    /// pages that are written again are synced again.
    pub(super) fn settle(&self, file: &dyn DiskFile) -> io::Result<()> {
        let mut bytes = vec![0; (self.dirty - self.batch) as usize];
        file.read_at(&mut bytes[..(self.end - self.batch) as usize], self.batch)?;
        file.write_at(&bytes, self.batch)?;
        file.sync_data()
    }
}

/// Reads the newest segment, whose first sequence is `first`, from front to back.
pub(super) fn find(file: &dyn DiskFile, first: u64, salt: Salt) -> Result<Found, Flaw> {
    let bytes = file.bytes().map_err(|error| Flaw { offset: 0, bad: BadRecord::Io(error) })?;
    let mut window = Window::new(file, bytes);
    let mut found = Found { last: first - 1, end: HEADER_BYTES, batch: HEADER_BYTES, dirty: HEADER_BYTES };
    let bad = loop {
        match sound(&mut window, found.end, found.last, salt) {
            Ok(header) => {
                found.last = header.sequence;
                found.batch = u64::from(header.batch).min(found.end);
                found.end += header.record_bytes();
            }
            Err(bad) => break bad,
        }
    };
    let flaw = |bad| Flaw { offset: found.end, bad };
    if let BadRecord::Io(_) = bad {
        return Err(flaw(bad));
    }
    let rest = after(&mut window, found, bytes, salt).map_err(|error| flaw(BadRecord::Io(error)))?;
    if rest.later_batch {
        return Err(flaw(BadRecord::Damaged("the record is bad, but sound ones of later writes follow it")));
    }
    Ok(Found { dirty: rest.dirty, ..found })
}

/// Reads a full segment, which has to hold sound records from `first` to `last`.
pub(super) fn verify(file: &dyn DiskFile, first: u64, last: u64, salt: Salt) -> Result<(), Flaw> {
    let bytes = file.bytes().map_err(|error| Flaw { offset: 0, bad: BadRecord::Io(error) })?;
    let mut window = Window::new(file, bytes);
    let (mut sequence, mut offset) = (first - 1, HEADER_BYTES);
    while sequence < last {
        let header = sound(&mut window, offset, sequence, salt).map_err(|bad| Flaw { offset, bad })?;
        sequence = header.sequence;
        offset += header.record_bytes();
    }
    Ok(())
}

/// The header of the record at `offset` if all of it is right and it comes after `last`.
fn sound(window: &mut Window<'_>, offset: u64, last: u64, salt: Salt) -> Result<RecordHeader, BadRecord> {
    let header = window.header(offset, salt)?;
    window.payload(offset, &header)?;
    if header.sequence <= last {
        return Err(BadRecord::Damaged("the sequence does not rise"));
    }
    Ok(header)
}

/// What lies behind the sound part.
struct Rest {
    /// Whether there is a record of a batch that began after the sound part.
    later_batch: bool,
    dirty: u64,
}

fn after(window: &mut Window<'_>, found: Found, bytes: u64, salt: Salt) -> io::Result<Rest> {
    let mut rest = Rest { later_batch: false, dirty: found.end };
    let mut start = found.end;
    while start < bytes {
        // Chunks overlap, so that a header on the border is seen whole.
        let chunk = window.bytes(start..start + CHUNK + RECORD_HEADER as u64)?;
        if chunk != &ZEROS[..chunk.len()] {
            rest.dirty = chunk.iter().rposition(|byte| *byte != 0).map_or(start, |at| start + at as u64 + 1);
            let headers = (0..chunk.len()).filter_map(|at| RecordHeader::decode(&chunk[at..], salt));
            rest.later_batch |= headers.into_iter().any(|header| u64::from(header.batch) > found.end);
        }
        start += CHUNK;
    }
    Ok(rest)
}
