//! Which bad luck a world has. Knows chance.

use super::world::Network;
use crate::dice::Dice;

/// The kind of world that it is.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) seats: u64,
    pub(super) turns: u64,
    pub(super) keys: u64,
    pub(super) network: Network,
    /// Chances of a thousand turns.
    pub(super) cuts: u64,
    pub(super) partitions: u64,
    pub(super) kills: u64,
    pub(super) failures: u64,
    pub(super) rotations: u64,
    /// A disk is lost with all that is on it.
    pub(super) losses: u64,
    pub(super) removals: u64,
    pub(super) joins: u64,
    pub(super) server_restarts: u64,
    /// Strangers ask to be let in with a code.
    pub(super) invites: u64,
    /// Rows that not everybody may write.
    pub(super) governs: u64,
    /// Clocks are wrong by up to so many milliseconds, either way.
    pub(super) skew_ms_max: u64,
    /// In the end nobody connects anew: what was lost is found all the same.
    pub(super) heals_in_place: bool,
    /// Chances of ten thousand steps that power is lost before anything of it comes out.
    pub(super) sudden_cuts: u64,
    /// Packets and streams are so small that nearly every answer has parts, and these have pieces.
    pub(super) is_small: bool,
    /// Not the host alone makes group keys and puts others out.
    pub(super) stewards: bool,
    /// The host takes those in again who were put out.
    pub(super) returns: u64,
    /// A clock is set, by up to [`JUMP_MS_MAX`], either way.
    pub(super) jumps: u64,
    /// A packet is under way for longer than a claim is waited for, also in the end.
    pub(super) is_slow: bool,
    /// In the end all are away for a month.
    pub(super) ends_old: bool,
}

/// How far a clock is set at most.
pub(super) const JUMP_MS_MAX: u64 = 200_000;
/// How long a packet is under way at most, each way, where all is slow.
pub(super) const SLOW_MS: u64 = 1500;

impl Kind {
    /// One of all kinds.
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(!seed);
        let mut of = |choice: &[u64]| choice[dice.below(choice.len() as u64) as usize];
        let mut kind = Self {
            seats: 6 + of(&[0, 0, 1, 3]),
            turns: of(&[40, 80, 160]),
            keys: of(&[2, 10, 40]),
            network: Network {
                delay_ms_max: of(&[0, 10, 50, 200]),
                lost: of(&[0, 0, 5, 30]),
                doubled: of(&[0, 0, 10, 30]),
                reorders: of(&[0, 1]) == 1,
                claimers_die: of(&[0, 0, 5, 30]),
            },
            cuts: of(&[0, 30, 100]),
            partitions: of(&[0, 0, 30]),
            kills: of(&[0, 20, 60]),
            failures: of(&[0, 0, 20]),
            rotations: of(&[0, 0, 20, 100]),
            losses: of(&[0, 0, 20]),
            removals: of(&[0, 0, 10]),
            joins: of(&[0, 20]),
            server_restarts: of(&[0, 0, 10]),
            invites: of(&[0, 30]),
            governs: of(&[0, 50]),
            skew_ms_max: of(&[0, 100, 5000, 20_000]),
            heals_in_place: of(&[0, 1]) == 1,
            sudden_cuts: of(&[0, 0, 20]),
            is_small: of(&[0, 0, 1]) == 1,
            stewards: of(&[0, 1]) == 1,
            returns: of(&[0, 0, 30]),
            jumps: of(&[0, 0, 0, 20]),
            is_slow: of(&[0, 0, 0, 1]) == 1,
            ends_old: of(&[0, 0, 0, 1]) == 1,
        };
        if kind.is_slow {
            kind.network.delay_ms_max = SLOW_MS;
        }
        kind
    }
}
