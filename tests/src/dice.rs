//! Chance that a seed repeats, for the suites over sockets.
//!
//! Knows nothing of what it is used for.

use std::env;

/// Numbers that look random (SplitMix64).
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
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
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
