//! A row of a table, the order in which one replaces another, and its hash.
//!
//! Knows no store. Whether someone may write it is said elsewhere.

use std::{borrow::Borrow, cmp::Ordering, fmt, ops::Deref, sync::Arc};

use sha2::{Digest as _, Sha256};

use super::hlc::Hlc;

/// Bytes of a row's id, at most. No id is empty.
pub const ROW_ID_BYTES_MAX: usize = 512;

/// Bytes of a row's value, at most.
pub const VALUE_BYTES_MAX: usize = 4 << 20;

/// Bytes of a table's name, at most.
const TABLE_BYTES_MAX: usize = 64;

/// The tables that the dialect itself knows; all others are named by the app.
pub const BUILT_IN: [&str; 4] = ["group_settings", "roles", "members", "logical_groups"];

/// The name of a table: 1 to 64 bytes of `[a-z0-9_]`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName(Arc<str>);

impl TableName {
    /// The table of this name, if a table may have it.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let fits = (1..=TABLE_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits);
        fits.then(|| Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for TableName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for TableName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for TableName {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for TableName {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Who signed a row, as it came; not checked here. It is no part of the row's order and hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Author {
    /// The participant's name, 1 to [`PEER_ID_BYTES_MAX`](super::super::id::PEER_ID_BYTES_MAX) bytes.
    pub by: String,
    /// The signature.
    pub sig: [u8; 64],
}

impl fmt::Debug for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Author({:?})", self.by)
    }
}

/// A row, or the mark that it was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of which table.
    pub table: TableName,
    /// Which row: 1 to [`ROW_ID_BYTES_MAX`] bytes.
    pub id: String,
    /// What it says, usually JSON: at most [`VALUE_BYTES_MAX`] bytes.
    pub value: Option<String>,
    /// Whether it was deleted. The value is then usually empty.
    pub deleted: bool,
    /// When it was written and by which node.
    pub hlc: Hlc,
    /// Who signed it, if someone did.
    pub author: Option<Author>,
}

impl Row {
    /// How it compares with another version of the same row: the greater one stays (dossier, 1.7). Later
    /// timestamps win, then deletions, then the greater bytes of the value.
    #[must_use]
    pub fn order<'a>(&'a self, other: &'a Self) -> Ordering {
        let value = |row: &'a Self| row.value.as_deref().map(str::as_bytes);
        let hlc = self.hlc.cmp(&other.hlc);
        hlc.then(self.deleted.cmp(&other.deleted)).then_with(|| value(self).cmp(&value(other)))
    }

    /// Its hash in the digest (dossier, 1.8): SHA-256 of a byte 0, table, id, whether it is deleted, the
    /// value or nothing, and the text of the timestamp; texts behind their length in four bytes, the little
    /// end first.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update([0]);
        behind_length(&mut hash, &self.table);
        behind_length(&mut hash, &self.id);
        hash.update([u8::from(self.deleted)]);
        behind_length(&mut hash, self.value.as_deref().unwrap_or_default());
        behind_length(&mut hash, &self.hlc.to_string());
        hash.finalize().into()
    }

    /// About how many bytes of JSON it takes.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        // Names of the fields, two nodes, a time, and some signs of the value that need another before them.
        let value = self.value.as_ref().map_or(0, String::len);
        let author = self
            .author
            .as_ref()
            .map_or(0, |author| 120 + author.by.len() + self.table.len() + self.id.len());
        96 + self.id.len() + 2 * self.hlc.node.as_str().len() + value + value / 8 + author
    }
}

fn behind_length(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u32).to_le_bytes());
    hash.update(text);
}
