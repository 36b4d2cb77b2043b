//! What a changeset is made of. Knows no JSON.

use super::super::{
    row::{Row, TableName},
    vector::VersionVector,
};

/// Rows of one changeset, at most, with those that are wrong.
pub const ROWS_MAX: usize = 100_000;

/// Some rows, and what the sender says of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The rows, of any tables.
    pub rows: Vec<Row>,
    /// What `$meta` says; the authors in it lie with their rows. None from who speaks version 1.
    pub meta: Option<Meta>,
    /// Rows that are none. Of a changeset that is sent this is empty.
    pub bad: Vec<BadRow>,
}

/// What a sender says of a whole changeset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Why it is sent.
    pub kind: Kind,
    /// By node, where it begins: all of the node from there to [`vc`](Self::vc) is in it. A node that is
    /// missing here begins at its first write.
    pub prev: VersionVector,
    /// By node, up to where someone knows it who holds this and all before it.
    pub vc: VersionVector,
}

/// Why a changeset is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// It was just written.
    #[default]
    Live,
    /// It answers a `SYNC_REQ`, or is a part of the answer.
    Sync,
    /// A reason of a later version: only the rows count.
    Unknown,
}

/// A record of a changeset that is no row. The others are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its table; `None` when that is no name for one, which is told once for all rows of it.
    pub table: Option<TableName>,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// What is wrong.
    pub wrong: Wrong,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// The name of the table.
    Table,
    /// The id is missing, empty, too long or no text.
    Id,
    /// The value is too long, or neither text nor null.
    Value,
    /// `is_deleted` is neither 0 nor 1.
    Deleted,
    /// The timestamp cannot be read: a counter above FFFF, a node without a name.
    Hlc,
}

/// A payload is no changeset; nothing of it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// It is not the JSON of a changeset.
    #[error("a changeset is a JSON object of lists of rows by table")]
    Json,
    /// It has more than [`ROWS_MAX`] rows or authors.
    #[error("a changeset has at most {ROWS_MAX} rows")]
    TooMany,
}
