//! Rows and replicas for the tests: few nodes, few rows, so that much meets.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline_protocol::dialects::peer::{
    now::Now,
    rows::{
        Changes, Digest, Edit, Hlc, Merged, Meta, NodeId, Replica, Row, Settings, TableName,
        VersionVector, Written,
    },
    store::{MemoryStore, Store as _},
};

/// Some wall time, in microseconds.
pub(crate) const NOON: i64 = 1_771_848_000_000_000;

pub(crate) fn at(micros: i64) -> Now {
    Now { wall_micros: NOON + micros, ..Now::default() }
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn table(name: &str) -> TableName {
    TableName::new(name).unwrap()
}

pub(crate) fn hlc(name: &str, micros: i64) -> Hlc {
    Hlc { micros: NOON + micros, counter: 0, node: node(name) }
}

pub(crate) fn vector<const N: usize>(all: [Hlc; N]) -> VersionVector {
    all.into_iter().collect()
}

/// A row of `tasks`.
pub(crate) fn row(id: &str, value: &str, hlc: Hlc) -> Row {
    let (table, id, value) = (table("tasks"), id.to_owned(), Some(value.to_owned()));
    Row { table, id, value, deleted: false, hlc, author: None }
}

pub(crate) fn edit(id: &str, value: Option<&str>) -> Edit {
    Edit { table: table("tasks"), id: id.to_owned(), value: value.map(str::to_owned) }
}

/// Rows as a changeset of someone who says nothing of them.
pub(crate) fn bare(rows: Vec<Row>) -> Changes {
    Changes { rows, ..Changes::default() }
}

pub(crate) fn with_meta(rows: Vec<Row>, meta: Meta) -> Changes {
    Changes { rows, meta: Some(meta), bad: Vec::new() }
}

pub(crate) fn any_hlc() -> impl Strategy<Value = Hlc> {
    (0..4_i64, 0..2_u16, "[abc]")
        .prop_map(|(micros, counter, node)| Hlc { counter, ..hlc(&node, micros) })
}

pub(crate) fn any_row() -> impl Strategy<Value = Row> {
    let tables = prop_oneof![Just("tasks"), Just("members"), Just("notes")].prop_map(table);
    let value = proptest::option::of("[xy]{0,2}");
    (tables, "[pqr]", value, any::<bool>(), any_hlc()).prop_map(
        |(table, id, value, deleted, hlc)| Row { table, id, value, deleted, hlc, author: None },
    )
}

pub(crate) fn settings(name: &str) -> Settings {
    Settings { tables: vec![table("tasks"), table("notes")], ..Settings::new(node(name)) }
}

/// A replica with its store.
pub(crate) struct Holder {
    pub(crate) replica: Replica,
    pub(crate) store: MemoryStore,
}

impl Holder {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(settings(name))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let store = MemoryStore::default();
        Self { replica: Replica::open(&store, settings).unwrap(), store }
    }

    pub(crate) fn reopen(&mut self, settings: Settings) {
        self.replica = Replica::open(&self.store, settings).unwrap();
    }

    pub(crate) fn sync(&mut self) {
        self.store.sync().unwrap();
    }

    pub(crate) fn merge(&mut self, changes: Changes, now: Now) -> Merged {
        self.replica.merge(&mut self.store, changes, now, &mut |_, _| true).unwrap()
    }

    pub(crate) fn write(&mut self, edits: Vec<Edit>, now: Now) -> Changes {
        let written = self.replica.write(&mut self.store, edits, now, &mut |_, _| true);
        let Written { changes } = written.unwrap();
        changes
    }

    pub(crate) fn get(&self, table: &str, id: &str) -> Option<Row> {
        self.replica.get(&self.store, table, id).unwrap()
    }

    /// All rows, also those that were deleted, as whoever holds nothing is sent them.
    pub(crate) fn all(&self) -> BTreeMap<(String, String), Row> {
        let rows = self.answer(&VersionVector::default()).into_iter().flat_map(|part| part.rows);
        rows.map(|row| ((row.table.to_string(), row.id.clone()), row)).collect()
    }

    pub(crate) fn answer(&self, clock: &VersionVector) -> Vec<Changes> {
        self.parts(clock, usize::MAX)
    }

    /// The answer in parts of so many rows.
    pub(crate) fn parts(&self, clock: &VersionVector, rows_max: usize) -> Vec<Changes> {
        let limits =
            syncline_protocol::dialects::peer::rows::PartLimits { rows_max, ..Default::default() };
        let mut answer = self.replica.answer(clock);
        let mut parts = Vec::new();
        while let Some(part) = self.replica.next_part(&self.store, &mut answer, limits).unwrap() {
            parts.push(part);
        }
        parts
    }

    pub(crate) fn digest(&self) -> Digest {
        self.replica.digest()
    }
}
