//! A node of the tree: a bucket of entries, or sixteen nodes, each under its sums.
//! Knows digits and depth; nothing of the feed.

use super::super::digest::{PATH_DIGITS, Totals};
use super::bucket::{self, Packed};

/// A bucket with more entries than this becomes sixteen.
const BUCKET_MAX: usize = 64;
/// Sixteen nodes with so few entries become one bucket.
const BUCKET_AGAIN: usize = 16;

/// A node and the sums of what it holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) totals: Totals,
    pub(super) held: Held,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Bucket(Vec<Packed>),
    Nodes(Box<Nodes>),
}

/// One node for each value of the next digit.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    pub(super) nodes: [Node; 16],
    pub(super) len: usize,
}

impl Default for Held {
    fn default() -> Self {
        Self::Bucket(Vec::new())
    }
}

/// The digit of a path at a depth.
pub(super) fn digit(path: u128, depth: u8) -> usize {
    (path >> (124 - 4 * u32::from(depth)) & 15) as usize
}

impl Node {
    /// The node at a depth that holds these entries, which are sorted and differ in path.
    pub(super) fn build(entries: &[Packed], depth: u8) -> Self {
        if entries.len() <= BUCKET_MAX || depth == PATH_DIGITS {
            let totals = bucket::totals(entries);
            return Self { totals, held: Held::Bucket(entries.to_vec()) };
        }
        let (mut totals, mut rest) = (Totals::default(), entries);
        let nodes = std::array::from_fn(|at| {
            let here = rest.partition_point(|entry| digit(entry.path(), depth) == at);
            let (ours, others) = rest.split_at(here);
            rest = others;
            let node = Self::build(ours, depth + 1);
            totals.add(&node.totals);
            node
        });
        Self { totals, held: Held::Nodes(Box::new(Nodes { nodes, len: entries.len() })) }
    }

    /// Entries below this node, counted or not.
    pub(super) fn len(&self) -> usize {
        match &self.held {
            Held::Bucket(entries) => entries.len(),
            Held::Nodes(nodes) => nodes.len,
        }
    }

    /// Puts an entry below this node; the one it replaces.
    pub(super) fn insert(&mut self, entry: &Packed, depth: u8) -> Option<Packed> {
        let old = match &mut self.held {
            Held::Nodes(nodes) => {
                let old = nodes.nodes[digit(entry.path(), depth)].insert(entry, depth + 1);
                if old.is_none() {
                    nodes.len += 1;
                }
                old
            }
            Held::Bucket(entries) => bucket::insert(entries, entry, depth),
        };
        if let Some(old) = &old {
            old.take_from(&mut self.totals);
        }
        entry.add_to(&mut self.totals);
        if let Held::Bucket(entries) = &self.held
            && entries.len() > BUCKET_MAX
        {
            self.held = Self::build(entries, depth).held;
        }
        old
    }

    /// Takes the entry with a path out.
    pub(super) fn remove(&mut self, path: u128, depth: u8) -> Option<Packed> {
        let old = match &mut self.held {
            Held::Nodes(nodes) => {
                let old = nodes.nodes[digit(path, depth)].remove(path, depth + 1)?;
                nodes.len -= 1;
                old
            }
            Held::Bucket(entries) => bucket::remove(entries, path, depth)?,
        };
        old.take_from(&mut self.totals);
        if let Held::Nodes(nodes) = &self.held
            && nodes.len <= BUCKET_AGAIN
        {
            let mut entries = Vec::with_capacity(nodes.len);
            nodes.nodes.iter().for_each(|node| node.gather(&mut entries));
            self.held = Held::Bucket(entries);
        }
        Some(old)
    }

    fn gather(&self, into: &mut Vec<Packed>) {
        match &self.held {
            Held::Bucket(entries) => into.extend_from_slice(entries),
            Held::Nodes(nodes) => nodes.nodes.iter().for_each(|node| node.gather(into)),
        }
    }

    /// Bytes on the heap below this node, by going there.
    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.held {
            Held::Bucket(entries) => entries.capacity() * size_of::<Packed>(),
            Held::Nodes(nodes) => {
                size_of::<Nodes>() + nodes.nodes.iter().map(Self::heap_bytes).sum::<usize>()
            }
        }
    }
}
