//! Marks along a room's log: where a stretch of it begins, and when. Kept in map 1, so that also after a
//! restart it is known how far to trim.
//!
//! The key: the number of the first packet of the stretch in 8 bytes, the highest first. The value: a
//! byte 1, when it was received (milliseconds since the Unix epoch) and how many bytes came before it, each
//! in 8 bytes, the lowest first.

use crate::dialect::{Collections, UnixMillis};

const MAP: u64 = 1;
const FORM: u8 = 1;

/// Where a stretch of the log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Its first packet.
    pub(super) seq: u64,
    /// When that was received; not before that of the mark before.
    pub(super) at: UnixMillis,
    /// Bytes of the packets before it, counted from some beginning.
    pub(super) before: u64,
}

impl Mark {
    pub(super) fn store(self, collections: &mut impl Collections) {
        collections.put(MAP, &self.seq.to_be_bytes(), &self.value());
    }

    pub(super) fn remove(self, collections: &mut impl Collections) {
        collections.remove(MAP, &self.seq.to_be_bytes());
    }

    /// Those that are stored, in order. What cannot be read is left out: then packets are kept longer.
    pub(super) fn load(collections: &impl Collections) -> Vec<Self> {
        let mut marks = Vec::new();
        let read = collections.entries(MAP, |key, value| marks.extend(Self::read(key, value)));
        if read.is_err() {
            marks.clear();
        }
        marks.sort_unstable_by_key(|mark| mark.seq);
        marks
    }

    fn value(self) -> [u8; 17] {
        let mut value = [FORM; 17];
        value[1..9].copy_from_slice(&self.at.0.to_le_bytes());
        value[9..].copy_from_slice(&self.before.to_le_bytes());
        value
    }

    fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let (&form, value) = value.split_first()?;
        let (at, before) = value.split_first_chunk()?;
        (form == FORM).then_some(Self {
            seq: u64::from_be_bytes(key.try_into().ok()?),
            at: UnixMillis(u64::from_le_bytes(*at)),
            before: u64::from_le_bytes(before.try_into().ok()?),
        })
    }
}
