//! Time and chance as the machine is told them. Reads no clock and draws nothing by itself.

use std::time::Duration;

use syncline_protocol::dialect::UnixMillis;

/// A moment, by both of a device's clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    /// Since some moment before the machine was made; never goes back.
    pub(crate) at: Duration,
    /// The wall clock, as it stands: it may be wrong, and jump.
    pub(crate) wall: UnixMillis,
}

/// Numbers that follow from a seed (SplitMix64, Steele and others, 2014).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }
}
