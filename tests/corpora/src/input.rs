//! Reads decisions from the bytes of a fuzzer; at their end everything is 0.

/// The bytes that are left.
#[derive(Debug)]
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Up to `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub(crate) fn number(&mut self, bytes: usize) -> u64 {
        let mut out = [0; 8];
        let taken = self.bytes(bytes);
        out[..taken.len()].copy_from_slice(taken);
        u64::from_le_bytes(out)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.number(1) as u8
    }

    /// A number below `end`, which is not 0 and small.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.number(if end > 256 { 4 } else { 1 }) as usize % end
    }
}
