//! How what a client keeps lies in its store: names of collections, keys, values.
//! Knows bytes; nothing of when they are written.

use bytes::Bytes;
use syncline_protocol::dialects::maps::Hlc;

use super::oplog::State;

/// The map of what concerns all maps.
pub(super) const META: &str = "maps/meta";
/// The key of the node's name in [`META`].
pub(super) const NODE: &[u8] = b"node";
/// The key of the clock's ceiling in [`META`]: 8 bytes, little-endian.
pub(super) const CLOCK: &[u8] = b"clock";
/// What begins the keys of maps in [`META`].
const MAP: &[u8] = b"m/";

/// The first byte of every value here.
const FORM: u8 = 1;

const REPLACING: u8 = 1;
const HAS_CURSOR: u8 = 2;

const WAITING: u8 = 0;
const REJECTED: u8 = 1;

/// The collection of a map's records.
pub(super) fn records_name(map: &str) -> String {
    format!("maps/{map}/records")
}

/// The collection of what a map's server is not known to have.
pub(super) fn pending_name(map: &str) -> String {
    format!("maps/{map}/pending")
}

/// The key of a map in [`META`].
pub(super) fn map_key(map: &str) -> Vec<u8> {
    [MAP, map.as_bytes()].concat()
}

/// How far a map is with its server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything up to here was heard.
    pub(super) cursor: Option<Bytes>,
    /// Tombstones below this are gone.
    pub(super) watermark: Option<Hlc>,
    /// What is here is being replaced by what the server has.
    pub(super) replacing: bool,
}

impl Progress {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut flags = 0;
        if self.replacing {
            flags |= REPLACING;
        }
        if self.cursor.is_some() {
            flags |= HAS_CURSOR;
        }
        let cursor = self.cursor.as_deref().unwrap_or_default();
        let watermark = self.watermark.as_ref().map(Hlc::to_string).unwrap_or_default();
        let len = (cursor.len() as u32).to_le_bytes();
        [&[FORM, flags], &len[..], cursor, watermark.as_bytes()].concat()
    }

    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        let (&[FORM, flags], rest) = bytes.split_first_chunk()? else { return None };
        let (len, rest) = rest.split_first_chunk()?;
        let (cursor, watermark) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        let watermark = match watermark {
            [] => None,
            text => Some(Hlc::parse(str::from_utf8(text).ok()?).ok()?),
        };
        let cursor = (flags & HAS_CURSOR != 0).then(|| bytes.slice_ref(cursor));
        let known = flags & !(REPLACING | HAS_CURSOR) == 0;
        known.then_some(Self { cursor, watermark, replacing: flags & REPLACING != 0 })
    }
}

/// An own write that the server is not known to keep, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Its place among all own writes.
    pub(super) order: u64,
    /// How far it is.
    pub(super) state: State,
}

impl Kept {
    pub(super) fn encode(self) -> [u8; 14] {
        let (state, code) = match self.state {
            // What a server has in memory is sent again by the next run.
            State::Waiting | State::InMemory => (WAITING, 0),
            State::Rejected(code) => (REJECTED, code),
        };
        let mut out = [0; 14];
        out[..2].copy_from_slice(&[FORM, state]);
        out[2..10].copy_from_slice(&self.order.to_le_bytes());
        out[10..].copy_from_slice(&code.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 14] = bytes.try_into().ok()?;
        let (&[FORM, state], rest) = bytes.split_first_chunk()? else { return None };
        let (order, code) = rest.split_first_chunk()?;
        let state = match state {
            WAITING => State::Waiting,
            REJECTED => State::Rejected(i32::from_le_bytes(code.try_into().ok()?)),
            _ => return None,
        };
        Some(Self { order: u64::from_le_bytes(*order), state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_comes_back_and_what_is_foreign_does_not() {
        let watermark = Hlc::parse("1700000000000:3:phone").ok();
        for cursor in [None, Some(Bytes::new()), Some(Bytes::from_static(b"\x01cursor"))] {
            for watermark in [None, watermark.clone()] {
                for replacing in [false, true] {
                    let (cursor, watermark) = (cursor.clone(), watermark.clone());
                    let progress = Progress { cursor, watermark, replacing };
                    let bytes = Bytes::from(progress.encode());
                    assert_eq!(Progress::decode(&bytes), Some(progress));
                }
            }
        }
        for foreign in
            [&b""[..], b"\x01", b"\x02\0\0\0\0\0", b"\x01\x04\0\0\0\0", b"\x01\0\x05\0\0\0a"]
        {
            assert_eq!(Progress::decode(&Bytes::from_static(foreign)), None, "{foreign:?}");
        }
    }

    #[test]
    fn a_pending_write_comes_back() {
        for state in [State::Waiting, State::Rejected(3)] {
            let kept = Kept { order: u64::MAX - 1, state };
            assert_eq!(Kept::decode(&kept.encode()), Some(kept));
        }
        let mut foreign = Kept { order: 1, state: State::Waiting }.encode();
        foreign[1] = 2;
        assert_eq!(Kept::decode(&foreign), None);
        assert_eq!(Kept::decode(&foreign[..13]), None);
    }

    #[test]
    fn no_two_maps_share_a_collection() {
        let maps = ["a", "a/records", "a/pending", "meta", "records"];
        let names: Vec<_> =
            maps.iter().flat_map(|map| [records_name(map), pending_name(map)]).collect();
        for (at, name) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(name) && name != META, "{name}");
        }
    }
}
