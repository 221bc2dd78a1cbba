//! Where readers stood last, so that they need not search a segment from its start.

use std::{collections::VecDeque, sync::Mutex};

use super::{format::HEADER_BYTES, shared::lock};

/// Most places that are remembered: several for each of the most readers there can be, one a partition.
const KEPT: usize = 256;

/// A place between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    /// First sequence of the segment.
    segment: u64,
    /// Every record before the place has this sequence or a smaller one, every one behind it a larger one.
    sequence: u64,
    offset: u64,
}

/// The places used last.
#[derive(Debug, Default)]
pub(super) struct Positions(Mutex<VecDeque<Position>>);

impl Positions {
    /// Remembers that the records after `sequence` begin at `offset` in the segment that starts with `segment`.
    pub(super) fn put(&self, segment: u64, sequence: u64, offset: u64) {
        let position = Position { segment, sequence, offset };
        let mut kept = lock(&self.0);
        if let Some(at) = kept.iter().position(|known| *known == position) {
            kept.remove(at);
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(position);
    }

    /// An offset in the segment from which the records after `sequence` are found by reading on: the nearest one
    /// known, or the segment's start.
    pub(super) fn find(&self, segment: u64, sequence: u64) -> u64 {
        let kept = lock(&self.0);
        let before = kept.iter().filter(|known| known.segment == segment && known.sequence <= sequence);
        before.map(|known| known.offset).max().unwrap_or(HEADER_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_place_at_or_before_is_found() {
        let positions = Positions::default();
        positions.put(1, 10, 5_000);
        positions.put(1, 20, 6_000);
        positions.put(100, 15, 7_000);
        assert_eq!(positions.find(1, 9), HEADER_BYTES);
        assert_eq!(positions.find(1, 10), 5_000);
        assert_eq!(positions.find(1, 19), 5_000);
        assert_eq!(positions.find(1, 99), 6_000);
        assert_eq!(positions.find(2, 99), HEADER_BYTES);
    }

    #[test]
    fn the_place_used_longest_ago_is_forgotten() {
        let positions = Positions::default();
        for sequence in 0..=KEPT as u64 {
            positions.put(1, 0, 4_500);
            positions.put(1, sequence + 1, 5_000 + sequence);
        }
        assert_eq!(positions.find(1, 0), 4_500, "used again and again");
        assert_eq!(positions.find(1, 2), 4_500, "its place is forgotten");
    }
}
