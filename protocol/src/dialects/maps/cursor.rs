//! A place in the changes of a map, and the bytes that clients keep of it.
//!
//! Knows no room: whether the place is still there is said elsewhere.

use sha2::{Digest as _, Sha256};

use super::varint::{read_varint, write_varint};

/// The first byte of a cursor of this form.
const FORM: u8 = 1;

/// The bytes that say which map it is of, and those that tell a damaged cursor.
const CHECK_BYTES: usize = 4;

/// The longest cursor, in bytes.
pub const CURSOR_BYTES_MAX: usize = 1 + 8 + 10 + 10 + 2 * CHECK_BYTES;

/// A place in the changes of a map. The same place has the same bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which history of the map it is a place in.
    pub generation: u64,
    /// The number of the last change behind it; 0 before the first.
    pub seq: u64,
    /// For a snapshot that was begun from nothing and has not yet passed what had been pruned then: the
    /// number up to which it had. 0 once `seq` has reached it, and for everything else.
    pub base: u64,
}

/// Bytes are no cursor of this map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorFault {
    /// They are no cursor at all, or a damaged one.
    #[error("the cursor is damaged: start with an empty one")]
    Invalid,
    /// They are the cursor of another map.
    #[error("the cursor is one of another map: start with an empty one")]
    Foreign,
}

impl Cursor {
    /// A cursor, its `base` 0 once `seq` has reached it.
    #[must_use]
    pub fn new(generation: u64, seq: u64, base: u64) -> Self {
        Self { generation, seq, base: if seq >= base { 0 } else { base } }
    }

    /// Its bytes for this map, at most [`CURSOR_BYTES_MAX`]: the form; the generation in eight, little end
    /// first; `seq` and `base` as varints; four that stand for the map; and four that check all of these.
    #[must_use]
    pub fn to_bytes(&self, map: &str) -> Vec<u8> {
        let Self { generation, seq, base } = Self::new(self.generation, self.seq, self.base);
        let mut out = Vec::with_capacity(CURSOR_BYTES_MAX);
        out.push(FORM);
        out.extend_from_slice(&generation.to_le_bytes());
        write_varint(seq, &mut out);
        write_varint(base, &mut out);
        out.extend_from_slice(&hash(b"map", map.as_bytes()));
        let check = hash(b"cursor", &out);
        out.extend_from_slice(&check);
        out
    }

    /// Reads what [`Cursor::to_bytes`] wrote. No bytes, the cursor before everything, are none of these.
    ///
    /// # Errors
    /// [`CursorFault`] when it wrote something else, or for another map.
    pub fn parse(map: &str, bytes: &[u8]) -> Result<Self, CursorFault> {
        let (fields, tag) = checked(bytes).ok_or(CursorFault::Invalid)?;
        let cursor = Self::read(fields).ok_or(CursorFault::Invalid)?;
        if tag == hash(b"map", map.as_bytes()) { Ok(cursor) } else { Err(CursorFault::Foreign) }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&FORM, rest) = bytes.split_first()? else { return None };
        let (generation, rest) = rest.split_first_chunk()?;
        let (seq, rest) = read_varint(rest)?;
        let (base, rest) = read_varint(rest)?;
        let cursor = Self { generation: u64::from_le_bytes(*generation), seq, base };
        (rest.is_empty() && (base == 0 || base > seq)).then_some(cursor)
    }
}

/// What stands before the map's bytes, and those, if the check is right.
fn checked(bytes: &[u8]) -> Option<(&[u8], [u8; CHECK_BYTES])> {
    if bytes.len() > CURSOR_BYTES_MAX {
        return None;
    }
    let (all, check) = bytes.split_last_chunk()?;
    let (fields, tag) = all.split_last_chunk()?;
    (*check == hash(b"cursor", all)).then_some((fields, *tag))
}

fn hash(what: &[u8], bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = Sha256::new().chain_update(what).chain_update(bytes).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}
