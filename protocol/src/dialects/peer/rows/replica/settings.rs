//! What a replica is told when it is opened.

use super::super::{clock::DRIFT_MS_MAX, node::NodeId, row::TableName};

/// What a replica keeps, and its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whose writes these are. One installation in one room; who loses the store takes another, since
    /// the old one's writes count as known here.
    pub node: NodeId,
    /// The tables of the app. Those that are [built in](super::super::row::BUILT_IN) are there in any case.
    pub tables: Vec<TableName>,
    /// Whether rows of other tables are kept, too. Else they are refused.
    pub any_table: bool,
    /// Tables, at most, from 4 to 255.
    pub tables_max: usize,
    /// Rows, at most, with those that are deleted.
    pub rows_max: usize,
    /// How far ahead of the wall time a row's timestamp may be, in milliseconds.
    pub drift_ms_max: u64,
    /// How many days a deletion counts in the digest, and is kept at least.
    pub deletion_days: u32,
}

impl Settings {
    /// The usual bounds: 64 tables, a million rows, a minute, 30 days; no table but the built-in ones.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            tables: Vec::new(),
            any_table: false,
            tables_max: 64,
            rows_max: 1_000_000,
            drift_ms_max: DRIFT_MS_MAX,
            deletion_days: 30,
        }
    }
}
