//! A small random number generator, seeded, so that every engine gets the same work.

/// xorshift64*: fast, and good enough to spread accesses.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    #[inline]
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(bound)) >> 64) as u64
    }
}

/// A payload that does not compress.
pub fn payload(bytes: usize) -> Vec<u8> {
    let mut random = Random::new(7);
    (0..bytes).map(|_| random.number() as u8).collect()
}

/// Payloads of which no two that meet are alike, so that nobody saves the work of writing one that is there
/// already, or compresses a block of them.
#[derive(Debug)]
pub struct Payloads {
    bytes: Vec<u8>,
    next: usize,
}

impl Payloads {
    /// Another beginning for every seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut bytes = Vec::with_capacity(16 << 20);
        while bytes.len() < bytes.capacity() {
            bytes.extend(random.number().to_le_bytes());
        }
        Self { bytes, next: 0 }
    }

    /// Where the next of so many bytes is: walks on by an odd step, so that it comes back elsewhere.
    pub fn next(&mut self, bytes: usize) -> usize {
        let at = self.next;
        self.next = (self.next + bytes + 1) % (self.bytes.len() - bytes);
        at
    }

    /// The payload that begins there.
    pub fn at(&self, at: usize, bytes: usize) -> &[u8] {
        &self.bytes[at..at + bytes]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_differ() {
        let mut payloads = Payloads::new(1);
        let (first, second) = (payloads.next(256), payloads.next(256));
        assert_ne!(payloads.at(first, 256), payloads.at(second, 256));
        assert_eq!(payloads.at(second, 256).len(), 256);
    }
}
