//! Changes of a map as those who follow it are told: one by one from the room, gathered for the wire.
//!
//! Knows the wire; nothing of who follows.

use std::{collections::HashSet, fmt, ops::Range, sync::OnceLock};

use bytes::Bytes;

use super::{cursor::Cursor, op::write_op, record::RecordRef, varint::write_varint, wire};

/// The tags of a batch's fields.
const OPS: u8 = 1 << 3 | 2;
const CURSOR: u8 = 2 << 3 | 2;

/// A change of a map.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Where the map is after it.
    pub cursor: Cursor,
    /// The session whose operation it was; 0 when it was none, or is not known any more.
    pub origin: u64,
    /// The field of a batch that holds the operation: its tag, its length and the operation.
    field: Bytes,
    /// Where the key lies in it.
    key: Range<u32>,
}

impl Change {
    /// The key, UTF-8.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.field[self.key.start as usize..self.key.end as usize]
    }

    /// The encoded operation: the same bytes for everyone who gets it.
    #[must_use]
    pub fn op(&self) -> Bytes {
        // A tag of one byte, and a length that ends with the first byte below 128.
        let len = self.field[1..].iter().take_while(|byte| **byte >= 0x80).count() + 1;
        self.field.slice(1 + len..)
    }

    /// Bytes of it in a batch.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.field.len()
    }
}

/// Changes being made, of which all lie in one piece of memory.
#[derive(Default)]
pub(super) struct Changes {
    fields: Vec<u8>,
    changes: Vec<(Cursor, Range<usize>, Range<usize>)>,
}

impl Changes {
    /// None yet; room for so many, and for so many bytes of them.
    pub(super) fn with_capacity(changes: usize, bytes: usize) -> Self {
        Self { fields: Vec::with_capacity(bytes), changes: Vec::with_capacity(changes) }
    }

    /// Adds a change that brings the map to this cursor.
    pub(super) fn push(&mut self, cursor: Cursor, map: &str, record: &RecordRef<'_>) {
        let start = self.fields.len();
        let (_, key) = write_op(OPS, map, record, &mut self.fields);
        let key = key.start - start..key.end - start;
        self.changes.push((cursor, start..self.fields.len(), key));
    }

    /// All of them, as those of one session.
    pub(super) fn finish(self, origin: u64) -> impl Iterator<Item = Change> {
        let fields = Bytes::from(self.fields);
        self.changes.into_iter().map(move |(cursor, field, key)| Change {
            cursor,
            origin,
            field: fields.slice(field),
            key: key.start as u32..key.end as u32,
        })
    }
}

/// What changed in a map within a short time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The last change of each key, ascending; at least one.
    pub changes: Vec<Change>,
    /// Where the map is after all of them.
    pub last: Cursor,
    /// The body of an `OperationBatch` of all of them, complete but for where its receiver was before.
    pub shared: Bytes,
    /// The message for whoever is where the first of its receivers was: nearly everyone.
    message: OnceLock<(Cursor, Bytes)>,
}

impl Window {
    /// Makes one of changes of this map in their order; nothing of none.
    #[must_use]
    pub fn gather(map: &str, mut changes: Vec<Change>) -> Option<Self> {
        let last = changes.last()?.cursor;
        keep_newest(&mut changes);
        let shared = batch(&changes, &last.to_bytes(map)).into();
        Some(Self { changes, last, shared, message: OnceLock::new() })
    }

    /// The message that tells all of it to a session which was at `prev` before. The same bytes, not
    /// copied, for all who were there.
    pub(super) fn message(&self, map: &str, prev: Cursor) -> Bytes {
        let encode = || wire::encode_batch(&self.shared, &prev.to_bytes(map));
        match self.message.get_or_init(|| (prev, encode())) {
            (of, message) if *of == prev => message.clone(),
            _ => encode(),
        }
    }
}

/// Keeps of every key only the last change.
fn keep_newest(changes: &mut Vec<Change>) {
    if changes.len() < 2 {
        return;
    }
    let mut seen = HashSet::with_capacity(changes.len());
    let mut keep: Vec<bool> =
        changes.iter().rev().map(|change| seen.insert(change.key())).collect();
    drop(seen);
    changes.retain(|_| keep.pop().unwrap_or(true));
}

/// The body of an `OperationBatch` of these changes up to a cursor, complete but for where its receiver
/// was before.
#[must_use]
pub fn batch<'a>(changes: impl IntoIterator<Item = &'a Change> + Clone, cursor: &[u8]) -> Vec<u8> {
    let bytes: usize = changes.clone().into_iter().map(Change::bytes).sum();
    let mut out = Vec::with_capacity(bytes + 2 * (cursor.len() + 3));
    for change in changes {
        out.extend_from_slice(&change.field);
    }
    out.push(CURSOR);
    write_varint(cursor.len() as u64, &mut out);
    out.extend_from_slice(cursor);
    out
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("cursor", &self.cursor)
            .field("origin", &self.origin)
            .field("bytes", &self.field.len())
            .finish()
    }
}
