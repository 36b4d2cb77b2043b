//! What is in memory of each row: when it was written and by whom, and the sums of the tables.
//!
//! Knows no value and no store.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use crate::set_hash::{Sum, Totals};

use super::{
    super::{
        hlc::Hlc,
        node::NodeId,
        row::{Row, TableName},
        vector::VECTOR_NODES_MAX,
    },
    stored::Path,
};

/// Tables, at most: their numbers are a byte.
pub(super) const TABLES_MAX: usize = 255;

/// Which row: the number of its table and its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) table: u8,
    pub(super) path: Path,
}

/// What is known of a row without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) micros: i64,
    pub(super) counter: u16,
    /// The number of its node.
    pub(super) node: u16,
    pub(super) deleted: bool,
    /// A deletion that is out of the digest.
    pub(super) retired: bool,
}

/// A row among those of its node, in the order in which they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) micros: i64,
    pub(super) counter: u16,
    pub(super) key: Key,
}

impl Place {
    /// Behind all that a node wrote up to this time.
    pub(super) fn behind(hlc: &Hlc) -> Self {
        let key = Key { table: u8::MAX, path: Path::MAX };
        Self { micros: hlc.micros, counter: hlc.counter, key }
    }

    pub(super) fn time(&self) -> (i64, u16) {
        (self.micros, self.counter)
    }
}

/// The rows of one table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: TableName,
    pub(super) heads: BTreeMap<Path, Head>,
    /// The hashes of the rows, without those that are retired.
    pub(super) totals: Totals,
    /// Rows that are not deleted.
    pub(super) live: u64,
}

/// The heads of all rows.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) tables: Vec<Table>,
    nodes: Vec<NodeId>,
    numbers: BTreeMap<NodeId, u16>,
    /// By node number, its rows in order.
    written: Vec<BTreeSet<Place>>,
    rows: usize,
}

impl Heads {
    /// Rows, with those that are deleted.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn table(&self, name: &str) -> Option<(u8, &Table)> {
        let at = self.tables.iter().position(|table| *table.name == *name)?;
        Some((at as u8, &self.tables[at]))
    }

    /// The number of a table, which is made when it is not there yet: at most [`TABLES_MAX`].
    pub(super) fn table_number(&mut self, name: &TableName) -> u8 {
        if let Some((number, _)) = self.table(name) {
            return number;
        }
        debug_assert!(self.tables.len() < TABLES_MAX);
        let (heads, totals) = (BTreeMap::new(), Totals::default());
        self.tables.push(Table { name: name.clone(), heads, totals, live: 0 });
        (self.tables.len() - 1) as u8
    }

    /// Whether a node is known, or one more than so many others may be.
    pub(super) fn takes_node(&self, node: &NodeId, others: usize) -> bool {
        self.numbers.contains_key(node) || self.nodes.len() + others < VECTOR_NODES_MAX
    }

    /// Whether a node wrote something that was here since the replica was opened.
    pub(super) fn has_node(&self, node: &NodeId) -> bool {
        self.numbers.contains_key(node)
    }

    fn node_number(&mut self, node: &NodeId) -> u16 {
        if let Some(number) = self.numbers.get(node) {
            return *number;
        }
        let number = self.nodes.len() as u16;
        self.nodes.push(node.clone());
        self.numbers.insert(node.clone(), number);
        self.written.push(BTreeSet::new());
        number
    }

    pub(super) fn node(&self, number: u16) -> Option<&NodeId> {
        self.nodes.get(usize::from(number))
    }

    pub(super) fn head(&self, key: Key) -> Option<&Head> {
        self.tables.get(usize::from(key.table))?.heads.get(&key.path)
    }

    /// The timestamp of a row.
    pub(super) fn hlc(&self, head: &Head) -> Hlc {
        let node = self.nodes[usize::from(head.node)].clone();
        Hlc { micros: head.micros, counter: head.counter, node }
    }

    /// What a node wrote behind a place, in order.
    pub(super) fn written_by(
        &self,
        node: u16,
        behind: Option<Place>,
    ) -> impl Iterator<Item = &Place> {
        let from = behind.map_or(Bound::Unbounded, Bound::Excluded);
        self.written[usize::from(node)].range((from, Bound::Unbounded))
    }

    /// Puts a row in the place of the one with this hash, if there is one. A retired one is out of the
    /// digest.
    pub(super) fn put(&mut self, key: Key, row: &Row, before: Option<[u8; 32]>, retired: bool) {
        self.remove(key, before);
        let node = self.node_number(&row.hlc.node);
        let (micros, counter) = row.hlc.place();
        self.written[usize::from(node)].insert(Place { micros, counter, key });
        let table = &mut self.tables[usize::from(key.table)];
        if !retired {
            table.totals.insert(&row.leaf());
        }
        table.live += u64::from(!row.deleted);
        let head = Head { micros, counter, node, deleted: row.deleted, retired };
        table.heads.insert(key.path, head);
        self.rows += 1;
    }

    /// Takes out the row of this hash, if it is there.
    pub(super) fn remove(&mut self, key: Key, leaf: Option<[u8; 32]>) {
        let table = &mut self.tables[usize::from(key.table)];
        let Some(Head { micros, counter, node, deleted, retired }) = table.heads.remove(&key.path)
        else {
            return;
        };
        if let Some(leaf) = leaf.filter(|_| !retired) {
            table.totals.remove(&leaf);
        }
        table.live -= u64::from(!deleted);
        self.written[usize::from(node)].remove(&Place { micros, counter, key });
        self.rows -= 1;
    }

    /// Takes a row of this hash out of the digest, not out of the table.
    pub(super) fn retire(&mut self, key: Key, leaf: &[u8; 32]) {
        let table = &mut self.tables[usize::from(key.table)];
        if let Some(head) = table.heads.get_mut(&key.path).filter(|head| !head.retired) {
            head.retired = true;
            table.totals.remove(Sum::from(leaf));
        }
    }
}
