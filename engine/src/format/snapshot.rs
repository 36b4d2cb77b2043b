//! A snapshot's file: its name, its header, and how the image behind that is cut into pieces.
//!
//! Knows bytes and checks; nothing of what the image tells.

use super::{
    VERSION,
    check::Salt,
    frame::{self, ALIGN_BYTES, HEAD_BYTES, Head, Kind},
    header::BadHeader,
    u32_at, u64_at,
};

/// Length of a snapshot's header in bytes; the first piece begins behind it.
pub(crate) const HEADER_BYTES: usize = 64;
/// Length of every piece but the last, in bytes, its frame's head included: what is written at once.
pub(crate) const PIECE_BYTES: usize = 1 << 20;
/// Bytes of the image in every piece but the last.
pub(crate) const PIECE_FIELDS_BYTES: usize = PIECE_BYTES - HEAD_BYTES;
const MAGIC: [u8; 8] = *b"SYNCSNAP";
pub(super) const CRC_AT: usize = HEADER_BYTES - 4;
/// Keeps the salts of snapshots apart from those of segments of the same number.
const SALT_TAG: u64 = 1 << 62;

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotHeader {
    pub(crate) store_id: u64,
    pub(crate) snapshot_id: u64,
    /// History from this position on is replayed over the image.
    pub(crate) replay: u64,
    /// The image has everything before this position, and nothing after it; all of that was durable
    /// when the snapshot got its name.
    pub(crate) as_of: u64,
    /// The id that the next collection got at `replay`.
    pub(crate) next_collection_id: u32,
    /// Where the end begins, in bytes from the start of the file.
    pub(crate) end_at: u64,
}

impl SnapshotHeader {
    /// What ties the frames of this snapshot to it.
    pub(crate) fn salt(&self) -> Salt {
        salt(self.store_id, self.snapshot_id)
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        out[16..24].copy_from_slice(&self.store_id.to_le_bytes());
        out[24..32].copy_from_slice(&self.snapshot_id.to_le_bytes());
        out[32..40].copy_from_slice(&self.replay.to_le_bytes());
        out[40..48].copy_from_slice(&self.as_of.to_le_bytes());
        out[48..52].copy_from_slice(&self.next_collection_id.to_le_bytes());
        out[52..56].copy_from_slice(&unit(self.end_at).to_le_bytes());
        let crc = crc32fast::hash(&out[..CRC_AT]);
        out[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The magic, the version and the CRC stand where they are in every version to come, so that a
    /// newer snapshot is told from a damaged one.
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
        let header = Self {
            store_id: u64_at(bytes, 16),
            snapshot_id: u64_at(bytes, 24),
            replay: u64_at(bytes, 32),
            as_of: u64_at(bytes, 40),
            next_collection_id: u32_at(bytes, 48),
            end_at: u64::from(u32_at(bytes, 52)) * ALIGN_BYTES as u64,
        };
        let is_known = version > 0 && u32_at(bytes, 12) == HEADER_BYTES as u32;
        let is_sound = u32_at(bytes, 56) == 0 && header.replay <= header.as_of;
        if is_known && is_sound { Ok(header) } else { Err(BadHeader::Damaged) }
    }
}

/// What ties the frames of a snapshot to it and to its store.
pub(crate) fn salt(store_id: u64, snapshot_id: u64) -> Salt {
    Salt::new(store_id, snapshot_id | SALT_TAG)
}

/// Offsets count in units of eight bytes, so that a file may be 32 GiB long.
pub(super) fn unit(offset: u64) -> u32 {
    debug_assert!(offset.is_multiple_of(ALIGN_BYTES as u64) && offset >> 35 == 0);
    (offset / ALIGN_BYTES as u64) as u32
}

/// Where piece `nth` begins, in bytes from the start of the file.
pub(crate) fn piece_at(nth: u64) -> u64 {
    HEADER_BYTES as u64 + nth * PIECE_BYTES as u64
}

/// Appends the frame of one piece of the image, to stand at `offset`; returns its check.
pub(crate) fn put_piece(out: &mut Vec<u8>, salt: Salt, offset: u64, fields: &[u8]) -> u32 {
    let at = out.len();
    frame::encode(out, Kind::Piece, 0, 0, &[fields]);
    frame::place(&mut out[at..], salt, unit(offset), 0);
    u32_at(out, at + 4)
}

/// Checks a piece that stands at `offset`, given its head and the fields behind it, padded; its
/// check, or `None` when it does not pass.
pub(crate) fn check_piece(head: &[u8], fields: &[u8], salt: Salt, offset: u64) -> Option<u32> {
    let parsed = Head::parse(head)?;
    let is_whole = parsed.padded() == HEAD_BYTES + fields.len();
    let is_piece = parsed.kind_byte == Kind::Piece as u8 && parsed.flags == 0;
    let place = salt.frame(unit(offset), parsed.length as u32, u64_at(head, 8), 0);
    let passes = is_whole && is_piece && crc32fast::hash(fields) ^ place == parsed.check;
    passes.then_some(parsed.check)
}

/// The file name of a snapshot.
pub(crate) fn snapshot_name(id: u64) -> String {
    format!("{id:016x}.snap")
}

/// The name that a snapshot's file has while it is written.
pub(crate) fn unfinished_name(id: u64) -> String {
    format!("{}.tmp", snapshot_name(id))
}

/// The id in a snapshot's file name; `None` for every other name.
pub(crate) fn parse_snapshot_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".snap")?;
    let id = u64::from_str_radix(digits, 16).ok()?;
    (snapshot_name(id) == name).then_some(id)
}

/// Whether a file is a snapshot that was never finished.
pub(crate) fn is_unfinished_name(name: &str) -> bool {
    name.strip_suffix(".tmp").is_some_and(|name| parse_snapshot_name(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SnapshotHeader {
        SnapshotHeader {
            store_id: 7,
            snapshot_id: 3,
            replay: 100,
            as_of: 120,
            next_collection_id: 9,
            end_at: 128,
        }
    }

    #[test]
    fn a_header_comes_back_and_every_flip_and_cut_is_seen() {
        let header = header();
        let bytes = header.encode();
        assert_eq!(SnapshotHeader::decode(&bytes), Ok(header));
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = bytes;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SnapshotHeader::decode(&bad), Err(BadHeader::Damaged), "bit {bit}");
        }
        for length in 0..HEADER_BYTES {
            assert_eq!(SnapshotHeader::decode(&bytes[..length]), Err(BadHeader::Damaged));
        }
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut bytes = header().encode();
        bytes[8] = 9;
        let crc = crc32fast::hash(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SnapshotHeader::decode(&bytes), Err(BadHeader::Newer(9)));
    }

    #[test]
    fn a_piece_passes_only_whole_and_in_its_place() {
        let salt = header().salt();
        let fields: Vec<u8> = (0..40).collect();
        let mut bytes = Vec::new();
        let check = put_piece(&mut bytes, salt, 64, &fields);
        let passes = |bytes: &[u8], offset| {
            let (head, fields) = bytes.split_at_checked(HEAD_BYTES)?;
            check_piece(head, fields, salt, offset)
        };
        assert_eq!(passes(&bytes, 64), Some(check));
        assert_eq!(passes(&bytes, 72), None);
        let other = Salt::new(7, 3);
        assert_eq!(check_piece(&bytes[..16], &bytes[16..], other, 64), None, "that of a segment");
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(passes(&bad, 64), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(passes(&bytes[..length], 64), None, "cut to {length}");
        }
    }

    #[test]
    fn names_come_back_and_others_are_left_alone() {
        for id in [0, 1, u64::MAX] {
            assert_eq!(parse_snapshot_name(&snapshot_name(id)), Some(id));
            assert!(is_unfinished_name(&unfinished_name(id)));
            assert_eq!(parse_snapshot_name(&unfinished_name(id)), None);
        }
        for name in ["1.snap", ".snap", "LOCK", "0000000000000001.snap~", "snap.tmp"] {
            assert!(parse_snapshot_name(name).is_none() && !is_unfinished_name(name), "{name}");
        }
    }
}
