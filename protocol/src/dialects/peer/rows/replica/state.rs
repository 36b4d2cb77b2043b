//! The replica itself, and reading it.

use std::collections::BTreeSet;

use super::{
    super::{
        super::store::{Space, Store, StoreFailed},
        clock::Clock,
        hlc::Hlc,
        node::NodeId,
        row::{BUILT_IN, Row, TableName},
        vector::VersionVector,
    },
    frontier::Frontier,
    heads::{Heads, Key, TABLES_MAX},
    seen::Seen,
    settings::Settings,
    stored::{self, Path},
};

/// The rows that one participant holds in one room.
///
/// Values lie in the store, which every call is given; it must be the same one each time. What a call
/// changes is applied in one go, and durable after the next [`Store::sync`]. After a call that failed with
/// [`StoreFailed`] the replica is of no use any more.
#[derive(Debug)]
pub struct Replica {
    pub(super) settings: Settings,
    /// The tables that are kept in any case.
    pub(super) registered: BTreeSet<TableName>,
    pub(super) clock: Clock,
    pub(super) heads: Heads,
    pub(super) frontier: Frontier,
    pub(super) seen: Seen,
    /// Deletions before this time, in microseconds, are out of the digest.
    pub(super) retired_before: i64,
}

impl Replica {
    /// Reads all rows of a store once, for their heads and the digest.
    ///
    /// # Errors
    /// [`StoreFailed`], also when something in it is no row, or when there are more tables than may be.
    pub fn open(store: &dyn Store, settings: Settings) -> Result<Self, StoreFailed> {
        let built_in = BUILT_IN.iter().filter_map(|name| TableName::new(name));
        let registered: BTreeSet<_> = built_in.chain(settings.tables.iter().cloned()).collect();
        let frontier = Frontier::load(store)?;
        let mut clock = Clock::new(settings.node.clone());
        frontier.known().iter().for_each(|hlc| clock.observe(hlc));
        let mut heads = Heads::default();
        let mut failed = None;
        store.each(Space::Rows, &mut |key, value| {
            if failed.is_none() {
                failed = load(&mut heads, &mut clock, key, value).err();
            }
        })?;
        match failed {
            Some(failed) => Err(failed),
            None => Ok(Self {
                settings,
                registered,
                clock,
                heads,
                frontier,
                seen: Seen::load(store)?,
                retired_before: i64::MIN,
            }),
        }
    }

    /// Whose writes it makes.
    #[must_use]
    pub fn node(&self) -> &NodeId {
        self.clock.node()
    }

    /// A row, also one that was deleted.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn get(
        &self,
        store: &dyn Store,
        table: &str,
        id: &str,
    ) -> Result<Option<Row>, StoreFailed> {
        let Some((table, heads)) = self.heads.table(table) else { return Ok(None) };
        let path = Path::of(&heads.name, id);
        match self.heads.head(Key { table, path }) {
            Some(_) => read(store, path).map(Some),
            None => Ok(None),
        }
    }

    /// Calls `each` with the rows of a table that are not deleted, in no order.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn each(
        &self,
        store: &dyn Store,
        table: &str,
        each: &mut dyn FnMut(Row),
    ) -> Result<(), StoreFailed> {
        let heads = self.heads.table(table).into_iter().flat_map(|(_, table)| &table.heads);
        for (path, _) in heads.filter(|(_, head)| !head.deleted) {
            each(read(store, *path)?);
        }
        Ok(())
    }

    /// The rows of a table that are not deleted, by id. All of them are in memory then.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn table(&self, store: &dyn Store, table: &str) -> Result<Vec<Row>, StoreFailed> {
        let mut rows = Vec::new();
        self.each(store, table, &mut |row| rows.push(row))?;
        rows.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok(rows)
    }

    /// The rows of a table with those that are deleted, in no order. All of them are in memory then.
    ///
    /// # Errors
    /// [`StoreFailed`].
    pub fn all(&self, store: &dyn Store, table: &str) -> Result<Vec<Row>, StoreFailed> {
        let heads = self.heads.table(table).into_iter().flat_map(|(_, table)| &table.heads);
        heads.map(|(path, _)| read(store, *path)).collect()
    }

    /// Whether rows of a table of this name are kept.
    #[must_use]
    pub fn keeps(&self, table: &str) -> bool {
        self.settings.any_table || self.registered.contains(table)
    }

    /// The tables that have or had rows, and how many of each are not deleted.
    pub fn tables(&self) -> impl Iterator<Item = (&TableName, u64)> {
        self.heads.tables.iter().map(|table| (&table.name, table.live))
    }

    /// Rows, with those that are deleted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether it holds nothing, not even a deletion.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to where everything of each node is here: the clock of a `SYNC_REQ`, and `vc` elsewhere.
    #[must_use]
    pub fn frontier(&self) -> &VersionVector {
        self.frontier.known()
    }

    /// The same of as many nodes as fit into so many bytes of JSON: those with rows here before others. Who is
    /// told of fewer sends what is here already, and leaves out nothing.
    #[must_use]
    pub fn frontier_within(&self, bytes_max: usize) -> VersionVector {
        let all = self.frontier();
        if all.to_json().len() <= bytes_max {
            return all.clone();
        }
        let (with_rows, others): (Vec<_>, Vec<_>) =
            all.iter().partition(|hlc| self.heads.has_node(&hlc.node));
        let mut bytes = 2;
        let fits = |hlc: &&Hlc| {
            let alone: VersionVector = [(*hlc).clone()].into_iter().collect();
            bytes += alone.to_json().len();
            bytes <= bytes_max
        };
        with_rows.into_iter().chain(others).take_while(fits).cloned().collect()
    }

    /// Live changesets that are here although something before them is not, as far as they are counted.
    #[must_use]
    pub fn gaps(&self) -> usize {
        self.frontier.waiting()
    }
}

/// The row that lies there.
pub(super) fn read(store: &dyn Store, path: Path) -> Result<Row, StoreFailed> {
    let bytes = store.get(Space::Rows, &path.0)?;
    stored::decode(&bytes.ok_or_else(|| StoreFailed("a row in it is missing".into()))?)
}

fn load(heads: &mut Heads, clock: &mut Clock, key: &[u8], value: &[u8]) -> Result<(), StoreFailed> {
    let row = stored::decode(value)?;
    let path = Path::of(&row.table, &row.id);
    if key != path.0 {
        return Err(StoreFailed("a row in it lies where another belongs".into()));
    }
    let full = heads.table(&row.table).is_none() && heads.tables.len() >= TABLES_MAX;
    if full || !heads.takes_node(&row.hlc.node, 0) {
        return Err(StoreFailed("it has more tables or nodes than may be".into()));
    }
    clock.observe(&row.hlc);
    let table = heads.table_number(&row.table);
    heads.put(Key { table, path }, &row, None, false);
    Ok(())
}
