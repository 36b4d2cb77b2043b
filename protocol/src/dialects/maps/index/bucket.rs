//! A short sorted run of entries, packed. Knows nothing of the tree above it.

use super::super::digest::{Leaf, Path, Totals};
use super::{Entry, near};

/// An entry without padding: 56 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    high: u64,
    low: u64,
    leaf: Leaf,
    /// The seq, and in the lowest bit whether the entry is counted.
    mark: u64,
}

impl Packed {
    pub(super) fn path(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    pub(super) fn seq(&self) -> u64 {
        self.mark >> 1
    }

    pub(super) fn is_counted(&self) -> bool {
        self.mark & 1 == 1
    }

    pub(super) fn entry(&self) -> Entry {
        let (seq, counted) = (self.seq(), self.is_counted());
        Entry { path: Path(self.path()), leaf: self.leaf, seq, counted }
    }

    /// Adds the entry to sums, when they cover it.
    pub(super) fn add_to(&self, totals: &mut Totals) {
        if self.is_counted() {
            totals.insert(&self.leaf);
        }
    }

    /// Takes the entry out of sums, when they cover it.
    pub(super) fn take_from(&self, totals: &mut Totals) {
        if self.is_counted() {
            totals.remove(&self.leaf);
        }
    }
}

impl From<Entry> for Packed {
    fn from(entry: Entry) -> Self {
        let Path(path) = entry.path;
        debug_assert!(entry.seq < 1 << 63, "seqs stay below 2^63");
        let mark = entry.seq << 1 | u64::from(entry.counted);
        Self { high: (path >> 64) as u64, low: path as u64, leaf: entry.leaf, mark }
    }
}

/// Sum and number of the counted ones.
pub(super) fn totals(entries: &[Packed]) -> Totals {
    let mut totals = Totals::default();
    entries.iter().for_each(|entry| entry.add_to(&mut totals));
    totals
}

/// Where the entry with a path is in the bucket at a depth, or where it would be. Paths are about even.
pub(super) fn find(entries: &[Packed], path: u128, depth: u8) -> Result<usize, usize> {
    let even = path.checked_shl(4 * u32::from(depth)).unwrap_or(0) >> 64;
    let guess = ((even * entries.len() as u128) >> 64) as usize;
    near::find(entries.len(), guess, |at| entries[at].path().cmp(&path))
}

/// How many entries of the bucket at a depth lie before a path.
pub(super) fn before(entries: &[Packed], path: u128, depth: u8) -> usize {
    find(entries, path, depth).unwrap_or_else(|at| at)
}

/// The entries of a sorted run from one path to another, both included.
pub(super) fn between(entries: &[Packed], first: u128, last: u128) -> &[Packed] {
    let from = entries.partition_point(|entry| entry.path() < first);
    let to = entries.partition_point(|entry| entry.path() <= last);
    entries.get(from..to).unwrap_or_default()
}

/// Puts an entry into the bucket at a depth; the one it replaces.
pub(super) fn insert(entries: &mut Vec<Packed>, entry: &Packed, depth: u8) -> Option<Packed> {
    match find(entries, entry.path(), depth) {
        Ok(at) => Some(std::mem::replace(&mut entries[at], *entry)),
        Err(at) => {
            if entries.len() == entries.capacity() {
                entries.reserve_exact(2 + entries.len() / 4);
            }
            entries.insert(at, *entry);
            None
        }
    }
}

/// Takes the entry with a path out of the bucket at a depth.
pub(super) fn remove(entries: &mut Vec<Packed>, path: u128, depth: u8) -> Option<Packed> {
    let old = entries.remove(find(entries, path, depth).ok()?);
    if entries.capacity() > 2 * entries.len() + 8 {
        entries.shrink_to_fit();
    }
    Some(old)
}
