//! Takes changesets of others: row by row what is newer and allowed, written in one go.

use std::{cmp::Ordering, collections::BTreeSet};

use super::{
    super::{
        super::{
            now::Now,
            store::{Store, StoreFailed},
        },
        changes::{BadRow, Changes, Kind, Meta, Wrong},
        clock::is_ahead,
        node::NodeId,
        row::{Row, TableName},
        vector::{VECTOR_NODES_MAX, VersionVector},
    },
    frontier::Span,
    heads::TABLES_MAX,
    staged::Staged,
    state::{Replica, read},
};

/// Nodes that are known up to somewhere, at most, before no more are that have no row here.
const CLAIMED_NODES_MAX: usize = VECTOR_NODES_MAX / 4;

/// What became of a changeset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The rows that are new here, each in its last version.
    pub changed: Vec<Row>,
    /// How many rows change nothing: they are here already, or newer ones are.
    pub unchanged: usize,
    /// The rows that were not taken.
    pub unmerged: Vec<Unmerged>,
    /// Something before this changeset is missing: time for a `SYNC_REQ`.
    pub gap: bool,
    /// The frontier is further than it was.
    pub advanced: bool,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmerged {
    /// Its table; `None` when that is no name for one.
    pub table: Option<TableName>,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Why not.
    pub why: Refused,
}

/// Why a row was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// It is no row.
    Bad(Wrong),
    /// It is written further ahead than may be. It may come again later.
    Ahead,
    /// Its table is not registered.
    UnknownTable,
    /// There are as many tables as may be.
    TooManyTables,
    /// There are as many rows as may be.
    TooManyRows,
    /// There are as many nodes as may be.
    TooManyNodes,
    /// The caller said no.
    Denied,
}

impl Refused {
    /// Whether it would be taken at another time, so that its node is not known up to there.
    fn is_passing(self) -> bool {
        matches!(self, Self::Ahead | Self::TooManyTables | Self::TooManyRows | Self::TooManyNodes)
    }
}

/// One merge on its way.
#[derive(Default)]
struct Merging {
    staged: Staged,
    merged: Merged,
    /// Rows that are new, not only newer.
    new_rows: usize,
    new_nodes: BTreeSet<NodeId>,
    /// Nodes of which something was left out that may come again.
    held_back: BTreeSet<NodeId>,
}

impl Replica {
    /// Takes a changeset. Of each row that would change something, and that may be kept at all, `judge` is
    /// asked with the row that is here before this changeset; it says whether the row is taken, and may take
    /// an author from it that signed something else. What is taken is written at once with the frontier.
    ///
    /// # Errors
    /// [`StoreFailed`]; then nothing of it is in the store.
    pub fn merge(
        &mut self,
        store: &mut dyn Store,
        changes: Changes,
        now: Now,
        judge: &mut dyn FnMut(&mut Row, Option<&Row>) -> bool,
    ) -> Result<Merged, StoreFailed> {
        let Changes { rows, meta, bad } = changes;
        let mut merging = Merging::default();
        let told = bad.into_iter().map(|BadRow { table, id, wrong }| Unmerged {
            table,
            id,
            why: Refused::Bad(wrong),
        });
        merging.merged.unmerged.extend(told);
        let spans: Vec<_> = meta.iter().flat_map(|meta| spans(meta, &rows)).collect();
        for row in rows {
            self.merge_row(store, row, now, judge, &mut merging)?;
        }
        let Merging { staged, mut merged, held_back, new_nodes, .. } = merging;
        for span in spans {
            let to = &span.to;
            let is_ahead = is_ahead(to, now, self.settings.drift_ms_max);
            let has_rows = self.heads.has_node(&to.node) || new_nodes.contains(&to.node);
            if !held_back.contains(&to.node) && !is_ahead && self.takes_claim(&to.node, has_rows) {
                merged.gap |= self.frontier.take(span);
            }
        }
        merged.advanced = self.frontier.has_fresh();
        merged.changed = self.commit(store, staged)?;
        Ok(merged)
    }

    /// Whether it is remembered up to where a node is known here. Anybody can name nodes that never were:
    /// they leave room for those with rows here, and these for the own one.
    fn takes_claim(&self, node: &NodeId, has_rows: bool) -> bool {
        let known = self.frontier();
        let most = if has_rows { VECTOR_NODES_MAX - 1 } else { CLAIMED_NODES_MAX };
        known.get(node).is_some() || known.len() < most
    }

    fn merge_row(
        &mut self,
        store: &dyn Store,
        mut row: Row,
        now: Now,
        judge: &mut dyn FnMut(&mut Row, Option<&Row>) -> bool,
        merging: &mut Merging,
    ) -> Result<(), StoreFailed> {
        if let Err(why) = self.may_keep(&row, now, merging.new_nodes.len()) {
            merging.refuse(row, why);
            return Ok(());
        }
        let key = self.key(&row);
        let local = match self.heads.head(key) {
            // The row itself is read only when it counts.
            Some(head) if self.heads.hlc(head) > row.hlc => {
                merging.merged.unchanged += 1;
                return Ok(());
            }
            Some(_) => Some(read(store, key.path)?),
            None => None,
        };
        let best = merging.staged.get(key).or(local.as_ref());
        let old = best.is_some_and(|best| row.order(best) != Ordering::Greater);
        if old || best.is_none() && self.was_forgotten(&row) {
            merging.merged.unchanged += 1;
        } else if local.is_none() && self.len() + merging.new_rows >= self.settings.rows_max {
            merging.refuse(row, Refused::TooManyRows);
        } else if judge(&mut row, local.as_ref()) {
            if !self.heads.has_node(&row.hlc.node) {
                merging.new_nodes.insert(row.hlc.node.clone());
            }
            merging.new_rows += merging.staged.put(key, row, local.as_ref());
        } else {
            merging.refuse(row, Refused::Denied);
        }
        Ok(())
    }

    /// Whether this deletion was here and was forgotten.
    fn was_forgotten(&self, row: &Row) -> bool {
        let retired = row.deleted && row.hlc.micros < self.retired_before;
        retired && self.frontier().covers(&row.hlc)
    }

    /// Whether a row may be kept, whatever is here, besides so many new nodes.
    fn may_keep(&self, row: &Row, now: Now, new_nodes: usize) -> Result<(), Refused> {
        if is_ahead(&row.hlc, now, self.settings.drift_ms_max) {
            return Err(Refused::Ahead);
        }
        if !self.heads.takes_node(&row.hlc.node, new_nodes) {
            return Err(Refused::TooManyNodes);
        }
        self.may_have(&row.table)
    }

    /// Whether there may be rows of a table.
    pub(super) fn may_have(&self, table: &TableName) -> Result<(), Refused> {
        if self.heads.table(table).is_some() {
            return Ok(());
        }
        if !self.settings.any_table && !self.registered.contains(table) {
            return Err(Refused::UnknownTable);
        }
        if self.heads.tables.len() >= TABLES_MAX {
            return Err(Refused::TooManyTables);
        }
        if self.registered.contains(table) {
            return Ok(());
        }
        let others =
            self.heads.tables.iter().filter(|table| !self.registered.contains(&table.name)).count();
        if self.registered.len() + others >= self.settings.tables_max {
            return Err(Refused::TooManyTables);
        }
        Ok(())
    }
}

impl Merging {
    fn refuse(&mut self, row: Row, why: Refused) {
        if why.is_passing() {
            self.held_back.insert(row.hlc.node);
        }
        self.merged.unmerged.push(Unmerged { table: Some(row.table), id: Some(row.id), why });
    }
}

/// What the sender says is all in it, by node.
fn spans(meta: &Meta, rows: &[Row]) -> Vec<Span> {
    if !matches!(meta.kind, Kind::Live | Kind::Sync) {
        return Vec::new();
    }
    // Where a live changeset tells the beginning alone, the last row of the node is the end.
    let begins = |node| meta.vc.get(node).is_none() && meta.prev.get(node).is_some();
    let rows = rows.iter().filter(|row| meta.kind == Kind::Live && begins(&row.hlc.node));
    let last: VersionVector = rows.map(|row| row.hlc.clone()).collect();
    let ends = meta.vc.iter().chain(last.iter());
    ends.map(|to| Span { from: meta.prev.get(&to.node).cloned(), to: to.clone() }).collect()
}
