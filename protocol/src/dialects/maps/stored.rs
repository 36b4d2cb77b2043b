//! The stored form of a record, on servers and clients alike: its number in the map, and all it says.
//!
//! It is on disk: a change here needs another first byte. Knows no collection.

use bytes::Bytes;

use super::{
    hlc::{Hlc, MILLIS_MAX, NodeId},
    record::{KEY_BYTES_MAX, Kind, Record, RecordRef},
    varint::{read_varint, write_varint},
};

/// The first byte of a record of this form.
const FORM: u8 = 1;

/// What a stored record has besides its key, node and value, at most.
const AROUND: usize = 2 + 10 + 8 + 5 + 1 + 10 + 3 + 5;

/// A record, and its number among the changes of its map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number, ascending with every change of the map.
    pub seq: u64,
    /// The record.
    pub record: Record,
}

/// A [`Stored`] that lies in the bytes it was read from: reading it takes no memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRef<'a> {
    /// Its number, ascending with every change of the map.
    pub seq: u64,
    /// The record.
    pub record: RecordRef<'a>,
}

impl Stored {
    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        StoredRef { seq: self.seq, record: self.record.as_ref() }.encode()
    }

    /// Reads what [`Stored::encode`] wrote; `None` for anything else. The value is a slice of the bytes.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)]
    pub fn decode(bytes: Bytes) -> Option<Self> {
        let StoredRef { seq, record } = StoredRef::decode(&bytes)?;
        let value = bytes.slice_ref(record.value);
        let RecordRef { key, kind, hlc, ttl_ms, .. } = record;
        Some(Self { seq, record: Record { key: key.into(), kind, hlc, ttl_ms, value } })
    }
}

impl<'a> StoredRef<'a> {
    /// The bytes to store: the form, the kind; the number, the milliseconds, the counter and the life as
    /// varints; the node behind its length in a byte, the key and the value behind theirs as varints.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let RecordRef { key, kind, hlc, ttl_ms, value } = &self.record;
        let node = hlc.node.as_bytes();
        let mut out = Vec::with_capacity(AROUND + node.len() + key.len() + value.len());
        out.extend_from_slice(&[FORM, *kind as u8]);
        for number in [self.seq, hlc.millis, u64::from(hlc.counter), *ttl_ms] {
            write_varint(number, &mut out);
        }
        out.push(node.len() as u8);
        out.extend_from_slice(node);
        for part in [key.as_bytes(), value] {
            write_varint(part.len() as u64, &mut out);
            out.extend_from_slice(part);
        }
        out
    }

    /// Reads what [`StoredRef::encode`] wrote; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (&[FORM, kind], rest) = bytes.split_first_chunk()? else { return None };
        let kind = match kind {
            0 => Kind::Put,
            1 => Kind::Remove,
            _ => return None,
        };
        let (seq, rest) = read_varint(rest)?;
        let (millis, rest) = read_varint(rest)?;
        let (counter, rest) = read_varint(rest)?;
        let (ttl_ms, rest) = read_varint(rest)?;
        let (&node_len, rest) = rest.split_first()?;
        let (node, rest) = rest.split_at_checked(node_len.into())?;
        let (key, rest) = read_part(rest)?;
        let (value, rest) = read_part(rest)?;
        let is_sound = rest.is_empty()
            && millis <= MILLIS_MAX
            && (1..=KEY_BYTES_MAX).contains(&key.len())
            && (kind == Kind::Put || value.is_empty());
        if !is_sound {
            return None;
        }
        let counter = u32::try_from(counter).ok()?;
        let hlc = Hlc { millis, counter, node: NodeId::from_bytes(node)? };
        let key = str::from_utf8(key).ok()?;
        Some(Self { seq, record: RecordRef { key, kind, hlc, ttl_ms, value } })
    }
}

/// A length and as many bytes, and what follows them.
fn read_part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = read_varint(bytes)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}
