//! One frame: a record's length, check, kind, flags, collection and fields.
//!
//! Knows how a frame is encoded, checked and taken apart; nothing of where segments are.

use super::{check::Salt, u16_at, u32_at, u64_at};

/// Length of what every frame begins with, in bytes.
pub(crate) const HEAD_BYTES: usize = 16;
/// Length of what an append begins with, in bytes: the head and the sequence number.
pub(crate) const APPEND_HEAD_BYTES: usize = 24;
/// Frames begin at multiples of this, in bytes; what lies between is zero and under the check.
pub(crate) const ALIGN_BYTES: usize = 8;
/// Longest frame, in bytes: what the index can address within one segment.
pub(crate) const FRAME_BYTES_MAX: usize = (256 << 20) - 4096;
/// Set on the last frame of a batch, and on every frame that stands alone.
pub(crate) const FLAG_END: u8 = 1;

/// What a frame means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A new collection: its kind and name.
    Create = 1,
    /// A collection ends.
    Drop = 2,
    /// A record at the end of a log: its sequence number and payload.
    Append = 3,
    /// A log loses the records before a sequence number.
    Trim = 4,
    /// A key of a map gets a value.
    Put = 5,
    /// A key of a map goes.
    Remove = 6,
    /// Begins a flush: how far the store was durable then.
    Flush = 7,
    /// Ends a session in which everything before was made durable.
    Close = 8,
    /// The table of a sealed segment.
    Footer = 9,
    /// A piece of a snapshot's image; never in a segment.
    Piece = 10,
    /// The end of a snapshot; never in a segment.
    SnapshotEnd = 11,
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Create,
            2 => Self::Drop,
            3 => Self::Append,
            4 => Self::Trim,
            5 => Self::Put,
            6 => Self::Remove,
            7 => Self::Flush,
            8 => Self::Close,
            9 => Self::Footer,
            10 => Self::Piece,
            11 => Self::SnapshotEnd,
            _ => return None,
        })
    }
}

/// Length of a frame with the zeros that fill it up to the next frame's start, in bytes.
pub(crate) fn padded(length: usize) -> usize {
    length.next_multiple_of(ALIGN_BYTES)
}

/// The first bytes of a frame, bounds-checked but not yet trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// Length of the frame without padding, in bytes.
    pub(crate) length: usize,
    pub(crate) check: u32,
    pub(crate) kind_byte: u8,
    pub(crate) flags: u8,
    /// Length of the key (put, remove) or the name (create), else 0.
    pub(crate) key_bytes: usize,
    pub(crate) collection: u32,
}

impl Head {
    /// The head at the front of `bytes`; `None` when they are too few or the length cannot be.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < HEAD_BYTES {
            return None;
        }
        let length = u32_at(bytes, 0) as usize;
        if !(HEAD_BYTES..=FRAME_BYTES_MAX).contains(&length) {
            return None;
        }
        Some(Self {
            length,
            check: u32_at(bytes, 4),
            kind_byte: bytes[8],
            flags: bytes[9],
            key_bytes: u16_at(bytes, 10) as usize,
            collection: u32_at(bytes, 12),
        })
    }

    pub(crate) fn padded(&self) -> usize {
        padded(self.length)
    }
}

/// Why a frame does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadFrame {
    /// Cut short, damaged, or of another place.
    Damaged,
    /// Sound, but of a kind or with flags that this version does not know.
    Newer,
}

/// A frame whose check passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) end: bool,
    pub(crate) collection: u32,
    /// Length without padding, in bytes.
    pub(crate) length: usize,
    key_bytes: usize,
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Checks the frame at the front of `bytes`, which stands at `offset` of the salt's segment.
    pub(crate) fn check(bytes: &'a [u8], salt: Salt, offset: u32) -> Result<Self, BadFrame> {
        let head = Head::parse(bytes).ok_or(BadFrame::Damaged)?;
        let bytes = bytes.get(..head.padded()).ok_or(BadFrame::Damaged)?;
        let is_append = head.kind_byte == Kind::Append as u8;
        if is_append && head.length < APPEND_HEAD_BYTES {
            return Err(BadFrame::Damaged);
        }
        let (seq, fields) = if is_append {
            (u64_at(bytes, HEAD_BYTES), &bytes[APPEND_HEAD_BYTES..])
        } else {
            (0, &bytes[HEAD_BYTES..])
        };
        let place = salt.frame(offset, head.length as u32, u64_at(bytes, 8), seq);
        if crc32fast::hash(fields) ^ place != head.check {
            return Err(BadFrame::Damaged);
        }
        let kind = Kind::from_byte(head.kind_byte).ok_or(BadFrame::Newer)?;
        if head.flags & !FLAG_END != 0 {
            return Err(BadFrame::Newer);
        }
        let frame = Self {
            kind,
            end: head.flags & FLAG_END != 0,
            collection: head.collection,
            length: head.length,
            key_bytes: head.key_bytes,
            bytes,
        };
        if frame.is_well_formed() { Ok(frame) } else { Err(BadFrame::Damaged) }
    }

    /// The frame at the front of `bytes`, which this process encoded and nobody else has touched.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        let kind = Kind::from_byte(bytes[8]);
        debug_assert!(kind.is_some(), "kind {}", bytes[8]);
        let length = u32_at(bytes, 0) as usize;
        Self {
            kind: kind.unwrap_or(Kind::Footer),
            end: bytes[9] & FLAG_END != 0,
            collection: u32_at(bytes, 12),
            length,
            key_bytes: u16_at(bytes, 10) as usize,
            bytes: &bytes[..padded(length)],
        }
    }

    /// Whether the fields fit the kind: what a check cannot see in a frame that was built wrongly.
    fn is_well_formed(&self) -> bool {
        let fields = self.length - HEAD_BYTES;
        match self.kind {
            Kind::Create => self.key_bytes > 0 && fields == 1 + self.key_bytes,
            Kind::Drop => fields == 0 && self.key_bytes == 0,
            Kind::Append => self.key_bytes == 0,
            Kind::Trim => fields == 8 && self.key_bytes == 0,
            Kind::Put => fields >= self.key_bytes,
            Kind::Remove => fields == self.key_bytes,
            Kind::Flush | Kind::Close => fields == 16 && self.end,
            Kind::Footer | Kind::SnapshotEnd => self.end,
            Kind::Piece => self.key_bytes == 0,
        }
    }

    /// Length with padding, in bytes: where the next frame begins.
    pub(crate) fn padded(&self) -> usize {
        padded(self.length)
    }

    /// The whole frame with its padding.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        &self.bytes[..self.padded()]
    }

    /// The sequence number of an append or a trim.
    pub(crate) fn seq(&self) -> u64 {
        debug_assert!(matches!(self.kind, Kind::Append | Kind::Trim));
        u64_at(self.bytes, HEAD_BYTES)
    }

    /// An append's payload, or a put's value.
    pub(crate) fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload_at()..self.length]
    }

    /// Where the payload or value begins, in bytes from the frame's start.
    pub(crate) fn payload_at(&self) -> usize {
        match self.kind {
            Kind::Append => APPEND_HEAD_BYTES,
            _ => HEAD_BYTES + self.key_bytes,
        }
    }

    /// A put's or remove's key.
    pub(crate) fn key(&self) -> &'a [u8] {
        &self.bytes[HEAD_BYTES..HEAD_BYTES + self.key_bytes]
    }

    /// Length of an append's payload in bytes, by its head alone.
    pub(crate) fn append_payload_bytes(head: &Head) -> usize {
        head.length.saturating_sub(APPEND_HEAD_BYTES)
    }

    /// What is behind the head.
    pub(crate) fn fields(&self) -> &'a [u8] {
        &self.bytes[HEAD_BYTES..self.length]
    }
}

/// Appends a frame to `out`, padded, its check still without the place. `parts` are its fields, one
/// behind the other; an append's sequence number stands before them and is still 0.
///
/// The caller has checked that the frame is at most [`FRAME_BYTES_MAX`] long.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    kind: Kind,
    collection: u32,
    key_bytes: u16,
    parts: &[&[u8]],
) {
    let start = out.len();
    let mut head = [0; APPEND_HEAD_BYTES];
    head[8] = kind as u8;
    head[10..12].copy_from_slice(&key_bytes.to_le_bytes());
    head[12..16].copy_from_slice(&collection.to_le_bytes());
    let fields_at = if kind == Kind::Append { APPEND_HEAD_BYTES } else { HEAD_BYTES };
    out.extend_from_slice(&head[..fields_at]);
    for part in parts {
        out.extend_from_slice(part);
    }
    let length = out.len() - start;
    debug_assert!(length <= FRAME_BYTES_MAX);
    out.resize(start + padded(length), 0);
    let crc = crc32fast::hash(&out[start + fields_at..]);
    out[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// Marks the frame at the front of `bytes` as the last of its batch. Before [`place`].
pub(crate) fn set_end(bytes: &mut [u8]) {
    bytes[9] |= FLAG_END;
}

/// Completes the frame at the front of `bytes` when its place is known; `seq` is 0 for all but
/// appends.
pub(crate) fn place(bytes: &mut [u8], salt: Salt, offset: u32, seq: u64) {
    let place = salt.frame(offset, u32_at(bytes, 0), u64_at(bytes, 8), seq);
    let check = u32_at(bytes, 4) ^ place;
    bytes[4..8].copy_from_slice(&check.to_le_bytes());
    if bytes[8] == Kind::Append as u8 {
        bytes[HEAD_BYTES..APPEND_HEAD_BYTES].copy_from_slice(&seq.to_le_bytes());
    }
}

/// Moves the frame at the front of `bytes`, whose check passed at its old place, to a new one, where it
/// stands alone. The check of its fields is carried over, so that damage is never made good.
pub(crate) fn carry(bytes: &mut [u8], from: (Salt, u32), to: (Salt, u32)) {
    let is_append = bytes[8] == Kind::Append as u8;
    let seq = if is_append { u64_at(bytes, HEAD_BYTES) } else { 0 };
    let place = |bytes: &[u8], (salt, offset): (Salt, u32)| {
        salt.frame(offset, u32_at(bytes, 0), u64_at(bytes, 8), seq)
    };
    let crc = u32_at(bytes, 4) ^ place(bytes, from);
    set_end(bytes);
    let check = crc ^ place(bytes, to);
    bytes[4..8].copy_from_slice(&check.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: fn() -> Salt = || Salt::new(11, 3);

    fn append() -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, Kind::Append, 5, 0, &[b"pay", b"load!"]);
        set_end(&mut out);
        place(&mut out, SALT(), 64, 9);
        out
    }

    #[test]
    fn an_append_comes_back() {
        let bytes = append();
        let frame = Frame::check(&bytes, SALT(), 64).unwrap();
        assert_eq!((frame.kind, frame.end, frame.collection), (Kind::Append, true, 5));
        assert_eq!((frame.seq(), frame.payload()), (9, &b"payload!"[..]));
    }

    #[test]
    fn a_put_comes_back_with_empty_key_and_value_too() {
        for (key, value) in [(&b"key"[..], &b"value"[..]), (b"", b""), (b"k", b""), (b"", b"v")] {
            let mut out = Vec::new();
            encode(&mut out, Kind::Put, 1, key.len() as u16, &[key, value]);
            place(&mut out, SALT(), 8, 0);
            let frame = Frame::check(&out, SALT(), 8).unwrap();
            assert_eq!((frame.key(), frame.payload(), frame.end), (key, value, false));
        }
    }

    #[test]
    fn every_flip_and_every_cut_is_seen() {
        let bytes = append();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::check(&bad, SALT(), 64).unwrap_err(), BadFrame::Damaged, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Frame::check(&bytes[..length], SALT(), 64).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_frame_of_another_place_does_not_pass() {
        let bytes = append();
        assert!(Frame::check(&bytes, SALT(), 72).is_err());
        assert!(Frame::check(&bytes, Salt::new(11, 4), 64).is_err());
        assert!(Frame::check(&bytes, Salt::new(12, 3), 64).is_err());
    }

    #[test]
    fn a_carried_frame_is_the_same_at_its_new_place_and_damage_stays() {
        let mut out = Vec::new();
        encode(&mut out, Kind::Put, 7, 3, &[b"key", b"value"]);
        place(&mut out, SALT(), 64, 0);
        let to = (Salt::new(11, 9), 4096);
        for mut bytes in [append(), out] {
            let mut bad = bytes.clone();
            carry(&mut bytes, (SALT(), 64), to);
            assert!(Frame::check(&bytes, SALT(), 64).is_err());
            let frame = Frame::check(&bytes, to.0, to.1).unwrap();
            assert!(frame.end && matches!(frame.payload(), b"payload!" | b"value"));
            let last = bad.len() - 1;
            bad[last] ^= 1;
            carry(&mut bad, (SALT(), 64), to);
            assert_eq!(Frame::check(&bad, to.0, to.1).unwrap_err(), BadFrame::Damaged);
        }
    }

    #[test]
    fn a_kind_from_the_future_is_told_from_damage() {
        let mut out = Vec::new();
        encode(&mut out, Kind::Drop, 1, 0, &[]);
        out[8] = 200;
        place(&mut out, SALT(), 64, 0);
        assert_eq!(Frame::check(&out, SALT(), 64).unwrap_err(), BadFrame::Newer);
    }

    #[test]
    fn zeros_are_no_frame() {
        assert_eq!(Frame::check(&[0; 64], SALT(), 64).unwrap_err(), BadFrame::Damaged);
    }
}
