//! Buffered reads of a file from front to back, and records from it.

use std::{io, ops::Range};

use super::{
    disk::DiskFile,
    format::{RECORD_HEADER, RecordHeader, Salt, payload_checksum},
};

/// Bytes that are read at a time: large enough that the call is cheap, small enough for a core's cache.
pub(super) const CHUNK: u64 = 64 * 1024;

/// A file's bytes up to `end`, of which a part is in memory.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a dyn DiskFile,
    end: u64,
    start: u64,
    data: Vec<u8>,
}

/// What is wrong with a record.
#[derive(Debug)]
pub(super) enum BadRecord {
    Io(io::Error),
    Damaged(&'static str),
}

impl<'a> Window<'a> {
    /// A window on the first `end` bytes of `file`.
    pub(super) fn new(file: &'a dyn DiskFile, end: u64) -> Self {
        Self { file, end, start: 0, data: Vec::new() }
    }

    /// The bytes in `range`, fewer where the file ends.
    pub(super) fn bytes(&mut self, range: Range<u64>) -> io::Result<&[u8]> {
        let range = range.start..range.end.min(self.end).max(range.start);
        let held = self.start..self.start + self.data.len() as u64;
        if range.start < held.start || range.end > held.end {
            let wanted = (range.end - range.start).max(CHUNK.min(self.end.saturating_sub(range.start)));
            self.start = range.start;
            self.data.resize(wanted as usize, 0);
            let read = self.file.read_at(&mut self.data, range.start)?;
            self.data.truncate(read);
        }
        let from = (range.start - self.start) as usize;
        let to = ((range.end - self.start) as usize).min(self.data.len());
        Ok(self.data.get(from..to).unwrap_or_default())
    }

    /// The header of the record at `offset`.
    pub(super) fn header(&mut self, offset: u64, salt: Salt) -> Result<RecordHeader, BadRecord> {
        let bytes = self.bytes(offset..offset + RECORD_HEADER as u64).map_err(BadRecord::Io)?;
        let header = RecordHeader::decode(bytes, salt);
        let header =
            header.ok_or(BadRecord::Damaged("there is no record, or the checksum of its header is wrong"))?;
        if offset + header.record_bytes() > self.end {
            return Err(BadRecord::Damaged("the record is longer than the file"));
        }
        Ok(header)
    }

    /// The payload of the record at `offset`, which has this header.
    pub(super) fn payload(&mut self, offset: u64, header: &RecordHeader) -> Result<&[u8], BadRecord> {
        let start = offset + RECORD_HEADER as u64;
        let payload = self.bytes(start..start + u64::from(header.length)).map_err(BadRecord::Io)?;
        if payload.len() != header.length as usize || payload_checksum(payload) != header.payload_checksum {
            return Err(BadRecord::Damaged("the checksum of the record is wrong"));
        }
        Ok(payload)
    }
}
