//! What a map holds, without the records: for each path its leaf, its place in the feed, and sums
//! over any part of the tree of paths.
//!
//! One structure answers the root hash, buckets of any depth, sums of any range and the changes after
//! a position. It must not know records, keys, values or the wire.
//!
//! # Finding what differs by buckets
//!
//! Two replicas compare [`Index::children`] of a few prefixes at a time and go down where fingerprints
//! differ; a bucket that only one of them has differs too. At the end the one that asks lists the first
//! eight bytes of its leaves in the buckets that differ, and the other answers with what is not listed.
//! A bucket costs 28 bytes on the wire and a listed record eight, so that few round trips are had so:
//!
//! * All buckets that differ are listed as soon as they have no more than 4,096 records together; one
//!   with no more than 64 in any case.
//! * Else ask for one level below them, if a sixteenth of their records is that little or two levels
//!   would be more than 4,096 buckets; for two levels otherwise.
//!
//! Among a million records ten changes take three round trips and 35 KB both ways with the records
//! themselves; 83 KB if nothing but buckets of up to 64 records is listed.

mod bucket;
mod feed;
mod near;
mod node;
mod tree;
mod walk;

pub use walk::Entries;

use super::digest::{Leaf, Path, Prefix, Totals};
use feed::Feed;
use tree::Tree;

/// What the index keeps of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the record's key stands.
    pub path: Path,
    /// The hash of the record.
    pub leaf: Leaf,
    /// Its place in the feed: unique in one map, below 2^63; 0 keeps the record out of the feed.
    pub seq: u64,
    /// Whether sums cover it: not so for a tombstone below the map's watermark.
    pub counted: bool,
}

/// The records of one map, by path and by seq, with sums.
///
/// A write costs a descent of the tree, which is as deep as the number of keys needs (four levels at a
/// million), never deeper than the 32 digits of a path; sums are kept, never recomputed.
///
/// ```
/// use syncline_protocol::dialects::maps::{Entry, Index, Leaf, Path};
///
/// let mut index = Index::default();
/// let entry = Entry { path: Path(7), leaf: Leaf([1; 32]), seq: 1, counted: true };
/// assert_eq!(index.insert(entry), None);
/// assert_eq!(index.root().count, 1);
/// assert_eq!(index.changes(0).collect::<Vec<_>>(), [(1, Path(7))]);
/// assert_eq!(index.remove(Path(7)), Some(entry));
/// assert_eq!(index.root(), Index::default().root());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Index {
    tree: Tree,
    feed: Feed,
    last_seq: u64,
}

impl Index {
    /// The index of these entries, in any order; of two with one path the one with the higher seq
    /// stays. Much faster than inserting them one by one.
    #[must_use]
    pub fn from_entries(entries: Vec<Entry>) -> Self {
        let last_seq = entries.iter().map(|entry| entry.seq).max().unwrap_or(0);
        let tree = Tree::build(entries);
        let entries = tree.entries(Path(0), Path(u128::MAX));
        let feed = Feed::build(entries.map(|entry| (entry.seq, entry.path)).collect());
        Self { tree, feed, last_seq }
    }

    /// Puts an entry in the place of the one with its path, which is given back.
    pub fn insert(&mut self, entry: Entry) -> Option<Entry> {
        let old = self.tree.insert(entry);
        if let Some(old) = &old {
            self.feed.remove(old.seq);
        }
        self.feed.insert(entry.seq, entry.path);
        self.last_seq = self.last_seq.max(entry.seq);
        old
    }

    /// Takes the entry with this path out.
    pub fn remove(&mut self, path: Path) -> Option<Entry> {
        let old = self.tree.remove(path)?;
        self.feed.remove(old.seq);
        Some(old)
    }

    /// The entry with this path.
    #[must_use]
    pub fn get(&self, path: Path) -> Option<Entry> {
        self.tree.get(path)
    }

    /// How many entries there are, counted or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there is no entry at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sum and number of all counted entries: what the root hash is made of. Costs nothing.
    #[must_use]
    pub fn root(&self) -> Totals {
        self.tree.root()
    }

    /// Sum and number of the counted entries below a prefix.
    #[must_use]
    pub fn totals(&self, prefix: &Prefix) -> Totals {
        self.tree.totals(prefix)
    }

    /// Sum and number of the counted entries whose path is below this one.
    #[must_use]
    pub fn totals_below(&self, path: Path) -> Totals {
        self.tree.below(path)
    }

    /// The path of the counted entry that has so many counted ones before it.
    #[must_use]
    pub fn nth(&self, rank: u64) -> Option<Path> {
        self.tree.nth(rank)
    }

    /// The prefixes so many levels below this one that hold counted entries, ascending; none beyond
    /// the 32 digits of a path. At most 16^levels: the caller bounds `levels`.
    #[must_use]
    pub fn children(&self, prefix: &Prefix, levels: u8) -> Vec<(Prefix, Totals)> {
        self.tree.children(prefix, levels)
    }

    /// The entries below a prefix in the order of their paths, counted or not.
    #[must_use]
    pub fn entries(&self, prefix: &Prefix) -> Entries<'_> {
        self.tree.entries(prefix.first(), prefix.last())
    }

    /// The entries from one path to another, both included, in the order of their paths.
    #[must_use]
    pub fn entries_between(&self, first: Path, last: Path) -> Entries<'_> {
        self.tree.entries(first, last)
    }

    /// The counted entries from one path to another, both included, in the order of their paths. Parts
    /// of the tree without a counted entry cost nothing.
    #[must_use]
    pub fn counted_between(&self, first: Path, last: Path) -> Entries<'_> {
        self.tree.entries(first, last).counted()
    }

    /// What changed after a seq, ascending: for each path its newest change only.
    pub fn changes(&self, after_seq: u64) -> impl Iterator<Item = (u64, Path)> {
        self.feed.after(after_seq)
    }

    /// The highest seq that was ever put here, also of an entry that is gone; 0 when there was none.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// About how much memory this takes, in bytes: some 85 for each entry.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.tree.heap_bytes() + self.feed.heap_bytes()
    }
}
