//! Going over the entries of a part of the tree in the order of their paths.

use std::{iter::FusedIterator, slice::Iter};

use super::super::digest::Path;
use super::Entry;
use super::bucket::{self, Packed};
use super::node::{Held, Node, digit};

/// The entries from one path to another, ascending. Finding the first costs a descent.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    /// The nodes that come next, the nearest last.
    open: Vec<Iter<'a, Node>>,
    here: Iter<'a, Packed>,
    last: u128,
    /// Leaves out what no sum covers, whole nodes at once.
    counted_only: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(top: &'a Node, Path(first): Path, Path(last): Path) -> Self {
        let (mut open, mut node, mut depth) = (Vec::new(), top, 0);
        loop {
            match &node.held {
                Held::Nodes(nodes) => {
                    let at = digit(first, depth);
                    open.push(nodes.nodes[at + 1..].iter());
                    node = &nodes.nodes[at];
                }
                Held::Bucket(entries) => {
                    let here = entries[bucket::before(entries, first, depth)..].iter();
                    return Self { open, here, last, counted_only: false };
                }
            }
            depth += 1;
        }
    }

    pub(super) fn counted(self) -> Self {
        Self { counted_only: true, ..self }
    }

    /// Goes on to the next bucket, as long as there is one.
    fn advance(&mut self) -> Option<()> {
        loop {
            let Some(node) = self.open.last_mut()?.next() else {
                self.open.pop();
                continue;
            };
            if self.counted_only && node.totals.count == 0 {
                continue;
            }
            match &node.held {
                Held::Nodes(nodes) => self.open.push(nodes.nodes.iter()),
                Held::Bucket(entries) => {
                    self.here = entries.iter();
                    return Some(());
                }
            }
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            match self.here.next() {
                Some(entry) if entry.path() <= self.last => {
                    if entry.is_counted() || !self.counted_only {
                        return Some(entry.entry());
                    }
                }
                Some(_) => {
                    self.here = [].iter();
                    self.open.clear();
                    return None;
                }
                None => self.advance()?,
            }
        }
    }
}

impl FusedIterator for Entries<'_> {}
