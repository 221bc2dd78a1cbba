//! Finding a journal again, or beginning one.

use std::sync::Arc;

use super::{
    create::{CreateError, UNFINISHED, create},
    disk::{Disk, DiskFile},
    error::OpenError,
    format::{BadHeader, HEADER_BYTES, Salt, SegmentHeader, segment_name},
    options::LogOptions,
    segment::{Extent, Segment},
    tail::{self, Flaw},
    window::BadRecord,
    writer::Place,
};
use crate::JournalId;

/// How many full segments are read and checked at the start, the newest ones; the older ones are when they are read.
const VERIFIED: usize = 3;

/// What was found when the journal was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The journal's id.
    pub journal: JournalId,
    /// Whether there was none and a new one was made.
    pub created: bool,
    /// Bytes of a torn write that were cut from the end; they were never acknowledged.
    pub truncated_bytes: u64,
    /// The smallest sequence that is kept.
    pub first: u64,
    /// The sequence of the last durable message. Below the committed progress, the folder was restored from an older
    /// copy, or the disk lost what it had said was durable.
    pub tail: u64,
}

/// A journal that was found or made.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) report: Recovery,
    pub(super) older: Vec<Arc<Segment>>,
    pub(super) place: Place,
}

/// Opens what is in the folder; the next sequence is above both what is found and `floor`.
pub(super) fn recover(
    disk: &dyn Disk,
    options: &LogOptions,
    floor: u64,
    random: u128,
) -> Result<Recovered, OpenError> {
    let mut names = disk.list().map_err(OpenError::io("list", "the journal's folder"))?;
    if names.iter().any(|name| name == UNFINISHED) {
        disk.remove(UNFINISHED).map_err(OpenError::io("delete", UNFINISHED))?;
    }
    // A process that was killed may have named a segment without syncing the name.
    disk.sync_names().map_err(OpenError::io("sync", "the journal's folder"))?;
    names.retain(|name| name.ends_with(".log"));
    names.sort_unstable();
    let headers = names.iter().map(|name| read_header(disk, name)).collect::<Result<Vec<_>, _>>()?;
    check_chain(&headers)?;
    match headers.split_last() {
        None => begin(disk, options, floor, random),
        Some((newest, older)) => go_on(disk, newest, older, floor),
    }
}

/// Makes a new journal.
fn begin(disk: &dyn Disk, options: &LogOptions, floor: u64, random: u128) -> Result<Recovered, OpenError> {
    let header = SegmentHeader { journal: JournalId::from_bits(random), first: floor + 1, previous: None };
    let file = create(disk, &header, options.segment_bytes).map_err(|error| match error {
        CreateError::Refused(source) | CreateError::Unknown(source) => {
            OpenError::io("make", &header.file_name())(source)
        }
    })?;
    let segment = Segment::new(header, Extent { last: floor, end: HEADER_BYTES });
    Ok(Recovered {
        report: Recovery {
            journal: header.journal,
            created: true,
            truncated_bytes: 0,
            first: header.first,
            tail: floor,
        },
        older: Vec::new(),
        place: Place { segment, file, capacity: options.segment_bytes, next: header.first },
    })
}

/// Goes on with the journal whose segments these are.
fn go_on(
    disk: &dyn Disk,
    newest: &SegmentHeader,
    older: &[SegmentHeader],
    floor: u64,
) -> Result<Recovered, OpenError> {
    let salt = Salt::of(newest.journal);
    let followers = older.iter().skip(1).chain([newest]);
    let full: Vec<_> = older
        .iter()
        .zip(followers)
        .map(|(header, follower)| full_segment(disk, header, follower))
        .collect::<Result<_, _>>()?;
    for segment in full.iter().rev().take(VERIFIED) {
        let name = segment.header.file_name();
        let file = open(disk, &name)?;
        tail::verify(&*file, segment.header.first, segment.extent().last, salt)
            .map_err(|flaw| bad(&name, flaw))?;
    }

    let name = newest.file_name();
    let file = open(disk, &name)?;
    let found = tail::find(&*file, newest.first, salt).map_err(|flaw| bad(&name, flaw))?;
    found.settle(&*file).map_err(OpenError::io("write", &name))?;
    if found.torn_bytes() > 0 {
        tracing::warn!(file = %name, bytes = found.torn_bytes(), "cut a torn write from the journal's end");
    }
    let segment = Segment::new(*newest, Extent { last: found.last, end: found.end });
    let capacity = file.bytes().map_err(OpenError::io("look at", &name))?;
    Ok(Recovered {
        report: Recovery {
            journal: newest.journal,
            created: false,
            truncated_bytes: found.torn_bytes(),
            first: older.first().unwrap_or(newest).first,
            tail: found.last,
        },
        older: full,
        place: Place { segment, file, capacity, next: found.last.max(floor) + 1 },
    })
}

/// A segment that is full: the one that follows knows its last record.
fn full_segment(
    disk: &dyn Disk,
    header: &SegmentHeader,
    follower: &SegmentHeader,
) -> Result<Arc<Segment>, OpenError> {
    let name = header.file_name();
    let end = open(disk, &name)?.bytes().map_err(OpenError::io("look at", &name))?;
    let last = follower.previous.map_or(follower.first - 1, |previous| previous.last);
    Ok(Segment::new(*header, Extent { last, end }))
}

fn open(disk: &dyn Disk, name: &str) -> Result<Box<dyn DiskFile>, OpenError> {
    disk.open(name).map_err(OpenError::io("open", name))
}

fn read_header(disk: &dyn Disk, name: &str) -> Result<SegmentHeader, OpenError> {
    let mut page = vec![0; HEADER_BYTES as usize];
    let read = open(disk, name)?.read_at(&mut page, 0).map_err(OpenError::io("read", name))?;
    let damaged = |what| OpenError::Damaged { file: name.to_owned(), offset: 0, what };
    match SegmentHeader::decode(&page[..read]) {
        Ok(header) if header.file_name() == name && header.first > 0 => Ok(header),
        Ok(_) => Err(damaged("the file's name is not the one that its header has")),
        Err(BadHeader::Newer(version)) => Err(OpenError::Newer { file: name.to_owned(), version }),
        Err(BadHeader::Damaged(what)) => Err(damaged(what)),
    }
}

/// Checks that the segments are of one journal and that none between them is missing.
fn check_chain(headers: &[SegmentHeader]) -> Result<(), OpenError> {
    for pair in headers.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if before.journal != after.journal {
            let (file, expected, found) = (after.file_name(), before.journal, after.journal);
            return Err(OpenError::Foreign { file, expected, found });
        }
        let named = after.previous.map_or(0, |previous| previous.first);
        if named != before.first {
            return Err(OpenError::Missing { missing: segment_name(named), before: after.file_name() });
        }
    }
    Ok(())
}

fn bad(name: &str, flaw: Flaw) -> OpenError {
    match flaw.bad {
        BadRecord::Io(source) => OpenError::io("read", name)(source),
        BadRecord::Damaged(what) => OpenError::Damaged { file: name.to_owned(), offset: flaw.offset, what },
    }
}
