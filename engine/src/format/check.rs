//! Checks and hashes: what ties a frame to its place, and a key to its table.
//!
//! Part of the format: a change here is a new format version. Knows numbers, nothing of frames.

use super::u64_at;

const K0: u64 = 0x9e37_79b9_7f4a_7c15;
const K1: u64 = 0xbf58_476d_1ce4_e5b9;
const K2: u64 = 0x94d0_49bb_1331_11eb;
const K3: u64 = 0xd6e8_feb8_6659_fd93;

/// Folds the 128-bit product, the step that the known fast hashes share: every input bit reaches
/// every output bit.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// What ties a frame to one segment of one store: a frame copied into another, or left behind by
/// an older use of the same blocks, does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Salt(u64);

impl Salt {
    pub(crate) fn new(store_id: u64, segment_id: u64) -> Self {
        Self(fold(store_id ^ K0, segment_id.wrapping_add(K1)) ^ store_id.rotate_left(32))
    }

    /// What is XORed onto the CRC-32 of a frame's fields: its place, its own first words, and for
    /// an append its sequence number (else 0).
    pub(crate) fn frame(self, offset: u32, length: u32, kind_word: u64, seq: u64) -> u32 {
        let place = u64::from(offset) << 32 | u64::from(length);
        let mixed = fold(self.0 ^ place, K2);
        let mixed = fold(mixed ^ kind_word, K3);
        let mixed = fold(mixed ^ seq, K1);
        (mixed ^ (mixed >> 32)) as u32
    }

    /// 64 further check bits of a mark, since marks are looked for among arbitrary bytes.
    pub(crate) fn mark(self, offset: u32, durable: u64) -> u64 {
        fold(fold(self.0 ^ K1, u64::from(offset) ^ K3) ^ durable, K0)
    }
}

/// Hashes the keys and names of one store. Keyed, since clients choose keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyHash {
    first: u64,
    second: u64,
}

impl KeyHash {
    pub(crate) fn new(store_id: u64) -> Self {
        Self { first: fold(store_id ^ K2, K0), second: fold(store_id ^ K3, K1) | 1 }
    }

    /// 64 bits of hash; the same on every machine, since footers hold it.
    pub(crate) fn hash(self, key: &[u8]) -> u64 {
        let mut state = self.first ^ (key.len() as u64).wrapping_mul(K0);
        let mut rest = key;
        while rest.len() > 16 {
            state = fold(u64_at(rest, 0) ^ self.second, u64_at(rest, 8) ^ state);
            rest = &rest[16..];
        }
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        state = fold(u64_at(&last, 0) ^ self.second, u64_at(&last, 8) ^ state);
        fold(state ^ self.first, self.second)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_place_changes_the_check() {
        let salt = Salt::new(1, 2);
        let base = salt.frame(64, 40, 3, 5);
        assert_eq!(base, salt.frame(64, 40, 3, 5));
        for other in [
            salt.frame(72, 40, 3, 5),
            salt.frame(64, 41, 3, 5),
            salt.frame(64, 40, 2, 5),
            salt.frame(64, 40, 3, 6),
            Salt::new(1, 3).frame(64, 40, 3, 5),
            Salt::new(2, 2).frame(64, 40, 3, 5),
        ] {
            assert_ne!(base, other);
        }
        assert_ne!(salt.mark(64, 9), salt.mark(64, 8));
        assert_ne!(salt.mark(64, 9), salt.mark(72, 9));
    }

    #[test]
    fn hashes_spread_and_see_every_byte_and_the_length() {
        let hash = KeyHash::new(7);
        let mut seen = HashSet::new();
        for length in 0..70 {
            assert!(seen.insert(hash.hash(&vec![0; length])), "zeros of length {length}");
            for at in 0..length {
                let mut key = vec![0; length];
                key[at] = 1;
                assert!(seen.insert(hash.hash(&key)), "length {length}, byte {at}");
            }
        }
        assert_ne!(KeyHash::new(8).hash(b"a"), hash.hash(b"a"));
    }

    #[test]
    fn the_values_are_part_of_the_format() {
        assert_eq!(Salt::new(1, 2).frame(64, 40, 3, 5), FRAME_CHECK);
        assert_eq!(Salt::new(1, 2).mark(64, 9), MARK_CHECK);
        assert_eq!(KeyHash::new(7).hash(b"title"), TITLE_HASH);
    }

    const FRAME_CHECK: u32 = 0xf61b_6a6c;
    const MARK_CHECK: u64 = 0xdadb_46d2_09c1_6ad6;
    const TITLE_HASH: u64 = 0x709b_865c_1896_fa9b;
}
