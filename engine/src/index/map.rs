//! The index of one map: from a key's hash to the locations of frames that may hold it.
//!
//! Small maps are one table; large ones are split into children that grow one by one, so that no
//! growth is long. Readers share no lock with other threads. Knows hashes, not keys.

use crossbeam::utils::CachePadded;

use super::table::{Crowded, Matches, Table};
use crate::{
    location::Location,
    stripe::{STRIPES, stripe},
    sync::{
        Arc, OnceLock, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// An explorer is to meet the split soon, and sees no more in many children than in a few.
pub(super) const CHILDREN: usize = if cfg!(shuttle) { 4 } else { 64 };
const CHILD_SHIFT: u32 = 34;
/// Keys above which a map is split.
const SPLIT_KEYS: usize = if cfg!(shuttle) { 9 } else { 2048 };

pub(super) type Children = Box<[Arc<Table>]>;

/// Where the keys of a map stand. One writer at a time; any number of readers.
#[derive(Debug)]
pub(crate) struct MapIndex {
    pub(super) root: RwLock<Arc<Table>>,
    /// The same children behind one lock per stripe of threads, so that readers do not meet.
    pub(super) split: OnceLock<Box<[CachePadded<RwLock<Children>>; STRIPES]>>,
    /// Keys above which it is split.
    pub(super) split_keys: AtomicUsize,
}

/// How far a scan has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// Prints before this were seen while the map was not split yet.
    floor: u32,
    child: usize,
    from: u32,
}

/// Some entries of a map.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Prints and locations; all entries of a print that one table has are in one page.
    pub(crate) entries: Vec<(u32, Location)>,
    /// Where the next page begins; `None` behind the last one.
    pub(crate) next: Option<Cursor>,
    /// Where this one began, and whether the map was split.
    at: Cursor,
    is_split: bool,
}

impl Page {
    /// What stands before the first page.
    pub(crate) fn before_first() -> Self {
        Self { next: Some(Cursor::default()), ..Self::default() }
    }

    /// The cursor of what is left of this page from a print on.
    pub(crate) fn back_to(&self, print: u32) -> Cursor {
        if self.is_split {
            Cursor { from: print, ..self.at }
        } else {
            Cursor { floor: print, ..self.at }
        }
    }
}

fn child_of(hash: u64) -> usize {
    (hash >> CHILD_SHIFT) as usize % CHILDREN
}

impl MapIndex {
    pub(crate) fn new() -> Self {
        Self {
            root: RwLock::new(Arc::new(Table::new())),
            split: OnceLock::new(),
            split_keys: AtomicUsize::new(SPLIT_KEYS),
        }
    }

    /// Calls `look` with the table that a hash belongs to.
    fn with<T>(&self, hash: u64, look: impl FnOnce(&Table) -> T) -> T {
        if let Some(split) = self.split.get() {
            return look(&split[stripe()].read()[child_of(hash)]);
        }
        let root = self.root.read();
        // A split empties nothing: the root it left behind is as it was, but may grow old.
        match self.split.get() {
            Some(split) => look(&split[stripe()].read()[child_of(hash)]),
            None => look(&root),
        }
    }

    /// The locations that may hold the hash's key.
    pub(crate) fn matches(&self, hash: u64) -> Matches {
        self.with(hash, |table| table.matches(hash))
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        match self.split.get() {
            Some(split) => split[stripe()].read().iter().map(|table| table.len()).sum(),
            None => self.root.read().len(),
        }
    }

    /// Adds a key. Writer only.
    pub(crate) fn insert(&self, hash: u64, location: Location) {
        while self.with(hash, |table| table.insert(hash, location)) == Err(Crowded) {
            let grown = Arc::new(self.with(hash, Table::grown));
            match self.split.get() {
                Some(split) => {
                    for children in split.iter() {
                        children.write()[child_of(hash)] = Arc::clone(&grown);
                    }
                }
                None => *self.root.write() = grown,
            }
        }
    }

    /// Points a key to a new location; `false` when it was not at `old`. Writer only.
    pub(crate) fn replace(&self, hash: u64, old: Location, new: Location) -> bool {
        self.with(hash, |table| table.replace(hash, old, new))
    }

    /// Removes a key; `false` when it was not there. Writer only.
    pub(crate) fn remove(&self, hash: u64, location: Location) -> bool {
        self.with(hash, |table| table.remove(hash, location))
    }

    /// Whether the map has outgrown one table.
    pub(crate) fn wants_split(&self) -> bool {
        let limit = self.split_keys.load(Ordering::Relaxed);
        self.split.get().is_none() && self.root.read().len() > limit
    }

    /// Splits the table, given the hash of the key at each location. Writer only.
    ///
    /// # Errors
    /// The first one of `hash_at`; the map stays as it was, and wants no split until it has doubled.
    pub(crate) fn split<E>(&self, hash_at: impl Fn(Location) -> Result<u64, E>) -> Result<(), E> {
        let mut children: Vec<Table> = (0..CHILDREN).map(|_| Table::new()).collect();
        let (page, _) = self.root.read().page(0, usize::MAX);
        for (_, location) in page {
            let hash = hash_at(location).inspect_err(|_| {
                self.split_keys.store(2 * self.root.read().len(), Ordering::Relaxed);
            })?;
            let child = &mut children[child_of(hash)];
            while child.insert(hash, location) == Err(Crowded) {
                *child = child.grown();
            }
        }
        let mut root = self.root.write();
        self.set_children(children);
        *root = Arc::new(Table::new());
        Ok(())
    }

    /// Begins to be split into these tables. Writer only, once.
    pub(super) fn set_children(&self, children: Vec<Table>) {
        let children: Children = children.into_iter().map(Arc::new).collect();
        let stripes = std::array::from_fn(|_| CachePadded::new(RwLock::new(children.clone())));
        let _ = self.split.set(Box::new(stripes));
    }

    /// Takes every entry out. Writer only, and the last change: the map was dropped.
    pub(crate) fn take(&self) -> Vec<Location> {
        let mut taken = Vec::new();
        let mut cursor = Some(Cursor::default());
        while let Some(at) = cursor {
            let page = self.page(at, usize::MAX);
            taken.extend(page.entries.into_iter().map(|(_, location)| location));
            cursor = page.next;
        }
        *self.root.write() = Arc::new(Table::new());
        for children in self.split.get().iter().flat_map(|split| split.iter()) {
            *children.write() = (0..CHILDREN).map(|_| Arc::new(Table::new())).collect();
        }
        taken
    }

    /// About `count_max` entries from a cursor on, and where to go on. A key that stays in the map is
    /// in exactly one page, also when the map grows or is split meanwhile.
    pub(crate) fn page(&self, at: Cursor, count_max: usize) -> Page {
        let root = self.root.read();
        let Some(split) = self.split.get() else {
            let (entries, next) = root.page(at.floor, count_max);
            let next = next.map(|floor| Cursor { floor, ..at });
            return Page { entries, next, at, is_split: false };
        };
        drop(root);
        let table = Arc::clone(&split[stripe()].read()[at.child]);
        let (entries, next) = table.page(at.from.max(at.floor), count_max);
        let next = match next {
            Some(from) => Some(Cursor { from, ..at }),
            None if at.child + 1 < CHILDREN => Some(Cursor { child: at.child + 1, from: 0, ..at }),
            None => None,
        };
        Page { entries, next, at, is_split: true }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn hash(n: u64) -> u64 {
        (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn place(n: u64) -> Location {
        Location { slot: 1, offset: 64 + n as u32 * 8 }
    }

    fn fill(index: &MapIndex, keys: std::ops::Range<u64>) {
        for n in keys {
            index.insert(hash(n), place(n));
        }
    }

    fn split(index: &MapIndex) {
        let result = index.split(|at| Ok::<_, ()>(hash(u64::from((at.offset - 64) / 8))));
        assert_eq!(result, Ok(()));
    }

    #[test]
    fn keys_are_found_before_and_after_the_split() {
        let index = MapIndex::new();
        fill(&index, 0..2049);
        assert!(index.wants_split());
        assert_eq!(index.split(|_| Err(7)), Err(7));
        assert!(!index.wants_split(), "rests until it has doubled");
        fill(&index, 2049..4099);
        assert!(index.wants_split());
        split(&index);
        assert!(!index.wants_split());
        fill(&index, 4099..50_000);
        assert_eq!(index.len(), 50_000);
        for n in 0..50_000 {
            assert!(index.matches(hash(n)).iter().any(|at| at == place(n)), "{n}");
        }
        assert!(index.replace(hash(5), place(5), place(60_000)));
        assert!(!index.replace(hash(5), place(5), place(60_000)));
        assert!(index.remove(hash(5), place(60_000)));
        assert!(index.matches(hash(5)).iter().all(|at| at != place(60_000)));
        assert_eq!(index.take().len(), 49_999);
        assert_eq!(index.len(), 0);
    }

    #[test]
    fn a_scan_sees_every_key_once_over_growth_and_split() {
        let index = MapIndex::new();
        fill(&index, 0..2500);
        let (mut seen, mut cursor, mut pages) = (HashMap::new(), Some(Cursor::default()), 0);
        while let Some(at) = cursor {
            let page = index.page(at, 100);
            for (_, location) in page.entries {
                *seen.entry(location.offset).or_insert(0) += 1;
            }
            cursor = page.next;
            pages += 1;
            if pages == 5 {
                split(&index);
                fill(&index, 2500..4000);
            }
        }
        for n in 0..2500 {
            assert_eq!(seen.get(&place(n).offset), Some(&1), "{n}");
        }
        assert!(seen.values().all(|times| *times == 1));
    }
}
