//! The segments that are kept, oldest first; the last one is the one that is written.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use super::{
    format::{Previous, SegmentHeader},
    shared::lock,
};

/// One segment file.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) header: SegmentHeader,
    extent: Mutex<Extent>,
}

/// How far a segment may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Sequence of the last synced record; below the segment's first while it has none.
    pub(super) last: u64,
    /// Where that record ends. Of a full segment that was not scanned: where the file ends.
    pub(super) end: u64,
}

impl Segment {
    pub(super) fn new(header: SegmentHeader, extent: Extent) -> Arc<Self> {
        Arc::new(Self { header, extent: Mutex::new(extent) })
    }

    pub(super) fn extent(&self) -> Extent {
        *lock(&self.extent)
    }

    /// Says that more of it is synced.
    pub(super) fn grow(&self, extent: Extent) {
        *lock(&self.extent) = extent;
    }

    /// What the segment after this one says about it.
    pub(super) fn as_previous(&self) -> Previous {
        Previous { first: self.header.first, last: self.extent().last }
    }
}

/// All segments of a journal; never empty.
#[derive(Debug)]
pub(super) struct Segments {
    list: Mutex<VecDeque<Arc<Segment>>>,
    /// The smallest first sequence, kept for an answer when the list is short of one (it never is).
    floor: u64,
}

impl Segments {
    /// The segments `older` and the one that is written.
    pub(super) fn new(older: Vec<Arc<Segment>>, current: Arc<Segment>) -> Self {
        let floor = current.header.first;
        let mut list = VecDeque::from(older);
        list.push_back(current);
        Self { list: Mutex::new(list), floor }
    }

    /// Adds the segment that is written from now on.
    pub(super) fn push(&self, segment: Arc<Segment>) {
        lock(&self.list).push_back(segment);
    }

    /// The smallest sequence that is kept.
    pub(super) fn first(&self) -> u64 {
        lock(&self.list).front().map_or(self.floor, |oldest| oldest.header.first)
    }

    /// The segments that hold records after `after`, oldest first, or the first sequence that is kept when some of
    /// these records are released.
    pub(super) fn after(&self, after: u64) -> Result<Vec<Arc<Segment>>, u64> {
        let list = lock(&self.list);
        if let Some(oldest) = list.front()
            && oldest.header.previous.is_some_and(|previous| after < previous.last)
        {
            return Err(oldest.header.first);
        }
        Ok(list.iter().filter(|segment| segment.extent().last > after).cloned().collect())
    }

    /// The oldest segment, if it is full and holds nothing after `up_to`.
    pub(super) fn releasable(&self, up_to: u64) -> Option<Arc<Segment>> {
        let list = lock(&self.list);
        let oldest = list.front().filter(|oldest| list.len() > 1 && oldest.extent().last <= up_to);
        oldest.cloned()
    }

    /// Forgets `segment`, the oldest one, whose file is gone.
    pub(super) fn forget(&self, segment: &Arc<Segment>) {
        let mut list = lock(&self.list);
        if list.front().is_some_and(|oldest| Arc::ptr_eq(oldest, segment)) {
            list.pop_front();
        }
    }
}
