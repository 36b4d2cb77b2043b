//! The tree of paths: one node, and the questions that are put to it from the top.

use super::super::digest::{PATH_DIGITS, Path, Prefix, Totals};
use super::bucket::{self, Packed};
use super::node::{Held, Node, digit};
use super::{Entries, Entry};

/// What an entry takes: itself, the room its bucket keeps for others, its share of the nodes above.
const ENTRY_BYTES: usize = size_of::<Packed>() + 12;

/// The entries by path, with sums.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    top: Node,
}

impl Tree {
    pub(super) fn build(entries: Vec<Entry>) -> Self {
        let mut packed: Vec<Packed> = entries.into_iter().map(Packed::from).collect();
        packed.sort_unstable_by_key(|entry| (entry.path(), std::cmp::Reverse(entry.seq())));
        packed.dedup_by_key(|entry| entry.path());
        Self { top: Node::build(&packed, 0) }
    }

    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        self.top.insert(&entry.into(), 0).map(|old| old.entry())
    }

    pub(super) fn remove(&mut self, Path(path): Path) -> Option<Entry> {
        self.top.remove(path, 0).map(|old| old.entry())
    }

    pub(super) fn get(&self, Path(path): Path) -> Option<Entry> {
        let (mut node, mut depth) = (&self.top, 0);
        loop {
            match &node.held {
                Held::Nodes(nodes) => node = &nodes.nodes[digit(path, depth)],
                Held::Bucket(entries) => {
                    let at = bucket::find(entries, path, depth).ok()?;
                    return Some(entries[at].entry());
                }
            }
            depth += 1;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.top.len()
    }

    pub(super) fn root(&self) -> Totals {
        self.top.totals
    }

    pub(super) fn totals(&self, prefix: &Prefix) -> Totals {
        let (Path(first), Path(last)) = (prefix.first(), prefix.last());
        let mut node = &self.top;
        for depth in 0..prefix.digits() {
            match &node.held {
                Held::Nodes(nodes) => node = &nodes.nodes[digit(first, depth)],
                Held::Bucket(entries) => {
                    return bucket::totals(bucket::between(entries, first, last));
                }
            }
        }
        node.totals
    }

    pub(super) fn below(&self, Path(path): Path) -> Totals {
        let (mut node, mut depth, mut totals) = (&self.top, 0, Totals::default());
        loop {
            match &node.held {
                Held::Nodes(nodes) => {
                    let at = digit(path, depth);
                    nodes.nodes[..at].iter().for_each(|before| totals.add(&before.totals));
                    node = &nodes.nodes[at];
                }
                Held::Bucket(entries) => {
                    totals.add(&bucket::totals(&entries[..bucket::before(entries, path, depth)]));
                    return totals;
                }
            }
            depth += 1;
        }
    }

    pub(super) fn nth(&self, mut rank: u64) -> Option<Path> {
        let mut node = &self.top;
        loop {
            match &node.held {
                Held::Nodes(nodes) => {
                    node = nodes.nodes.iter().find(|node| {
                        let inside = rank < node.totals.count;
                        rank -= if inside { 0 } else { node.totals.count };
                        inside
                    })?;
                }
                Held::Bucket(entries) => {
                    let mut counted = entries.iter().filter(|entry| entry.is_counted());
                    let found = counted.nth(usize::try_from(rank).ok()?)?;
                    return Some(Path(found.path()));
                }
            }
        }
    }

    pub(super) fn children(&self, prefix: &Prefix, levels: u8) -> Vec<(Prefix, Totals)> {
        let (Path(first), Path(last)) = (prefix.first(), prefix.last());
        let digits = prefix.digits().saturating_add(levels).min(PATH_DIGITS);
        let (mut node, mut found) = (&self.top, Vec::new());
        for depth in 0..prefix.digits() {
            match &node.held {
                Held::Nodes(nodes) => node = &nodes.nodes[digit(first, depth)],
                Held::Bucket(entries) => {
                    add_runs(bucket::between(entries, first, last), digits, &mut found);
                    return found;
                }
            }
        }
        add_children(node, *prefix, digits, &mut found);
        found
    }

    pub(super) fn entries(&self, first: Path, last: Path) -> Entries<'_> {
        Entries::new(&self.top, first, last)
    }

    /// About the bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.len() * ENTRY_BYTES
    }
}

/// Adds the prefixes of so many digits below a node, which stands at `prefix`.
fn add_children(node: &Node, prefix: Prefix, digits: u8, found: &mut Vec<(Prefix, Totals)>) {
    if node.totals.count == 0 {
        return;
    }
    if prefix.digits() == digits {
        found.push((prefix, node.totals));
        return;
    }
    match &node.held {
        Held::Bucket(entries) => add_runs(entries, digits, found),
        Held::Nodes(nodes) => {
            for (digit, node) in (0..).zip(&nodes.nodes) {
                add_children(node, prefix.child(digit), digits, found);
            }
        }
    }
}

/// Adds the prefixes of so many digits that the entries of a sorted run have.
fn add_runs(entries: &[Packed], digits: u8, found: &mut Vec<(Prefix, Totals)>) {
    let mut rest = entries;
    while let Some(entry) = rest.first() {
        let prefix = Prefix::new(Path(entry.path()), digits);
        let (run, others) =
            rest.split_at(rest.partition_point(|entry| Path(entry.path()) <= prefix.last()));
        rest = others;
        let totals = bucket::totals(run);
        if totals.count > 0 {
            found.push((prefix, totals));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::digest::Leaf;
    use super::*;

    fn tree(paths: impl Iterator<Item = u128>) -> Tree {
        let mut tree = Tree::default();
        for (path, seq) in paths.zip(1..) {
            let leaf = Leaf([path as u8; 32]);
            tree.insert(Entry { path: Path(path), leaf, seq, counted: true });
        }
        tree
    }

    #[test]
    fn the_bytes_are_about_those_told() {
        for records in [0, 1000, 10_000, 30_000, 100_000] {
            let tree = tree((0..records).map(|n| Path::of(&format!("{n}")).0));
            let (told, bytes) = (tree.heap_bytes(), tree.top.heap_bytes());
            assert!(told.abs_diff(bytes) <= bytes / 5, "{told} told, {bytes} of {records}");
        }
    }

    #[test]
    fn paths_that_begin_alike_cost_a_chain_of_nodes_at_most() {
        // As many as make a node of a bucket, in each of a hundred places, alike but for the last bits.
        let path = |n: u128| ((n / 65) << 120) | (n % 65);
        let mut tree = tree((0..6500).map(path));
        assert!(tree.top.heap_bytes() < 600 * tree.len(), "{}", tree.top.heap_bytes());
        assert_eq!(tree.below(Path(path(3259))).count, 3259);
        assert_eq!(tree.nth(3259), Some(Path(path(3259))));
        (0..6500).for_each(|n| assert!(tree.remove(Path(path(n))).is_some()));
        assert_eq!(tree.root(), Totals::default());
        assert!(tree.top.heap_bytes() < 1000, "{}", tree.top.heap_bytes());
    }
}
