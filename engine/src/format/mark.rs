//! Marks: frames that say how far the store was durable when they were written.
//!
//! Recovery looks for them behind a bad place, among arbitrary bytes, so they carry 64 check bits
//! more than other frames. Knows frames; nothing of recovery.

use super::{
    check::Salt,
    frame::{self, Frame, HEAD_BYTES, Kind},
    u64_at,
};

/// Length of a mark, in bytes.
pub(crate) const MARK_BYTES: usize = HEAD_BYTES + 16;

/// The finished frame of a mark at `offset`. `kind` is [`Kind::Flush`] or [`Kind::Close`].
pub(crate) fn encode(kind: Kind, salt: Salt, offset: u32, durable: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(MARK_BYTES);
    let check = salt.mark(offset, durable);
    frame::encode(&mut out, kind, 0, 0, &[&durable.to_le_bytes(), &check.to_le_bytes()]);
    frame::set_end(&mut out);
    frame::place(&mut out, salt, offset, 0);
    out
}

/// What a mark says: every position before this was durable.
pub(crate) fn durable(frame: &Frame<'_>, salt: Salt, offset: u32) -> Option<u64> {
    if !matches!(frame.kind, Kind::Flush | Kind::Close) {
        return None;
    }
    let durable = u64_at(frame.fields(), 0);
    (u64_at(frame.fields(), 8) == salt.mark(offset, durable)).then_some(durable)
}

/// The largest durable position that any mark in `bytes` tells. They stand at `offset`, which is a
/// multiple of eight; the bytes themselves may be anything.
pub(crate) fn search(bytes: &[u8], salt: Salt, offset: u32) -> Option<u64> {
    let at_most = bytes.len().checked_sub(MARK_BYTES)?;
    let mut found = None;
    for at in (0..=at_most).step_by(frame::ALIGN_BYTES) {
        if bytes[at] != MARK_BYTES as u8 || bytes[at + 1] != 0 {
            continue;
        }
        let here = offset + at as u32;
        if let Ok(frame) = Frame::check(&bytes[at..], salt, here) {
            found = found.max(durable(&frame, salt, here));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_among_arbitrary_bytes() {
        let salt = Salt::new(1, 1);
        let mut bytes = vec![0x20; 400];
        assert_eq!(search(&bytes, salt, 64), None);
        bytes[160..160 + MARK_BYTES].copy_from_slice(&encode(Kind::Flush, salt, 64 + 160, 77));
        bytes[240..240 + MARK_BYTES].copy_from_slice(&encode(Kind::Close, salt, 64 + 240, 55));
        assert_eq!(search(&bytes, salt, 64), Some(77));
        assert_eq!(search(&bytes, salt, 72), None, "a copy at another place is no mark");
        assert_eq!(search(&bytes[..160 + MARK_BYTES - 1], salt, 64), None);
    }
}
