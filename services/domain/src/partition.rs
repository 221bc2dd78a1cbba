//! Partitions: tenants hash onto 64 of them, in every mode of running (invariant 4).

use std::fmt;

use crate::id::TenantId;

/// One of the 64 partitions; everything of a tenant lies in one, so its order is kept by whoever owns that one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u8);

impl Partition {
    /// How many partitions there are. Fixed for ever: progress is stored per partition.
    pub const COUNT: u8 = 64;

    /// The partition of a tenant.
    ///
    /// The id's upper and lower 64 bits are joined by exclusive or and mixed by the finaliser of SplitMix64
    /// (Steele, Lea and Flood 2014); the top six bits are the partition. Stored progress depends on this:
    /// it never changes.
    pub fn of(tenant: TenantId) -> Self {
        let bits = tenant.bits();
        let mut hash = ((bits >> 64) as u64) ^ (bits as u64);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        hash ^= hash >> 31;
        Self((hash >> 58) as u8)
    }

    /// The partition with this number, or none when the number is 64 or more.
    pub fn new(number: u8) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its number, 0 to 63.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A set of partitions: bit `n` stands for partition `n`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PartitionSet(u64);

impl PartitionSet {
    /// All 64 partitions.
    pub const fn all() -> Self {
        Self(u64::MAX)
    }

    /// No partition.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// The set whose bits are these.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The set as bits.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// This set and `partition`.
    #[must_use]
    pub const fn with(self, partition: Partition) -> Self {
        Self(self.0 | (1 << partition.0))
    }

    /// Whether `partition` is in the set.
    pub const fn contains(self, partition: Partition) -> bool {
        self.0 & (1 << partition.0) != 0
    }

    /// How many partitions are in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether no partition is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The partitions of the set in rising order.
    pub fn iter(self) -> impl Iterator<Item = Partition> {
        (0..Partition::COUNT).map(Partition).filter(move |partition| self.contains(*partition))
    }
}

impl fmt::Debug for PartitionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<Partition> for PartitionSet {
    fn from_iter<I: IntoIterator<Item = Partition>>(partitions: I) -> Self {
        partitions.into_iter().fold(Self::empty(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        let numbers: Vec<u8> = [(0, 0), (1, 0), (1_700_000_000_000, 1), (1_700_000_000_000, 2)]
            .map(|(millis, random)| Partition::of(TenantId::new(millis, random)).number())
            .to_vec();
        assert_eq!(numbers, PINNED);
    }

    const PINNED: [u8; 4] = [0, 51, 10, 19];

    #[test]
    fn tenants_spread_evenly_even_when_their_ids_are_neighbours() {
        let mut counts = [0_u32; 64];
        for random in 0..6_400 {
            counts[usize::from(Partition::of(TenantId::new(1_700_000_000_000, random)).number())] += 1;
        }
        assert!(counts.iter().all(|count| (50..=160).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let chosen = [0, 5, 63].map(|number| Partition::new(number).expect("under 64"));
        let set: PartitionSet = chosen.into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), chosen);
        assert_eq!(set.len(), 3);
        assert!(!set.contains(Partition(6)));
        assert_eq!(PartitionSet::all().iter().count(), 64);
        assert_eq!(Partition::new(64), None);
    }
}
