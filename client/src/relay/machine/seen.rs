//! Which changes have been seen, by their ids: exact for as many gaps as it has room for.
//! Knows no payload and no connection.

use std::collections::HashMap;

use crate::relay::change_id::{ChangeId, Origin};

/// How many origins are remembered. The one whose last change is the oldest goes first; a change
/// of it that is submitted again after that would be taken for a new one.
const ORIGINS_MAX: usize = 4096;

/// How many runs of consecutive counters are remembered for one origin. Beyond that the lowest
/// gap counts as seen. A gap is a change that its maker lost, or that the server refused.
const RUNS_MAX: usize = 64;

/// The counters of one origin that have been seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counters {
    /// First and last counter of each run: ascending, with a gap between any two.
    runs: Vec<(u64, u64)>,
    /// The sequence number around which the origin was last heard of.
    last_sequence: u64,
}

impl Counters {
    /// Adds a counter; false when it was there.
    fn insert(&mut self, counter: u64) -> bool {
        let at = self.runs.partition_point(|&(_, last)| last < counter);
        if self.runs.get(at).is_some_and(|&(first, _)| first <= counter) {
            return false;
        }
        let joins_left = at > 0 && self.runs[at - 1].1 == counter - 1;
        let joins_right = self.runs.get(at).is_some_and(|&(first, _)| first - 1 == counter);
        match (joins_left, joins_right) {
            (true, true) => self.runs[at - 1].1 = self.runs.remove(at).1,
            (true, false) => self.runs[at - 1].1 = counter,
            (false, true) => self.runs[at].0 = counter,
            (false, false) => self.runs.insert(at, (counter, counter)),
        }
        if self.runs.len() > RUNS_MAX {
            let (lowest, _) = self.runs.remove(0);
            self.runs[0].0 = lowest;
        }
        true
    }
}

/// What noting a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The change had not been seen.
    pub new: bool,
    /// The origin that had to make room.
    pub forgotten: Option<Origin>,
}

/// Which changes have been seen.
///
/// Exact until 4,096 origins (runs of clients) or 64 gaps in the changes of one origin are
/// exceeded; then the oldest are forgotten, or count as seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    origins: HashMap<Origin, Counters>,
}

impl Seen {
    /// Notes that a change was met at a sequence number.
    ///
    /// # Panics
    /// In debug builds, when the counter is 0.
    pub fn insert(&mut self, id: ChangeId, sequence: u64) -> Noted {
        debug_assert!(id.counter > 0, "counters start at 1");
        let full = self.origins.len() >= ORIGINS_MAX && !self.origins.contains_key(&id.origin);
        let forgotten = if full { self.forget_oldest() } else { None };
        let counters = self.origins.entry(id.origin).or_default();
        counters.last_sequence = counters.last_sequence.max(sequence);
        Noted { new: counters.insert(id.counter), forgotten }
    }

    /// What is remembered of one origin, to be kept: 8 bytes and 16 for each run of counters.
    #[must_use]
    pub fn encode(&self, origin: &Origin) -> Option<Vec<u8>> {
        let counters = self.origins.get(origin)?;
        let numbers = counters.runs.iter().flat_map(|&(first, last)| [first, last]);
        let all = std::iter::once(counters.last_sequence).chain(numbers);
        Some(all.flat_map(u64::to_le_bytes).collect())
    }

    /// Takes back what [`Seen::encode`] gave. False, and nothing is taken, when it is damaged.
    #[must_use]
    pub fn decode(&mut self, origin: Origin, bytes: &[u8]) -> bool {
        let (words, rest) = bytes.as_chunks::<8>();
        let numbers: Vec<u64> = words.iter().copied().map(u64::from_le_bytes).collect();
        let Some((&last_sequence, ends)) = numbers.split_first() else { return false };
        let (pairs, odd) = ends.as_chunks::<2>();
        let runs: Vec<_> = pairs.iter().map(|&[first, last]| (first, last)).collect();
        let ordered = runs.iter().all(|&(first, last)| 0 < first && first <= last)
            && runs.windows(2).all(|pair| pair[0].1 < pair[1].0.saturating_sub(1));
        let whole = rest.is_empty() && odd.is_empty() && ordered && runs.len() <= RUNS_MAX;
        if whole {
            self.origins.insert(origin, Counters { runs, last_sequence });
        }
        whole
    }

    fn forget_oldest(&mut self) -> Option<Origin> {
        let oldest =
            self.origins.iter().min_by_key(|(origin, seen)| (seen.last_sequence, **origin));
        let origin = oldest.map(|(origin, _)| *origin)?;
        self.origins.remove(&origin);
        Some(origin)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn id(origin: u16, counter: u64) -> ChangeId {
        let mut bytes = [0; Origin::BYTES];
        bytes[..2].copy_from_slice(&origin.to_be_bytes());
        ChangeId { origin: Origin::new(bytes), counter }
    }

    #[test]
    fn the_origin_heard_of_longest_ago_is_forgotten_first() {
        let mut seen = Seen::default();
        for number in 0..ORIGINS_MAX as u16 {
            assert!(seen.insert(id(number, 1), u64::from(number) + 1).new);
        }
        assert_eq!(seen.insert(id(0, 2), 10_000), Noted { new: true, forgotten: None });
        let noted = seen.insert(id(u16::MAX, 1), 10_001);
        assert_eq!(noted, Noted { new: true, forgotten: Some(id(1, 1).origin) });
        assert_eq!(seen.origins.len(), ORIGINS_MAX);
    }

    #[test]
    fn too_many_gaps_close_from_below() {
        let mut seen = Seen::default();
        let mut odd_counters = (0..=RUNS_MAX as u64).map(|number| 2 * number + 1);
        assert!(odd_counters.all(|counter| seen.insert(id(1, counter), 1).new));
        assert!(!seen.insert(id(1, 2), 1).new, "the lowest gap counts as seen");
        assert!(seen.insert(id(1, 4), 1).new, "the next one does not");
    }

    #[test]
    fn the_highest_counter_is_taken_like_any_other() {
        let mut seen = Seen::default();
        assert!(seen.insert(id(1, u64::MAX), 1).new);
        assert!(!seen.insert(id(1, u64::MAX), 1).new);
        assert!(seen.insert(id(1, u64::MAX - 1), 1).new);
    }

    #[test]
    fn damaged_bytes_are_not_taken() {
        let mut seen = Seen::default();
        let numbers = |all: &[u64]| all.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let damaged = [
            vec![],
            vec![0; 7],
            numbers(&[1, 2]),
            numbers(&[1, 0, 3]),
            numbers(&[1, 5, 3]),
            numbers(&[1, 1, 2, 3, 4]),
            numbers(&[1, 5, 6, 1, 2]),
        ];
        for bytes in damaged {
            assert!(!seen.decode(id(1, 1).origin, &bytes), "{bytes:?}");
        }
        assert!(seen.origins.is_empty());
    }

    proptest! {
        #[test]
        fn it_answers_like_a_plain_set(counters in prop::collection::vec(1..60u64, 0..200)) {
            let (mut seen, mut model) = (Seen::default(), BTreeSet::new());
            for counter in counters {
                prop_assert_eq!(seen.insert(id(1, counter), 1).new, model.insert(counter));
                let mut copy = Seen::default();
                let bytes = seen.encode(&id(1, 1).origin).unwrap();
                prop_assert!(copy.decode(id(1, 1).origin, &bytes));
                prop_assert_eq!(&copy.origins, &seen.origins);
            }
        }
    }
}
