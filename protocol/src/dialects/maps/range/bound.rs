//! Where a range ends: in the order of items, and in the index.

use std::cmp::Ordering;

use super::super::digest::{Leaf, Path, Totals};
use super::super::index::Index;

/// The time of items with the highest paths. The one above is the end of all ranges.
const TIME_MAX: u64 = u64::MAX - 1;

/// The time of an item: the first half of its path.
pub(super) fn time_of(path: Path) -> u64 {
    ((path.0 >> 64) as u64).min(TIME_MAX)
}

/// The first and the last path with a time.
pub(super) fn paths_of(time: u64) -> (Path, Path) {
    let first = u128::from(time) << 64;
    let last = if time >= TIME_MAX { u128::MAX } else { first | u128::from(u64::MAX) };
    (Path(first), Path(last))
}

/// A place between items, which stand in the order of their times, then of their leaves: before the
/// first item that is not below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) time: u64,
    /// The beginning of a leaf, then zeros.
    pub(super) id: [u8; 32],
    /// How many bytes of the id are written; zeros that are not written mean the same place.
    pub(super) id_bytes: u8,
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, &self.id).cmp(&(other.time, &other.id))
    }
}

impl Bound {
    /// Before all items.
    pub(super) const START: Self = Self::at(0);
    /// Behind all items.
    pub(super) const END: Self = Self::at(u64::MAX);

    /// Before the items with a time.
    pub(super) const fn at(time: u64) -> Self {
        Self { time, id: [0; 32], id_bytes: 0 }
    }

    /// Before one item.
    pub(super) fn before(time: u64, leaf: Leaf) -> Self {
        Self { time, id: leaf.0, id_bytes: 32 }
    }

    /// Whether an item stands before this place.
    pub(super) fn is_above(&self, time: u64, leaf: &Leaf) -> bool {
        (time, &leaf.0) < (self.time, &self.id)
    }

    /// Sum and number of the items before this place.
    pub(super) fn below(&self, index: &Index) -> Totals {
        if self.time > TIME_MAX {
            return index.root();
        }
        let (first, last) = paths_of(self.time);
        let mut totals = index.totals_below(first);
        if self.id != [0; 32] {
            let same_time = index.counted_between(first, last);
            same_time.filter(|e| e.leaf.0 < self.id).for_each(|e| totals.insert(&e.leaf));
        }
        totals
    }
}
