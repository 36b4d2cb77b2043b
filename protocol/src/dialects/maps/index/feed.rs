//! The order in which paths last changed. Knows seqs and paths only.
//!
//! Runs of at most 256 changes, 20 bytes each, under the seq each run begins with. A write appends to
//! the last run and takes the path's change before out of its own: whatever the history, a walk meets
//! nothing stale and memory follows the number of paths.

use std::collections::BTreeMap;

use super::super::digest::Path;

/// Changes in one run.
const RUN_MAX: usize = 256;
/// A run with so few takes its neighbour in, or goes there.
const RUN_FEW: usize = 64;
/// Room for so many that are not there is given back.
const SPARE_MAX: usize = 32;

/// For each seq the path that changed with it, without those that changed again.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    /// By a seq that is not above those of the run, but above those of the run before.
    runs: BTreeMap<u64, Run>,
}

/// Some changes, ascending.
#[derive(Clone, Debug, Default)]
struct Run {
    /// What to add to the seq that the run begins with.
    offsets: Vec<u32>,
    paths: Vec<Path>,
}

impl Feed {
    /// The feed of these changes, each with its own seq, in any order.
    pub(super) fn build(mut changes: Vec<(u64, Path)>) -> Self {
        changes.sort_unstable_by_key(|(seq, _)| *seq);
        let mut feed = Self::default();
        changes.into_iter().for_each(|(seq, path)| feed.insert(seq, path));
        feed
    }

    /// Adds a change. A seq that is there names the new path then; 0 is not kept.
    pub(super) fn insert(&mut self, seq: u64, path: Path) {
        if seq == 0 {
            return;
        }
        match self.runs.range_mut(..=seq).next_back() {
            Some((&begin, run)) if run.has_room(begin, seq) => run.insert(begin, seq, path),
            Some((&begin, run)) if run.last(begin) >= seq => {
                let (middle, later) = run.split(begin);
                if seq < middle {
                    run.insert(begin, seq, path);
                    self.runs.insert(middle, later);
                } else {
                    self.runs.entry(middle).or_insert(later).insert(middle, seq, path);
                }
            }
            _ => {
                let run = Run { offsets: vec![0], paths: vec![path] };
                self.runs.insert(seq, run);
            }
        }
    }

    /// Takes a change out, if it is this path's.
    pub(super) fn remove(&mut self, seq: u64, path: Path) {
        let Some((&begin, run)) = self.runs.range_mut(..=seq).next_back() else { return };
        run.remove(begin, seq, path);
        if run.len() > RUN_FEW {
            return;
        }
        if run.len() == 0 {
            self.runs.remove(&begin);
        } else if let Some((&next, _)) = self.runs.range(begin + 1..).next() {
            self.join(begin, next);
        }
    }

    /// Makes two neighbours one run, when they have room in one.
    fn join(&mut self, begin: u64, next: u64) {
        let Some(later) = self.runs.remove(&next) else { return };
        match self.runs.get_mut(&begin) {
            Some(run) if run.takes(begin, &later, next) => run.append(begin, &later, next),
            _ => drop(self.runs.insert(next, later)),
        }
    }

    /// The changes after a seq, ascending.
    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = (u64, Path)> {
        let from = self.runs.range(..=seq).next_back().map_or(0, |(begin, _)| *begin);
        let runs = self.runs.range(from..);
        runs.flat_map(|(begin, run)| run.changes(*begin)).skip_while(move |(at, _)| *at <= seq)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let runs = self.runs.values();
        runs.map(|run| 64 + 4 * run.offsets.capacity() + 16 * run.paths.capacity()).sum()
    }
}

impl Run {
    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn last(&self, begin: u64) -> u64 {
        begin + u64::from(self.offsets.last().copied().unwrap_or(0))
    }

    fn has_room(&self, begin: u64, seq: u64) -> bool {
        self.len() < RUN_MAX && u32::try_from(seq - begin).is_ok()
    }

    fn changes(&self, begin: u64) -> impl Iterator<Item = (u64, Path)> {
        let seqs = self.offsets.iter().map(move |offset| begin + u64::from(*offset));
        seqs.zip(self.paths.iter().copied())
    }

    /// Where a seq is, or belongs.
    fn find(&self, begin: u64, seq: u64) -> Result<usize, usize> {
        let Ok(offset) = u32::try_from(seq - begin) else { return Err(self.len()) };
        match self.offsets.last() {
            Some(last) if *last < offset => Err(self.len()),
            _ => self.offsets.binary_search(&offset),
        }
    }

    fn insert(&mut self, begin: u64, seq: u64, path: Path) {
        match self.find(begin, seq) {
            Ok(at) => self.paths[at] = path,
            Err(at) => {
                if self.len() == self.offsets.capacity() {
                    self.offsets.reserve_exact(SPARE_MAX);
                    self.paths.reserve_exact(SPARE_MAX);
                }
                // It fits: that was asked before.
                self.offsets.insert(at, (seq - begin) as u32);
                self.paths.insert(at, path);
            }
        }
    }

    fn remove(&mut self, begin: u64, seq: u64, path: Path) {
        let Ok(at) = self.find(begin, seq) else { return };
        if self.paths[at] != path {
            return;
        }
        self.offsets.remove(at);
        self.paths.remove(at);
        if self.offsets.capacity() > self.len() + SPARE_MAX {
            self.offsets.shrink_to_fit();
            self.paths.shrink_to_fit();
        }
    }

    /// Cuts off the later half; the seq it begins with, and it.
    fn split(&mut self, begin: u64) -> (u64, Self) {
        let half = self.len() / 2;
        let from = self.offsets[half];
        let offsets = self.offsets.drain(half..).map(|offset| offset - from).collect();
        let paths = self.paths.split_off(half);
        (begin + u64::from(from), Self { offsets, paths })
    }

    fn takes(&self, begin: u64, later: &Self, next: u64) -> bool {
        self.len() + later.len() <= RUN_MAX - SPARE_MAX
            && u32::try_from(later.last(next) - begin).is_ok()
    }

    fn append(&mut self, begin: u64, later: &Self, next: u64) {
        self.offsets.reserve_exact(later.len());
        self.paths.reserve_exact(later.len());
        let offsets = later.changes(next).map(|(seq, _)| (seq - begin) as u32);
        self.offsets.extend(offsets);
        self.paths.extend_from_slice(&later.paths);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Seqs that come in order, that come late, and that are far apart.
    fn change() -> impl Strategy<Value = (bool, u64, u8)> {
        let seq = prop_oneof![6 => 0u64..3000, 1 => 0u64..1 << 33, 1 => any::<u64>()];
        (prop::bool::weighted(0.7), seq, 0u8..3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_feed_is_a_sorted_map(
            first in 0u64..2000,
            rest in prop::collection::vec(change(), 0..1500),
            after: u64,
        ) {
            let (mut feed, mut model) = (Feed::default(), BTreeMap::new());
            for (add, seq, path) in (1..=first).map(|seq| (true, seq, 0)).chain(rest) {
                let path = Path(path.into());
                if add {
                    feed.insert(seq, path);
                    if seq > 0 {
                        model.insert(seq, path);
                    }
                } else {
                    feed.remove(seq, path);
                    if model.get(&seq) == Some(&path) {
                        model.remove(&seq);
                    }
                }
            }
            for after in [0, 1, first / 2, first, after, after >> 31, u64::MAX] {
                let expected = model.iter().filter(|(seq, _)| **seq > after);
                let expected: Vec<_> = expected.map(|(seq, path)| (*seq, *path)).collect();
                prop_assert_eq!(feed.after(after).collect::<Vec<_>>(), expected);
            }
            let built = Feed::build(model.iter().rev().map(|(seq, path)| (*seq, *path)).collect());
            prop_assert_eq!(built.after(0).collect::<Vec<_>>(), feed.after(0).collect::<Vec<_>>());
            prop_assert!(feed.runs.values().all(|run| run.len() > 0 && run.len() <= RUN_MAX));
        }
    }

    #[test]
    fn memory_follows_what_is_left() {
        let paths = 20_000;
        let mut feed = Feed::build((1..=paths).map(|seq| (seq, Path(seq.into()))).collect());
        // Every path changes ten times, in an order that has little to do with the one before.
        let mut last: Vec<u64> = (1..=paths).collect();
        for seq in paths + 1..=11 * paths {
            let at = (seq * 7919 % paths) as usize;
            feed.remove(last[at], Path(at as u128 + 1));
            feed.insert(seq, Path(at as u128 + 1));
            last[at] = seq;
        }
        assert_eq!(feed.after(0).count(), paths as usize);
        assert!(feed.heap_bytes() < 26 * paths as usize, "{}", feed.heap_bytes());
        for (at, seq) in last.iter().enumerate().filter(|(at, _)| at % 100 != 0) {
            feed.remove(*seq, Path(at as u128 + 1));
        }
        assert!(feed.heap_bytes() < 2 * paths as usize, "{}", feed.heap_bytes());
    }
}
