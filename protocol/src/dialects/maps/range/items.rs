//! The items of a range: the counted entries of an index in the order of the protocol.

use std::iter::Peekable;

use super::super::digest::{Leaf, Path};
use super::super::index::{Entries, Index};
use super::bound::{Bound, paths_of, time_of};

/// A counted entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) path: Path,
    pub(super) leaf: Leaf,
}

impl Item {
    pub(super) fn time(&self) -> u64 {
        time_of(self.path)
    }
}

/// The items from one bound to another. Those of one time, which are hardly ever two, are sorted here.
pub(super) struct Items<'a> {
    entries: Peekable<Entries<'a>>,
    /// Items of one time, the next last.
    same_time: Vec<Item>,
    lower: Bound,
    upper: Bound,
}

impl<'a> Items<'a> {
    pub(super) fn new(index: &'a Index, lower: Bound, upper: Bound) -> Self {
        let (first, last) = (paths_of(lower.time).0, paths_of(upper.time).1);
        let entries = index.counted_between(first, last).peekable();
        Self { entries, same_time: Vec::new(), lower, upper }
    }

    /// Takes the items of the next time.
    fn gather(&mut self) -> Option<()> {
        let time = time_of(self.entries.peek()?.path);
        if time > self.upper.time {
            return None;
        }
        let (lower, upper) = (&self.lower, &self.upper);
        while let Some(entry) = self.entries.next_if(|entry| time_of(entry.path) == time) {
            let within = !lower.is_above(time, &entry.leaf) && upper.is_above(time, &entry.leaf);
            if within {
                self.same_time.push(Item { path: entry.path, leaf: entry.leaf });
            }
        }
        self.same_time.sort_unstable_by_key(|item| std::cmp::Reverse(item.leaf));
        Some(())
    }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        while self.same_time.is_empty() {
            self.gather()?;
        }
        self.same_time.pop()
    }
}
