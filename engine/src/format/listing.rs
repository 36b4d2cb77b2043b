//! The end of a snapshot: how long its image is, and which segments there were.
//!
//! Knows bytes and checks; nothing of files, or of what the image tells.

use super::{
    frame::{self, Frame, HEAD_BYTES, Kind},
    snapshot::{CRC_AT, PIECE_FIELDS_BYTES, SnapshotHeader, piece_at, unit},
    u16_at, u32_at, u64_at,
};

/// Longest image in bytes: what is behind it must have an offset, in 32 bits of eight bytes each.
pub(crate) const IMAGE_BYTES_MAX: u64 = 31 << 30;
/// Length of what the end tells before the segments, in bytes.
const END_BYTES: usize = 40;
/// Length of a listed segment, in bytes.
const LISTED_BYTES: usize = 32;
/// Slots are below this: what a word has bits for.
const SLOTS_END: u16 = 1 << 15;
/// An index of the image points into the segment.
const REFERENCED: u16 = 1;

/// A segment as the snapshot found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: u64,
    pub(crate) base: u64,
    /// Bytes of frames that an index pointed at.
    pub(crate) live_bytes: u64,
    /// Where its frames ended, in bytes from the start of its file.
    pub(crate) data_end: u32,
    pub(crate) slot: u16,
    /// Whether an index of the image points into it.
    pub(crate) is_referenced: bool,
}

/// What the end of a snapshot tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SnapshotEnd {
    /// Length of the image, in bytes.
    pub(crate) image_bytes: u64,
    /// Collections in it.
    pub(crate) collections: u64,
    /// The number that the next cold segment gets: never one that any snapshot listed.
    pub(crate) next_cold: u64,
    /// CRC of the checks of all pieces, so that they are known to be of one writing.
    pub(crate) pieces_crc: u32,
    /// All segments, in no order.
    pub(crate) segments: Vec<Listed>,
}

impl SnapshotEnd {
    /// How many pieces there are.
    pub(crate) fn pieces(&self) -> u64 {
        self.image_bytes.div_ceil(PIECE_FIELDS_BYTES as u64)
    }

    /// Where the end has to begin, in bytes from the start of the file.
    pub(crate) fn at(&self) -> u64 {
        let last = self.image_bytes % PIECE_FIELDS_BYTES as u64;
        match last {
            0 => piece_at(self.pieces()),
            _ => piece_at(self.pieces() - 1) + frame::padded(HEAD_BYTES + last as usize) as u64,
        }
    }

    /// The end's frame, the last of the file.
    pub(crate) fn encode(&self, header: &SnapshotHeader) -> Vec<u8> {
        let mut fields = Vec::with_capacity(END_BYTES + self.segments.len() * LISTED_BYTES);
        for number in [self.image_bytes, self.collections, self.next_cold] {
            fields.extend_from_slice(&number.to_le_bytes());
        }
        fields.extend_from_slice(&self.pieces_crc.to_le_bytes());
        fields.extend_from_slice(&header.encode()[CRC_AT..]);
        fields.extend_from_slice(&(self.segments.len() as u64).to_le_bytes());
        for listed in &self.segments {
            for number in [listed.id, listed.base, listed.live_bytes] {
                fields.extend_from_slice(&number.to_le_bytes());
            }
            fields.extend_from_slice(&listed.data_end.to_le_bytes());
            fields.extend_from_slice(&listed.slot.to_le_bytes());
            let flags = if listed.is_referenced { REFERENCED } else { 0 };
            fields.extend_from_slice(&flags.to_le_bytes());
        }
        let mut out = Vec::with_capacity(HEAD_BYTES + fields.len());
        frame::encode(&mut out, Kind::SnapshotEnd, 0, 0, &[&fields]);
        frame::set_end(&mut out);
        frame::place(&mut out, header.salt(), unit(header.end_at), 0);
        out
    }

    /// Reads the end, which is all that follows `header.end_at`.
    pub(crate) fn decode(bytes: &[u8], header: &SnapshotHeader) -> Option<Self> {
        let frame = Frame::check(bytes, header.salt(), unit(header.end_at)).ok()?;
        let (fields, listed) = frame.fields().split_at_checked(END_BYTES)?;
        let is_end = frame.kind == Kind::SnapshotEnd && frame.length == bytes.len();
        let is_of_header = fields[28..32] == header.encode()[CRC_AT..];
        let has_all = listed.len().is_multiple_of(LISTED_BYTES)
            && u64_at(fields, 32) == (listed.len() / LISTED_BYTES) as u64;
        if !(is_end && is_of_header && has_all) {
            return None;
        }
        let end = Self {
            image_bytes: u64_at(fields, 0),
            collections: u64_at(fields, 8),
            next_cold: u64_at(fields, 16),
            pieces_crc: u32_at(fields, 24),
            segments: listed
                .chunks_exact(LISTED_BYTES)
                .map(decode_listed)
                .collect::<Option<_>>()?,
        };
        (end.image_bytes <= IMAGE_BYTES_MAX && end.at() == header.end_at).then_some(end)
    }
}

fn decode_listed(bytes: &[u8]) -> Option<Listed> {
    let (slot, flags) = (u16_at(bytes, 28), u16_at(bytes, 30));
    (flags & !REFERENCED == 0 && slot < SLOTS_END).then(|| Listed {
        id: u64_at(bytes, 0),
        base: u64_at(bytes, 8),
        live_bytes: u64_at(bytes, 16),
        data_end: u32_at(bytes, 24),
        slot,
        is_referenced: flags == REFERENCED,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(end: &SnapshotEnd) -> SnapshotHeader {
        SnapshotHeader {
            store_id: 7,
            snapshot_id: 3,
            replay: 100,
            as_of: 120,
            next_collection_id: 9,
            end_at: end.at(),
        }
    }

    fn end() -> SnapshotEnd {
        let listed = |id, slot| Listed {
            id,
            base: id.wrapping_mul(64),
            live_bytes: 5,
            data_end: 128,
            slot,
            is_referenced: slot == 1,
        };
        let segments = vec![listed(1, 0), listed(1 << 63 | 1, 1)];
        SnapshotEnd { image_bytes: 20, collections: 2, next_cold: 2, pieces_crc: 99, segments }
    }

    #[test]
    fn an_end_comes_back_and_every_flip_and_cut_is_seen() {
        let end = end();
        let header = header(&end);
        let bytes = end.encode(&header);
        assert_eq!(SnapshotEnd::decode(&bytes, &header), Some(end));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SnapshotEnd::decode(&bad, &header), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(SnapshotEnd::decode(&bytes[..length], &header), None, "cut to {length}");
        }
        let other = SnapshotHeader { as_of: 121, ..header };
        assert_eq!(SnapshotEnd::decode(&bytes, &other), None, "of another header");
    }

    #[test]
    fn the_end_stands_behind_the_last_piece() {
        let at = |image_bytes| SnapshotEnd { image_bytes, ..SnapshotEnd::default() }.at();
        let full = PIECE_FIELDS_BYTES as u64;
        assert_eq!(at(0), 64);
        assert_eq!(at(8), 64 + 24);
        assert_eq!(at(full), piece_at(1));
        assert_eq!(at(full + 8), piece_at(1) + 24);
        assert_eq!(at(3 * full), piece_at(3));
    }
}
