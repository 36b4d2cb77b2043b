//! Chance that a seed repeats, for the suites.
//!
//! Knows nothing of what it is used for.

use std::{env, iter};

/// Numbers that follow from a seed (SplitMix64, Steele and others, 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same numbers.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below `end`.
    ///
    /// # Panics
    /// When none is.
    pub fn below<N: TryFrom<u64>>(&mut self, end: N) -> N
    where
        u64: TryFrom<N>,
    {
        let end = u64::try_from(end).ok().expect("something is below it");
        N::try_from(self.roll() % end).ok().expect("what is below a number is one of its kind")
    }

    /// Whether something happens that does so once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Any of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        iter::repeat_with(|| self.roll() as u8).take(length).collect()
    }
}

/// How many cases a run tries: `SYNCLINE_TEST_SEEDS`, for a longer run, or `cases`.
///
/// # Panics
/// When the variable is no number.
#[must_use]
pub fn seeds(cases: u64) -> u64 {
    let asked = env::var("SYNCLINE_TEST_SEEDS").ok();
    asked.map_or(cases, |text| text.parse().expect("SYNCLINE_TEST_SEEDS is a number"))
}
