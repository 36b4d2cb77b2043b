//! Picks the segments that are worth rewriting, by what they win and what they cost.
//!
//! Pure: knows numbers of bytes; nothing of files, and changes nothing.

/// A sealed segment that may be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) slot: u16,
    /// Bytes that its file takes.
    pub(crate) bytes: u64,
    /// Bytes of frames that an index points at: what rewriting it costs.
    pub(crate) live_bytes: u64,
    /// Bytes of history placed since it ended; for one that has no part in history, all of them.
    pub(crate) age_bytes: u64,
}

impl Candidate {
    fn gain(&self) -> u64 {
        self.bytes.saturating_sub(self.live_bytes)
    }

    /// Whether so much of it is dead that moving the rest can pay.
    fn is_sparse(&self) -> bool {
        self.gain() * GAIN_SHARE_MIN >= self.bytes
    }

    /// What is won for each byte moved. A young segment counts for less: more of it will be dead soon,
    /// without any work.
    fn score(&self, grown_up_bytes: u64) -> f64 {
        let age = self.age_bytes.min(grown_up_bytes) as f64 / grown_up_bytes.max(1) as f64;
        self.gain() as f64 * age / (self.bytes + self.live_bytes).max(1) as f64
    }
}

/// One part in so many of a victim is dead, at least.
const GAIN_SHARE_MIN: u64 = 16;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Bytes to win back; no more victims are picked once they do.
    pub(crate) gain_bytes: u64,
    /// Live bytes that may be moved, but for a first victim that has more.
    pub(crate) room_bytes: u64,
    /// The age from which on a segment is not held to be young.
    pub(crate) grown_up_bytes: u64,
}

/// The slots of the victims, best first.
pub(crate) fn victims(candidates: &[Candidate], wanted: Wanted) -> Vec<u16> {
    let mut sparse: Vec<_> = candidates.iter().filter(|one| one.is_sparse()).collect();
    let score = |one: &Candidate| one.score(wanted.grown_up_bytes);
    sparse.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.slot.cmp(&b.slot)));
    let (mut picked, mut gain, mut moved) = (Vec::new(), 0, 0);
    for one in sparse {
        if gain >= wanted.gain_bytes {
            break;
        }
        if picked.is_empty() || moved + one.live_bytes <= wanted.room_bytes {
            picked.push(one.slot);
            (gain, moved) = (gain + one.gain(), moved + one.live_bytes);
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: u64 = 1 << 30;

    fn candidate(slot: u16, live_bytes: u64, age_bytes: u64) -> Candidate {
        Candidate { slot, bytes: 1000, live_bytes, age_bytes }
    }

    fn wanted(gain_bytes: u64, room_bytes: u64) -> Wanted {
        Wanted { gain_bytes, room_bytes, grown_up_bytes: 10_000 }
    }

    #[test]
    fn the_sparsest_go_first_and_no_more_than_needed() {
        let all = [candidate(0, 600, OLD), candidate(1, 200, OLD), candidate(2, 400, OLD)];
        assert_eq!(victims(&all, wanted(700, 1000)), [1]);
        assert_eq!(victims(&all, wanted(801, 1000)), [1, 2]);
        assert_eq!(victims(&all, wanted(9000, 9000)), [1, 2, 0]);
        assert_eq!(victims(&all, wanted(0, 9000)), []);
    }

    #[test]
    fn what_is_nearly_all_alive_is_left_alone() {
        let all = [candidate(0, 1000, OLD), candidate(1, 950, OLD), candidate(2, 2000, OLD)];
        assert_eq!(victims(&all, wanted(9000, 9000)), []);
    }

    #[test]
    fn a_young_segment_waits_for_an_old_one_with_less_to_win() {
        let all = [candidate(0, 300, 100), candidate(1, 600, OLD)];
        assert_eq!(victims(&all, wanted(1, 9000)), [1]);
        let all = [candidate(0, 300, 9000), candidate(1, 600, OLD)];
        assert_eq!(victims(&all, wanted(1, 9000)), [0]);
    }

    #[test]
    fn one_with_more_than_there_is_room_for_goes_alone() {
        let all = [candidate(0, 700, OLD), candidate(1, 750, OLD)];
        assert_eq!(victims(&all, wanted(9000, 500)), [0]);
    }

    proptest! {
        #[test]
        fn victims_are_sparse_fit_and_are_enough_if_there_are_enough(
            all in prop::collection::vec((0u64..1200, 0u64..20_000), 0..40),
            gain in 0u64..20_000,
            room in 0u64..20_000,
        ) {
            let all: Vec<_> = (0..).zip(all).map(|(slot, (live, age))| candidate(slot, live, age)).collect();
            let picked = victims(&all, wanted(gain, room));
            let of = |slot: &u16| all[usize::from(*slot)];
            let live: u64 = picked.iter().map(|slot| of(slot).live_bytes).sum();
            let won: u64 = picked.iter().map(|slot| of(slot).gain()).sum();
            prop_assert!(picked.iter().all(|slot| of(slot).is_sparse()));
            prop_assert!(picked.len() <= 1 || live <= room.max(of(&picked[0]).live_bytes));
            // Without the last one there was not enough.
            let last = picked.last().map_or(0, |slot| of(slot).gain());
            prop_assert!(picked.is_empty() || won - last < gain);
            let left = all.iter().filter(|one| one.is_sparse() && !picked.contains(&one.slot));
            for one in left {
                prop_assert!(won >= gain || live + one.live_bytes > room);
            }
            let mut unique = picked.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(unique.len(), picked.len());
        }
    }
}
