//! A row as it lies in the store (`Space::Rows`).
//!
//! The key is the row's path. The value is a byte 1, a byte of marks (1 deleted, 2 has a value, 4 has an
//! author), the microseconds in eight bytes, the counter in two, the node behind its length in one, the table
//! behind its own in one, the id in two, with an author the name behind its length in one and the signature in
//! 64; the value is the rest. Numbers have the little end first.

use sha2::{Digest as _, Sha256};

use super::super::{
    super::store::StoreFailed,
    hlc::Hlc,
    node::NodeId,
    row::{Author, Row, TableName},
};

/// Where a row lies: the first 16 bytes of SHA-256 of a byte 1, the table, a byte 0 and the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(pub(super) [u8; 16]);

impl Path {
    pub(super) const MAX: Self = Self([0xff; 16]);

    pub(super) fn of(table: &str, id: &str) -> Self {
        let hash = Sha256::new().chain_update([1]).chain_update(table).chain_update([0]);
        let hash: [u8; 32] = hash.chain_update(id).finalize().into();
        Self(hash.as_chunks().0[0])
    }
}

const VERSION: u8 = 1;
const DELETED: u8 = 1;
const HAS_VALUE: u8 = 2;
const HAS_AUTHOR: u8 = 4;

/// The bytes of a row.
pub(super) fn encode(row: &Row) -> Vec<u8> {
    let value = row.value.as_deref().unwrap_or_default();
    let mut out = Vec::with_capacity(160 + row.id.len() + value.len());
    let mark = |is, mark| if is { mark } else { 0 };
    out.push(VERSION);
    out.push(
        mark(row.deleted, DELETED)
            | mark(row.value.is_some(), HAS_VALUE)
            | mark(row.author.is_some(), HAS_AUTHOR),
    );
    out.extend(row.hlc.micros.to_le_bytes());
    out.extend(row.hlc.counter.to_le_bytes());
    for name in [row.hlc.node.as_str(), &row.table] {
        out.push(name.len() as u8);
        out.extend(name.as_bytes());
    }
    out.extend((row.id.len() as u16).to_le_bytes());
    out.extend(row.id.as_bytes());
    if let Some(author) = &row.author {
        out.push(author.by.len() as u8);
        out.extend(author.by.as_bytes());
        out.extend(author.sig);
    }
    out.extend(value.as_bytes());
    out
}

/// The row of these bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Row, StoreFailed> {
    Reader(bytes).row().ok_or_else(|| StoreFailed("a row in it cannot be read".into()))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn row(mut self) -> Option<Row> {
        let [version, marks] = self.array()?;
        if version != VERSION {
            return None;
        }
        let micros = i64::from_le_bytes(self.array()?);
        let counter = u16::from_le_bytes(self.array()?);
        let node = NodeId::new(self.short()?)?;
        let table = TableName::new(self.short()?)?;
        let id_bytes = u16::from_le_bytes(self.array()?);
        let id = self.text(id_bytes.into())?.to_owned();
        let author = if marks & HAS_AUTHOR == 0 {
            None
        } else {
            Some(Author { by: self.short()?.to_owned(), sig: self.array()? })
        };
        let value = str::from_utf8(self.0).ok()?;
        let value = (marks & HAS_VALUE != 0).then(|| value.to_owned());
        let hlc = Hlc { micros, counter, node };
        Some(Row { table, id, value, deleted: marks & DELETED != 0, hlc, author })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn text(&mut self, bytes: usize) -> Option<&'a str> {
        let (text, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }

    /// A text behind its length in one byte.
    fn short(&mut self) -> Option<&'a str> {
        let [bytes] = self.array()?;
        self.text(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_there_and_back_and_no_shorter_ones() {
        let hlc = Hlc { micros: -7, counter: 9, node: NodeId::new("a:b").unwrap() };
        let author = Author { by: "bob".into(), sig: [7; 64] };
        let (table, id) = (TableName::new("tasks").unwrap(), "é".to_owned());
        let row =
            Row { table, id, value: Some("{}".into()), deleted: true, hlc, author: Some(author) };
        let bytes = encode(&row);
        assert_eq!(decode(&bytes).unwrap(), row);
        // The value is what is left: every shorter row fails in what stands before it.
        for end in 0..bytes.len() - 2 {
            assert!(decode(&bytes[..end]).is_err(), "{end}");
        }
        let bare = Row { value: None, author: None, deleted: false, ..row };
        assert_eq!(decode(&encode(&bare)).unwrap(), bare);
    }
}
