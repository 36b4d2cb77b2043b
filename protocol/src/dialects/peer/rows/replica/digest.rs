//! What two replicas compare (dossier, 1.8).

use std::collections::BTreeMap;

use crate::set_hash::Totals;

use super::{super::row::TableName, state::Replica};

/// The digest of all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Rows that are not deleted.
    pub live: u64,
    /// Rows and deletions.
    pub records: u64,
    /// SHA-256 of the sum of all [leaves](super::super::row::Row::leaf) and their number.
    pub hash: [u8; 32],
    /// The same of each table that has something. Replicas that keep different tables compare those that
    /// both have.
    pub tables: BTreeMap<TableName, TableDigest>,
}

/// The digest of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableDigest {
    /// Rows that are not deleted.
    pub live: u64,
    /// Rows and deletions.
    pub records: u64,
    /// SHA-256 of the sum of its leaves and their number.
    pub hash: [u8; 32],
}

impl Replica {
    /// The digest. It is kept with every change; this takes as long as there are tables.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let (mut all, mut live) = (Totals::default(), 0);
        let mut tables = BTreeMap::new();
        for table in self.heads.tables.iter().filter(|table| table.totals.count > 0) {
            all.add(&table.totals);
            live += table.live;
            let digest = TableDigest {
                live: table.live,
                records: table.totals.count,
                hash: table.totals.digest(),
            };
            tables.insert(table.name.clone(), digest);
        }
        Digest { live, records: all.count, hash: all.digest(), tables }
    }
}
