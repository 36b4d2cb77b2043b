//! A copy of what was written last to a file that cannot be mapped yet: reading it is no system call.
//!
//! Knows bytes and offsets; nothing of frames or files.

use std::collections::VecDeque;

const CHUNK_BYTES: usize = 256 << 10;
/// Chunks that are kept at most.
const CHUNKS_MAX: usize = 64;

/// The newest bytes of a file that is written from front to end.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// Where the first chunk begins, in bytes from the start of the file.
    start: u64,
    /// All full but the last.
    chunks: VecDeque<Box<[u8]>>,
    /// Where the bytes end.
    end: u64,
}

impl Recent {
    /// Keeps bytes that were written at `offset`. What does not go on from those before takes their
    /// place.
    pub(crate) fn put(&mut self, offset: u64, mut bytes: &[u8]) {
        if offset != self.end {
            self.chunks.clear();
            (self.start, self.end) = (offset, offset);
        }
        while !bytes.is_empty() {
            let at = (self.end - self.start) as usize;
            if at == self.chunks.len() * CHUNK_BYTES {
                self.add_chunk();
                continue;
            }
            let Some(last) = self.chunks.back_mut() else { return };
            let at = at % CHUNK_BYTES;
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - at));
            last[at..at + now.len()].copy_from_slice(now);
            (self.end, bytes) = (self.end + now.len() as u64, later);
        }
    }

    fn add_chunk(&mut self) {
        let oldest = if self.chunks.len() < CHUNKS_MAX { None } else { self.chunks.pop_front() };
        if oldest.is_some() {
            self.start += CHUNK_BYTES as u64;
        }
        self.chunks.push_back(oldest.unwrap_or_else(|| vec![0; CHUNK_BYTES].into()));
    }

    /// Fills `buffer` from `offset` on; `false` when not all of that is here.
    pub(crate) fn read(&self, buffer: &mut [u8], offset: u64) -> bool {
        if offset < self.start || offset + buffer.len() as u64 > self.end {
            return false;
        }
        let mut at = (offset - self.start) as usize;
        let mut rest = buffer;
        while !rest.is_empty() {
            let Some(chunk) = self.chunks.get(at / CHUNK_BYTES) else { return false };
            let from = &chunk[at % CHUNK_BYTES..];
            let (now, later) = rest.split_at_mut(rest.len().min(from.len()));
            now.copy_from_slice(&from[..now.len()]);
            (at, rest) = (at + now.len(), later);
        }
        true
    }

    /// Lets everything go.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte(at: u64) -> u8 {
        (at.wrapping_mul(0x9e37_79b9) >> 13) as u8
    }

    fn bytes(range: std::ops::Range<u64>) -> Vec<u8> {
        range.map(byte).collect()
    }

    #[test]
    fn the_newest_bytes_are_here_and_no_others() {
        let (mut recent, mut end) = (Recent::default(), 64);
        let kept = (CHUNKS_MAX * CHUNK_BYTES) as u64;
        for step in [1, 100, 300_000, 4096, 262_144, 7, 5_000_000, 9_000_000, 3_000_000, 12] {
            recent.put(end, &bytes(end..end + step));
            end += step;
            let mut buffer = vec![0; 700];
            for offset in [end.saturating_sub(700), end.saturating_sub(kept / 2), 64] {
                let is_here = recent.read(&mut buffer, offset);
                assert_eq!(is_here, offset >= recent.start && offset + 700 <= end, "{offset}");
                assert!(!is_here || buffer == bytes(offset..offset + 700));
            }
            assert!(!recent.read(&mut buffer, end - 1));
            let least = kept.min(end).saturating_sub(CHUNK_BYTES as u64 + 64);
            assert!(recent.chunks.len() <= CHUNKS_MAX && end - recent.start >= least);
        }
        assert!(recent.start > 64, "old ones went");
    }

    #[test]
    fn what_does_not_follow_takes_the_place_of_all() {
        let (mut recent, mut buffer) = (Recent::default(), [0; 4]);
        recent.put(64, &bytes(64..128));
        recent.put(256, &bytes(256..300));
        assert!(!recent.read(&mut buffer, 64) && recent.read(&mut buffer, 296));
        recent.clear();
        assert!(!recent.read(&mut buffer, 256));
    }
}
