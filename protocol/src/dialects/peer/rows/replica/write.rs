//! Writes of this participant.

use super::{
    super::{
        super::{
            now::Now,
            store::{Store, StoreFailed},
        },
        changes::{Changes, Kind, Meta},
        row::{ROW_ID_BYTES_MAX, Row, TableName, VALUE_BYTES_MAX},
        vector::{VECTOR_NODES_MAX, VersionVector},
    },
    frontier::Span,
    heads::Key,
    staged::Staged,
    state::{Replica, read},
    stored::Path,
};

/// Edits of one write, at most.
pub const EDITS_MAX: usize = 10_000;

/// Bytes of the ids and values of one write, at most: as JSON it goes into one stream.
pub const WRITE_BYTES_MAX: usize = 8 << 20;

/// One change that this participant makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Of which table.
    pub table: TableName,
    /// Which row.
    pub id: String,
    /// What it says from now on; `None` deletes it. Deleting what is not here does nothing.
    pub value: Option<String>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The rows, and where they follow: to be sent as it is. Without rows nothing was written.
    pub changes: Changes,
}

/// A write was refused; nothing of it was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The table is not registered, or one too many.
    #[error("the table {0} is not registered, or one too many")]
    Table(TableName),
    /// The id is empty or too long.
    #[error("an id has 1 to {ROW_ID_BYTES_MAX} bytes")]
    Id,
    /// The value is too long.
    #[error("a value has at most {VALUE_BYTES_MAX} bytes")]
    Value,
    /// There are too many edits, or too much in them.
    #[error("a write has at most {EDITS_MAX} edits and {WRITE_BYTES_MAX} bytes")]
    TooMuch,
    /// There are as many rows or nodes as may be.
    #[error("the room has as many rows or nodes as it may")]
    Full,
    /// The caller did not allow it.
    #[error("not permitted")]
    Denied,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreFailed),
}

impl Replica {
    /// Makes these edits, each with a timestamp of its own, all or none. Of each row `author` is asked with
    /// the row that is here before: it may put its author in, and says whether the row may be written.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing was written.
    pub fn write(
        &mut self,
        store: &mut dyn Store,
        edits: Vec<Edit>,
        now: Now,
        author: &mut dyn FnMut(&mut Row, Option<&Row>) -> bool,
    ) -> Result<Written, WriteError> {
        self.check(&edits)?;
        let (mut staged, mut new_rows, mut last) = (Staged::default(), 0, None);
        for Edit { table, id, value } in edits {
            let path = Path::of(&table, &id);
            let number = self.heads.table(&table).map(|(number, _)| number);
            let key = number.map(|table| Key { table, path });
            let local = match key.and_then(|key| self.heads.head(key)) {
                Some(_) => Some(read(store, path)?),
                None => None,
            };
            let here = key.and_then(|key| staged.get(key)).or(local.as_ref());
            if value.is_none() && here.is_none_or(|row| row.deleted) {
                continue;
            }
            let (deleted, hlc) = (value.is_none(), self.clock.send(now));
            last = Some(hlc.clone());
            let value = Some(value.unwrap_or_default());
            let mut row = Row { table, id, value, deleted, hlc, author: None };
            if !author(&mut row, local.as_ref()) {
                return Err(WriteError::Denied);
            }
            // Here once more, since an edit before may have made a table.
            self.may_have(&row.table).map_err(|_| WriteError::Table(row.table.clone()))?;
            let key = self.key(&row);
            new_rows += staged.put(key, row, local.as_ref());
            if self.len() + new_rows > self.settings.rows_max {
                return Err(WriteError::Full);
            }
        }
        let Some(to) = last else { return Ok(Written::default()) };
        let from = self.frontier().get(&to.node).cloned();
        let prev: VersionVector = from.iter().cloned().collect();
        let vc: VersionVector = [to.clone()].into_iter().collect();
        self.frontier.take(Span { from, to });
        let rows = self.commit(store, staged)?;
        let meta = Some(Meta { kind: Kind::Live, prev, vc });
        Ok(Written { changes: Changes { rows, meta, bad: Vec::new() } })
    }

    fn check(&self, edits: &[Edit]) -> Result<(), WriteError> {
        let mut bytes = 0;
        for edit in edits {
            let value = edit.value.as_ref().map_or(0, String::len);
            bytes += edit.id.len() + value;
            self.may_have(&edit.table).map_err(|_| WriteError::Table(edit.table.clone()))?;
            if edit.id.is_empty() || edit.id.len() > ROW_ID_BYTES_MAX {
                return Err(WriteError::Id);
            }
            if value > VALUE_BYTES_MAX {
                return Err(WriteError::Value);
            }
        }
        if edits.len() > EDITS_MAX || bytes > WRITE_BYTES_MAX {
            return Err(WriteError::TooMuch);
        }
        let known = self.frontier();
        let full = known.get(self.node()).is_none() && known.len() >= VECTOR_NODES_MAX;
        if full || !self.heads.takes_node(self.node(), 0) { Err(WriteError::Full) } else { Ok(()) }
    }
}
