//! The hash of a set, whatever the order in which it came together: a sum of hashes of 256 bits.
//!
//! Knows no record and no dialect. Two replicas that hold the same have the same digest.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A sum of hashes, each a number of 256 bits with the little end first, modulo 2^256.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sum([u64; 4]);

impl Sum {
    /// Adds.
    pub fn add(&mut self, other: &Self) {
        let mut carry = false;
        for (limb, more) in self.0.iter_mut().zip(other.0) {
            let (sum, first) = limb.overflowing_add(more);
            let (sum, second) = sum.overflowing_add(carry.into());
            (*limb, carry) = (sum, first | second);
        }
    }

    /// Takes away.
    pub fn sub(&mut self, other: &Self) {
        let mut borrow = false;
        for (limb, less) in self.0.iter_mut().zip(other.0) {
            let (rest, first) = limb.overflowing_sub(less);
            let (rest, second) = rest.overflowing_sub(borrow.into());
            (*limb, borrow) = (rest, first | second);
        }
    }

    /// Its 32 bytes, the little end first.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (bytes, limb) in out.chunks_exact_mut(8).zip(self.0) {
            bytes.copy_from_slice(&limb.to_le_bytes());
        }
        out
    }
}

/// A hash as a number.
impl From<&[u8; 32]> for Sum {
    fn from(hash: &[u8; 32]) -> Self {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(hash.as_chunks().0) {
            *limb = u64::from_le_bytes(*bytes);
        }
        Self(limbs)
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A set: the sum of its hashes, and how many they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// The sum of the hashes.
    pub sum: Sum,
    /// How many they are.
    pub count: u64,
}

impl Totals {
    /// Adds one hash.
    pub fn insert(&mut self, leaf: impl Into<Sum>) {
        self.sum.add(&leaf.into());
        self.count += 1;
    }

    /// Takes one hash out, which is in.
    pub fn remove(&mut self, leaf: impl Into<Sum>) {
        self.sum.sub(&leaf.into());
        self.count -= 1;
    }

    /// Adds other hashes, none of which is in.
    pub fn add(&mut self, other: &Self) {
        self.sum.add(&other.sum);
        self.count += other.count;
    }

    /// Takes other hashes out, all of which are in.
    pub fn sub(&mut self, other: &Self) {
        self.sum.sub(&other.sum);
        self.count -= other.count;
    }

    /// SHA-256 of the sum and of the count in base 128, the high digits first.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut count = [0; 10];
        let digits = (u64::BITS - (self.count | 1).leading_zeros()).div_ceil(7) as usize;
        for (at, byte) in count[..digits].iter_mut().enumerate() {
            let place = digits - 1 - at;
            let more = if place == 0 { 0 } else { 0x80 };
            *byte = (self.count >> (7 * place)) as u8 & 0x7f | more;
        }
        let hash = Sha256::new().chain_update(self.sum.to_bytes()).chain_update(&count[..digits]);
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_and_borrows_go_all_the_way() {
        let (ones, mut one) = ([0xff; 32], [0; 32]);
        one[0] = 1;
        let mut sum = Sum::from(&ones);
        sum.add(&Sum::from(&one));
        assert_eq!(sum, Sum::default());
        sum.sub(&Sum::from(&one));
        assert_eq!(sum.to_bytes(), ones);
    }

    #[test]
    fn the_count_is_in_the_digest() {
        let mut empty = Totals::default();
        let none = empty.digest();
        empty.insert(&[0; 32]);
        assert_ne!(empty.digest(), none);
        empty.remove(&[0; 32]);
        assert_eq!(empty.digest(), none);
    }
}
