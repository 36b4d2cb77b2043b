//! Randomness, given by the caller: an operating system's for keys, a seeded one in simulations.

use std::time::Duration;

/// A source of random bytes. Keys and nonces are made of them: outside of tests and simulations it must
/// be a cryptographic one.
pub trait Random {
    /// Fills all of `out`.
    fn fill(&mut self, out: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Random for F {
    fn fill(&mut self, out: &mut [u8]) {
        self(out);
    }
}

/// Some random bytes.
#[must_use]
pub fn random<const N: usize>(source: &mut dyn Random) -> [u8; N] {
    let mut out = [0; N];
    source.fill(&mut out);
    out
}

/// A time below `max`, each nanosecond as likely as any other but for less than one in 2^32.
#[must_use]
pub fn jitter(source: &mut dyn Random, max: Duration) -> Duration {
    let max = u64::try_from(max.as_nanos()).unwrap_or(u64::MAX);
    let drawn = u64::from_le_bytes(random(source));
    Duration::from_nanos(((u128::from(drawn) * u128::from(max)) >> 64) as u64)
}
