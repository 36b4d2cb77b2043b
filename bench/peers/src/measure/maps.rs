//! A map full of values: what several measurements begin with.

use super::PAYLOAD_BYTES;
use crate::{
    engines::{Engine, Failure},
    random::Payloads,
};

/// Bytes of the longest key.
const KEY_BYTES_MAX: usize = 64;

/// Puts so many keys, in batches of 100, and syncs.
pub fn fill(engine: &dyn Engine, keys: u64, key_bytes: usize) -> Result<(), Failure> {
    let mut payloads = Payloads::new(29);
    let mut writer = engine.writer();
    let mut batch: Vec<[u8; KEY_BYTES_MAX]> = Vec::new();
    for next in (0..keys).step_by(100) {
        batch.clear();
        batch.extend((next..keys.min(next + 100)).map(key::<KEY_BYTES_MAX>));
        writer.put(&pairs(&batch, key_bytes, &mut payloads))?;
    }
    engine.sync()
}

/// Keys, cut to so many bytes, each with another payload.
pub fn pairs<'p, const BYTES: usize>(
    keys: &'p [[u8; BYTES]],
    key_bytes: usize,
    payloads: &'p mut Payloads,
) -> Vec<(&'p [u8], &'p [u8])> {
    let places: Vec<usize> = keys.iter().map(|_| payloads.next(PAYLOAD_BYTES)).collect();
    let values = places.into_iter().map(|at| payloads.at(at, PAYLOAD_BYTES));
    keys.iter().map(|key| &key[..key_bytes]).zip(values).collect()
}

/// The key of a number: its digits of no order, then filler.
#[inline]
pub fn key<const BYTES: usize>(number: u64) -> [u8; BYTES] {
    let mut key = [b'k'; BYTES];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    key
}
