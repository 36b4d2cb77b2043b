//! What a power cut does to each thing that was not synced: kept, lost or torn, by a seed.
//!
//! Knows steps and sectors by number; nothing of names, bytes or files.

use super::chance::{Chance, mix};

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Lost,
    Kept,
    /// Only its first bytes (more than the sector may hold means all of it).
    Torn(usize),
}

/// A kind of power cut.
#[derive(Clone, Copy, Debug)]
enum Pattern {
    /// Nothing that was not synced is there.
    Nothing,
    /// All of it is.
    Everything,
    /// The disk kept the order: all before a step, of that one some sectors and a torn one.
    UpTo { step: u64, sectors: usize, bytes: usize },
    /// Each step's changes stand or fall together, in no order.
    Steps { kept_of_8: u64 },
    /// Each sector for itself.
    Sectors { kept_of_8: u64 },
    /// All but the sectors of one step, or one sector of it.
    AllBut { step: u64, sector: Option<usize> },
}

impl Pattern {
    fn choose(chance: &mut Chance, steps: &[u64]) -> Self {
        let step = if steps.is_empty() { 0 } else { steps[chance.index(steps.len())] };
        match chance.below(8) {
            0 => Self::Nothing,
            1 => Self::Everything,
            2 | 3 => Self::UpTo { step, sectors: chance.index(12), bytes: chance.index(600) },
            4 => Self::Steps { kept_of_8: 1 + chance.below(7) },
            5 | 6 => Self::Sectors { kept_of_8: 1 + chance.below(7) },
            _ => {
                let sector = (!chance.one_in(2)).then(|| chance.index(12));
                Self::AllBut { step, sector }
            }
        }
    }

    /// The fate of sector `nth` (counted within its step) of the change made at `step`.
    fn outcome(self, salt: u64, step: u64, nth: usize) -> Outcome {
        let kept = |is_kept| if is_kept { Outcome::Kept } else { Outcome::Lost };
        let draw = mix(salt ^ mix(step));
        match self {
            Self::Nothing => Outcome::Lost,
            Self::Everything => Outcome::Kept,
            Self::UpTo { step: last, sectors, bytes } => match step.cmp(&last) {
                std::cmp::Ordering::Less => Outcome::Kept,
                std::cmp::Ordering::Equal if nth == sectors => Outcome::Torn(bytes),
                std::cmp::Ordering::Equal => kept(nth < sectors),
                std::cmp::Ordering::Greater => Outcome::Lost,
            },
            Self::Steps { kept_of_8 } => kept(draw % 8 < kept_of_8),
            Self::Sectors { kept_of_8 } => {
                let draw = mix(draw ^ nth as u64);
                match draw >> 32 & 15 {
                    0 => Outcome::Torn((draw >> 40 & 511) as usize),
                    _ => kept(draw % 8 < kept_of_8),
                }
            }
            Self::AllBut { step: lost, sector } => {
                kept(step != lost || sector.is_some_and(|sector| sector != nth))
            }
        }
    }
}

/// One power cut: the fate of every change that was not synced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    salt: u64,
    data: Pattern,
    names: Pattern,
}

impl Fate {
    /// No power cut at all.
    pub(super) const KEEP_ALL: Self =
        Self { salt: 0, data: Pattern::Everything, names: Pattern::Everything };

    /// A power cut that takes all it can.
    pub(super) const LOSE_ALL: Self =
        Self { salt: 0, data: Pattern::Nothing, names: Pattern::Nothing };

    /// The cut that `seed` means, given the steps that still had something un-synced.
    pub(super) fn new(seed: u64, steps: &[u64]) -> Self {
        let mut chance = Chance::new(seed);
        let data = Pattern::choose(&mut chance, steps);
        // Names without data and data without names need fates of their own; a disk that keeps the
        // order keeps it between both.
        let names = if chance.one_in(3) { data } else { Pattern::choose(&mut chance, steps) };
        Self { salt: chance.next(), data, names }
    }

    /// The fate of a sector, the `nth` that was written at `step`.
    pub(super) fn sector(&self, step: u64, nth: usize) -> Outcome {
        self.data.outcome(self.salt, step, nth)
    }

    /// Whether a file's new length is there.
    pub(super) fn keeps_length(&self, step: u64) -> bool {
        self.data.outcome(self.salt ^ 1, step, 0) != Outcome::Lost
    }

    /// Whether a name's creation, change or removal is there.
    pub(super) fn keeps_name(&self, step: u64) -> bool {
        self.names.outcome(self.salt, step, 0) == Outcome::Kept
    }
}
