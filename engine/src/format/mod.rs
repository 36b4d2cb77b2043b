//! The bytes on disk, format version 2: pure functions, drawn byte by byte in docs/format.md.
//!
//! Knows little-endian bytes and checks; nothing of files, memory maps or who reads.

pub(crate) mod check;
pub(crate) mod footer;
pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod image;
pub(crate) mod listing;
pub(crate) mod mark;
pub(crate) mod snapshot;
pub(crate) mod table;
pub(crate) mod varint;

/// The version this library writes, and the newest it reads.
pub(crate) const VERSION: u32 = 2;

/// Reads a little-endian number; the caller has checked the bounds.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let mut raw = [0; 2];
    raw.copy_from_slice(&bytes[at..at + 2]);
    u16::from_le_bytes(raw)
}

/// Reads a little-endian number; the caller has checked the bounds.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

/// Reads a little-endian number; the caller has checked the bounds.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(raw)
}
