//! Entries like those of real records, without hashing any.

use syncline_protocol::dialects::maps::{Entry, Leaf, Path};

/// Deterministic, and like a hash.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Four numbers like a hash of one.
pub(crate) fn leaf(seed: u64) -> Leaf {
    let mut leaf = [0; 32];
    for (at, chunk) in (0..).zip(leaf.chunks_exact_mut(8)) {
        chunk.copy_from_slice(&mixed(seed.wrapping_mul(4).wrapping_add(at)).to_le_bytes());
    }
    Leaf(leaf)
}

/// The record of a number, as it was changed with a seq.
pub(crate) fn entry(number: u64, seq: u64) -> Entry {
    let path = Path(u128::from(mixed(number)) << 64 | u128::from(mixed(!number)));
    Entry { path, leaf: leaf(number ^ seq << 32), seq, counted: true }
}
