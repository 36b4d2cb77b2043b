//! The first bytes of a segment file: whose it is, which one, and where it begins in history.
//!
//! Knows its own bytes; nothing of the frames behind it.

use super::{VERSION, u32_at, u64_at};

/// Length of a segment's header in bytes; the first frame begins behind it.
pub(crate) const HEADER_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"SYNCSEG\n";
const CRC_AT: usize = HEADER_BYTES - 4;
/// Set in the ids of cold segments: those that compaction writes beside history.
pub(crate) const COLD: u64 = 1 << 63;

/// Whether a segment is a cold one: it has no part in history, and counts only when a snapshot lists it.
pub(crate) fn is_cold(id: u64) -> bool {
    id & COLD != 0
}

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) store_id: u64,
    pub(crate) segment_id: u64,
    /// The position of its first frame, which is also where the segment before it ends.
    pub(crate) base: u64,
}

/// Why the bytes are not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHeader {
    /// Damaged, or never written.
    Damaged,
    /// Sound, but of this newer version.
    Newer(u32),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        out[16..24].copy_from_slice(&self.store_id.to_le_bytes());
        out[24..32].copy_from_slice(&self.segment_id.to_le_bytes());
        out[32..40].copy_from_slice(&self.base.to_le_bytes());
        let crc = crc32fast::hash(&out[..CRC_AT]);
        out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The magic, the version and the CRC stand where they are in every version to come, so that a
    /// newer store is told from a damaged one.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadHeader> {
        if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
            return Err(BadHeader::Damaged);
        }
        if crc32fast::hash(&bytes[..CRC_AT]) != u32_at(bytes, CRC_AT) {
            return Err(BadHeader::Damaged);
        }
        let version = u32_at(bytes, 8);
        if version > VERSION {
            return Err(BadHeader::Newer(version));
        }
        let reserved_clear = bytes[40..CRC_AT].iter().all(|byte| *byte == 0);
        if version == 0 || u32_at(bytes, 12) != HEADER_BYTES as u32 || !reserved_clear {
            return Err(BadHeader::Damaged);
        }
        Ok(Self {
            store_id: u64_at(bytes, 16),
            segment_id: u64_at(bytes, 24),
            base: u64_at(bytes, 32),
        })
    }
}

/// The file name of a segment.
pub(crate) fn segment_name(id: u64) -> String {
    format!("{id:016x}.seg")
}

/// The id in a segment's file name; `None` for every other name, which is left alone.
pub(crate) fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let id = u64::from_str_radix(digits, 16).ok()?;
    (segment_name(id) == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader { store_id: 1, segment_id: 2, base: 3 };

    #[test]
    fn a_header_comes_back_and_every_flip_is_seen() {
        let bytes = HEADER.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok(HEADER));
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = bytes;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bad), Err(BadHeader::Damaged), "bit {bit}");
        }
        assert_eq!(SegmentHeader::decode(&bytes[..63]), Err(BadHeader::Damaged));
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 9;
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(BadHeader::Newer(9)));
    }

    #[test]
    fn the_version_before_is_read() {
        let mut bytes = HEADER.encode();
        bytes[8] = 1;
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Ok(HEADER));
    }

    #[test]
    fn cold_segments_have_names_of_their_own() {
        assert!(is_cold(COLD | 1) && !is_cold(1));
        assert_eq!(segment_name(COLD | 1), "8000000000000001.seg");
    }

    #[test]
    fn names_come_back_and_others_are_left_alone() {
        for id in [0, 1, 0xabc, u64::MAX] {
            assert_eq!(parse_segment_name(&segment_name(id)), Some(id));
        }
        for name in ["1.seg", "LOCK", "000000000000000A.seg", "0000000000000001.seg~", ".seg"] {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }
}
