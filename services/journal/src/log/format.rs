//! The bytes of a segment: a header of one page, then records, then zeros. All numbers are little endian.
//!
//! Segment header: magic (8), format version (4), checksum (4), journal id (16), first sequence (8), first and last
//! sequence of the segment before it (8 and 8, zero when there was none), zeros up to a page. The checksum is over
//! all of the page but itself.
//!
//! Record: checksum of this header (4), payload length (4), sequence (8), batch (4), checksum of the payload (4),
//! partition (1), zeros (3), payload. *Batch* is the offset in the file at which the write began that the record was
//! part of. A write begins only after the one before it was synced; so a sound record proves that everything before
//! its batch was durable. That is how recovery tells a torn tail (bad record, nothing of a later batch) from damage.
//!
//! Checksums are CRC-32C. Those of record headers start from the journal's id, so that neither a record of another
//! journal nor bytes that somebody sends in a body are taken for a record.

use tributary_domain::partition::Partition;

use crate::JournalId;

/// Bytes of a segment's header: a page, so that no write of a record touches a sector of it.
pub(super) const HEADER_BYTES: u64 = 4096;
/// Bytes of a record's header.
pub(super) const RECORD_HEADER: usize = 28;

const MAGIC: [u8; 8] = *b"trbjrnl\n";
const VERSION: u32 = 1;

/// What a segment says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The journal that it is part of.
    pub(super) journal: JournalId,
    /// The smallest sequence that it may hold; also its name.
    pub(super) first: u64,
    /// The segment before it; none in a new journal.
    pub(super) previous: Option<Previous>,
}

/// What a segment knows about the one before it, which was complete and synced when this one was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Previous {
    /// Its first sequence.
    pub(super) first: u64,
    /// Its last record's sequence.
    pub(super) last: u64,
}

/// Why bytes are not a segment's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    Newer(u32),
    Damaged(&'static str),
}

impl SegmentHeader {
    /// The name of the segment's file; names sort as sequences do.
    pub(super) fn file_name(&self) -> String {
        segment_name(self.first)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let previous = self.previous.unwrap_or(Previous { first: 0, last: 0 });
        let mut page = Vec::with_capacity(HEADER_BYTES as usize);
        page.extend(MAGIC);
        page.extend(VERSION.to_le_bytes());
        page.extend([0; 4]);
        page.extend(self.journal.bits().to_le_bytes());
        page.extend(self.first.to_le_bytes());
        page.extend(previous.first.to_le_bytes());
        page.extend(previous.last.to_le_bytes());
        page.resize(HEADER_BYTES as usize, 0);
        let checksum = header_checksum(&page);
        page[12..16].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    pub(super) fn decode(page: &[u8]) -> Result<Self, BadHeader> {
        if page.len() != HEADER_BYTES as usize || page[..8] != MAGIC {
            return Err(BadHeader::Damaged("it does not start as a segment of a journal does"));
        }
        let version = u32_at(page, 8);
        if version > VERSION {
            return Err(BadHeader::Newer(version));
        }
        if u32_at(page, 12) != header_checksum(page) {
            return Err(BadHeader::Damaged("the checksum of the file's header is wrong"));
        }
        let previous = Previous { first: u64_at(page, 40), last: u64_at(page, 48) };
        Ok(Self {
            journal: JournalId::from_bits(
                u128::from(u64_at(page, 16)) | (u128::from(u64_at(page, 24)) << 64),
            ),
            first: u64_at(page, 32),
            previous: (previous.first > 0).then_some(previous),
        })
    }
}

/// The file name of the segment whose first sequence is `first`.
pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

/// What stands before a record's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) length: u32,
    pub(super) sequence: u64,
    /// Offset in the file at which the write of this record began.
    pub(super) batch: u32,
    pub(super) payload_checksum: u32,
    pub(super) partition: Partition,
}

impl RecordHeader {
    /// Bytes of the whole record.
    pub(super) fn record_bytes(&self) -> u64 {
        RECORD_HEADER as u64 + u64::from(self.length)
    }

    pub(super) fn encode(&self, salt: Salt, out: &mut Vec<u8>) {
        let mut header = [0; RECORD_HEADER];
        header[4..8].copy_from_slice(&self.length.to_le_bytes());
        header[8..16].copy_from_slice(&self.sequence.to_le_bytes());
        header[16..20].copy_from_slice(&self.batch.to_le_bytes());
        header[20..24].copy_from_slice(&self.payload_checksum.to_le_bytes());
        header[24] = self.partition.number();
        let checksum = salt.checksum(&header[4..]);
        header[..4].copy_from_slice(&checksum.to_le_bytes());
        out.extend(header);
    }

    /// The header in the first bytes of `bytes`; none when these are not one.
    pub(super) fn decode(bytes: &[u8], salt: Salt) -> Option<Self> {
        let bytes = bytes.get(..RECORD_HEADER)?;
        let partition = Partition::new(bytes[24])?;
        // Cheap before dear: the search after a bad record tries every byte.
        let plausible = bytes[25..] == [0; 3] && u64_at(bytes, 8) > 0;
        if !plausible || u32_at(bytes, 0) != salt.checksum(&bytes[4..]) {
            return None;
        }
        Some(Self {
            length: u32_at(bytes, 4),
            sequence: u64_at(bytes, 8),
            batch: u32_at(bytes, 16),
            payload_checksum: u32_at(bytes, 20),
            partition,
        })
    }
}

/// What the checksums of a journal's record headers start from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Salt(u32);

impl Salt {
    pub(super) fn of(journal: JournalId) -> Self {
        Self(crc32c::crc32c(&journal.bits().to_le_bytes()))
    }

    fn checksum(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, bytes)
    }
}

/// The checksum of a payload.
pub(super) fn payload_checksum(payload: &[u8]) -> u32 {
    crc32c::crc32c(payload)
}

fn header_checksum(page: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&page[..12]), &page[16..])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let header = SegmentHeader {
            journal: JournalId::from_bits(u128::MAX - 5),
            first: 900,
            previous: Some(Previous { first: 1, last: 800 }),
        };
        let page = header.encode();
        assert_eq!(SegmentHeader::decode(&page), Ok(header));
        for bit in 0..page.len() * 8 {
            let mut page = page.clone();
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::decode(&page).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_records_header_is_noticed_and_so_is_another_journal() {
        let salt = Salt::of(JournalId::from_bits(1));
        let partition = Partition::new(63).expect("under 64");
        let header = RecordHeader { length: 10, sequence: 7, batch: 4096, payload_checksum: 3, partition };
        let mut bytes = Vec::new();
        header.encode(salt, &mut bytes);
        assert_eq!(RecordHeader::decode(&bytes, salt), Some(header));
        assert_eq!(RecordHeader::decode(&bytes, Salt::of(JournalId::from_bits(2))), None);
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::decode(&bytes, salt), None, "bit {bit}");
        }
    }
}
