//! Headers, frames and their checks, after docs/format.md: to build segments, and to mend the checks of
//! damaged ones so that what is behind the checks is reached.

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xbf58_476d_1ce4_e5b9;
const K2: u64 = 0x94d0_49bb_1331_11eb;
const K3: u64 = 0xd6e8_feb8_6659_fd93;

pub(crate) const HEADER_BYTES: usize = 64;
pub(crate) const HEAD_BYTES: usize = 16;
pub(crate) const APPEND: u8 = 3;
const MARKS: [u8; 2] = [7, 8];

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(out)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u64_at(bytes, at) as u32
}

/// The salt of a segment or of a snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Salt {
    mixed: u64,
    /// What offsets are counted in, in bytes.
    unit: usize,
}

impl Salt {
    pub(crate) fn new(store: u64, segment: u64) -> Self {
        let mixed = fold(store ^ K0, segment.wrapping_add(K1)) ^ store.rotate_left(32);
        Self { mixed, unit: 1 }
    }

    pub(crate) fn of_snapshot(store: u64, snapshot: u64) -> Self {
        Self { unit: 8, ..Self::new(store, snapshot | 1 << 62) }
    }

    fn place(self, offset: usize, length: u32, kind_word: u64, seq: u64) -> u32 {
        let place = (offset / self.unit) as u64;
        let mixed = fold(self.mixed ^ (place << 32 | u64::from(length)), K2);
        let mixed = fold(fold(mixed ^ kind_word, K3) ^ seq, K1);
        (mixed ^ mixed >> 32) as u32
    }

    fn mark(self, offset: usize, durable: u64) -> u64 {
        fold(fold(self.mixed ^ K1, offset as u64 ^ K3) ^ durable, K0)
    }
}

/// The header of a segment.
pub(crate) fn header(store: u64, segment: u64, base: u64) -> Vec<u8> {
    let mut out = b"SYNCSEG\n\x01\0\0\0\x40\0\0\0".to_vec();
    for number in [store, segment, base] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.resize(HEADER_BYTES, 0);
    mend_header(&mut out);
    out
}

/// Gives a header of 64 bytes, of either kind of file, a sound CRC.
pub(crate) fn mend_header(file: &mut [u8]) {
    let crc = crc32fast::hash(&file[..60]);
    file[60..64].copy_from_slice(&crc.to_le_bytes());
}

/// Appends a frame with a sound check to a segment. `fields` include an append's sequence number.
pub(crate) fn frame(
    out: &mut Vec<u8>,
    salt: Salt,
    kind: u8,
    flags: u8,
    key_bytes: u16,
    collection: u32,
    fields: &[u8],
) {
    let at = out.len();
    out.extend_from_slice(&((HEAD_BYTES + fields.len()) as u32).to_le_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, kind, flags]);
    out.extend_from_slice(&key_bytes.to_le_bytes());
    out.extend_from_slice(&collection.to_le_bytes());
    out.extend_from_slice(fields);
    out.resize(out.len().next_multiple_of(8), 0);
    mend_frame(out, salt, at);
}

/// Gives the frame at `at` a sound check and returns where it ends; `None` when its length cannot be.
fn mend_frame(file: &mut [u8], salt: Salt, at: usize) -> Option<usize> {
    let length = u32_at(file.get(at..at + 8)?, 0);
    let end = at + (length as usize).checked_next_multiple_of(8)?;
    if (length as usize) < HEAD_BYTES || end > file.len() {
        return None;
    }
    let kind = file[at + 8];
    if MARKS.contains(&kind) && length == 32 {
        let mark = salt.mark(at, u64_at(file, at + 16));
        file[at + 24..at + 32].copy_from_slice(&mark.to_le_bytes());
    }
    let (seq, fields) = match kind {
        APPEND if length >= 24 => (u64_at(file, at + 16), &file[at + 24..end]),
        _ => (0, &file[at + 16..end]),
    };
    let check = crc32fast::hash(fields) ^ salt.place(at, length, u64_at(file, at + 8), seq);
    file[at + 4..at + 8].copy_from_slice(&check.to_le_bytes());
    Some(end)
}

/// Gives a damaged segment sound checks, wherever there is something like a header or a frame.
pub(crate) fn mend(file: &mut [u8]) {
    if file.len() < HEADER_BYTES || file.iter().all(|byte| *byte == 0) {
        return;
    }
    mend_header(file);
    let salt = Salt::new(u64_at(file, 16), u64_at(file, 24));
    let mut at = HEADER_BYTES;
    while at + HEAD_BYTES <= file.len() {
        at = mend_frame(file, salt, at).unwrap_or(at + 8);
    }
}

/// One frame of a sound segment.
pub(crate) struct Frame<'a> {
    pub(crate) kind: u8,
    pub(crate) collection: u32,
    pub(crate) key_bytes: usize,
    /// What stands behind the head.
    pub(crate) fields: &'a [u8],
}

/// The frames of a sound segment, up to the zeros behind them.
pub(crate) fn frames(file: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let mut at = HEADER_BYTES;
    std::iter::from_fn(move || {
        let length = u32_at(file.get(at..at + HEAD_BYTES)?, 0) as usize;
        let bytes = file.get(at..at + length).filter(|bytes| bytes.len() >= HEAD_BYTES)?;
        at += length.next_multiple_of(8);
        Some(Frame {
            kind: bytes[8],
            collection: u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
            key_bytes: usize::from(bytes[10]) | usize::from(bytes[11]) << 8,
            fields: &bytes[HEAD_BYTES..],
        })
    })
}
