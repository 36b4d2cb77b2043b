//! Rows that are to be written together, before any of them is.

use std::collections::BTreeMap;

use super::{
    super::{
        super::store::{Change, Space, Store, StoreFailed},
        row::Row,
    },
    frontier,
    heads::Key,
    state::Replica,
    stored::{self, Path},
};

/// The rows of one call, the last version of each.
#[derive(Default)]
pub(super) struct Staged {
    rows: Vec<New>,
    by_key: BTreeMap<Key, usize>,
}

struct New {
    key: Key,
    row: Row,
    /// The hash of the row in whose place it comes.
    before: Option<[u8; 32]>,
}

impl Staged {
    /// The row that is to be written there.
    pub(super) fn get(&self, key: Key) -> Option<&Row> {
        self.by_key.get(&key).map(|at| &self.rows[*at].row)
    }

    /// How many rows there will be more.
    pub(super) fn put(&mut self, key: Key, row: Row, before: Option<&Row>) -> usize {
        if let Some(at) = self.by_key.get(&key) {
            self.rows[*at].row = row;
            return 0;
        }
        self.by_key.insert(key, self.rows.len());
        self.rows.push(New { key, row, before: before.map(Row::leaf) });
        usize::from(before.is_none())
    }
}

impl Replica {
    /// The key of a row; its table is made when it is not there yet.
    pub(super) fn key(&mut self, row: &Row) -> Key {
        let table = self.heads.table_number(&row.table);
        Key { table, path: Path::of(&row.table, &row.id) }
    }

    /// Writes what was staged and what the frontier came to know, all or nothing, and then knows the rows.
    pub(super) fn commit(
        &mut self,
        store: &mut dyn Store,
        staged: Staged,
    ) -> Result<Vec<Row>, StoreFailed> {
        let rows = staged.rows.iter().map(|new| Change {
            space: Space::Rows,
            key: new.key.path.0.to_vec(),
            value: Some(stored::encode(&new.row)),
        });
        let fresh = self.frontier.fresh();
        let changes: Vec<_> = rows.chain(fresh.iter().map(frontier::mark)).collect();
        if !changes.is_empty() {
            store.apply(changes)?;
        }
        for New { key, row, before } in &staged.rows {
            let retired = row.deleted && row.hlc.micros < self.retired_before;
            self.heads.put(*key, row, *before, retired);
            self.clock.observe(&row.hlc);
        }
        // A write below what is known of its node would never be asked for.
        fresh.iter().for_each(|hlc| self.clock.observe(hlc));
        Ok(staged.rows.into_iter().map(|new| new.row).collect())
    }
}
