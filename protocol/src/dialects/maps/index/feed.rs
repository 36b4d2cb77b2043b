//! The order in which paths last changed. Knows seqs and paths only.
//!
//! Runs of at most 1,024 changes, 20 bytes each, under the seq that each begins with. A write appends
//! to the last run and marks the path's change before as gone, where it stands; a run of which a
//! quarter is gone is written anew. So memory follows the number of paths, whatever the history.

use super::super::digest::Path;
use super::near;

/// Changes in one run.
const RUN_MAX: usize = 1024;
/// A run with so few takes its neighbour in, when both have room in one.
const RUN_FEW: u32 = RUN_MAX as u32 / 4;
/// The mark of a change that is gone; offsets stay below it.
const GONE: u32 = 1 << 31;

/// For each seq the path that changed with it, without those that changed again.
#[derive(Clone, Debug, Default)]
pub(super) struct Feed {
    /// For each run a seq that is not above its own, but above those of the run before.
    begins: Vec<u64>,
    runs: Vec<Run>,
}

/// Some changes, ascending.
#[derive(Clone, Debug, Default)]
struct Run {
    /// What to add to the seq that the run begins with, or that and the mark.
    offsets: Vec<u32>,
    paths: Vec<Path>,
    /// The last offset, without the mark.
    last: u32,
    /// How many are not gone.
    live: u32,
}

impl Feed {
    /// The feed of these changes, each with its own seq, in any order.
    pub(super) fn build(mut changes: Vec<(u64, Path)>) -> Self {
        changes.sort_unstable_by_key(|(seq, _)| *seq);
        let mut feed = Self::default();
        changes.into_iter().for_each(|(seq, path)| feed.insert(seq, path));
        feed
    }

    /// The run that a seq belongs to.
    fn find(&self, seq: u64) -> Option<usize> {
        match self.begins.last() {
            Some(last) if *last <= seq => Some(self.begins.len() - 1),
            _ => self.begins.partition_point(|begin| *begin <= seq).checked_sub(1),
        }
    }

    /// Adds a change, mostly behind all others. A seq that is there names the new path then; 0 is not
    /// kept.
    pub(super) fn insert(&mut self, seq: u64, path: Path) {
        if seq == 0 {
            return;
        }
        let run = self.find(seq);
        let placed = run.is_some_and(|at| self.runs[at].insert(offset(self.begins[at], seq), path));
        match run {
            _ if placed => {}
            Some(at) if self.last(at) > seq => {
                self.split(at);
                self.insert(seq, path);
            }
            _ => {
                let at = run.map_or(0, |at| at + 1);
                self.begins.insert(at, seq);
                self.runs.insert(at, Run::new(path));
            }
        }
    }

    /// Takes a change out.
    pub(super) fn remove(&mut self, seq: u64) {
        let Some(at) = self.find(seq) else { return };
        let run = &mut self.runs[at];
        if !run.remove(offset(self.begins[at], seq)) || run.is_dense() {
            return;
        }
        if run.live > 0 {
            *run = run.renewed();
        } else {
            self.runs.remove(at);
            self.begins.remove(at);
        }
        if at + 1 < self.runs.len() && self.runs[at].live <= RUN_FEW {
            self.join(at);
        }
    }

    /// Makes two neighbours one run, when they have room in one.
    fn join(&mut self, at: usize) {
        let (run, later) = (&self.runs[at], &self.runs[at + 1]);
        let distance = u32::try_from(self.begins[at + 1] - self.begins[at]).unwrap_or(GONE);
        let last = distance.saturating_add(later.last);
        if last < GONE && run.live + later.live <= (RUN_MAX as u32) - RUN_FEW {
            let later = self.runs.remove(at + 1);
            self.begins.remove(at + 1);
            let run = &mut self.runs[at];
            run.offsets.extend(later.offsets.iter().map(|offset| offset + distance));
            run.paths.extend(later.paths);
            (run.last, run.live) = (last, run.live + later.live);
            *run = run.renewed();
        }
    }

    /// Makes two runs of one.
    fn split(&mut self, at: usize) {
        let half = self.runs[at].offsets.len() / 2;
        let distance = self.runs[at].offsets[half] & !GONE;
        let later = self.runs[at].split(half, distance);
        self.runs.insert(at + 1, later);
        self.begins.insert(at + 1, self.begins[at] + u64::from(distance));
    }

    /// The highest seq that a run ever had.
    fn last(&self, at: usize) -> u64 {
        self.begins[at] + u64::from(self.runs[at].last)
    }

    /// The changes after a seq, ascending.
    pub(super) fn after(&self, seq: u64) -> impl Iterator<Item = (u64, Path)> {
        let from = self.find(seq).unwrap_or(0);
        let runs = self.begins[from..].iter().zip(&self.runs[from..]);
        runs.flat_map(|(begin, run)| run.changes(*begin)).skip_while(move |(at, _)| *at <= seq)
    }

    /// Bytes on the heap, by going over some hundred changes at a time.
    pub(super) fn heap_bytes(&self) -> usize {
        let runs: usize = self.runs.iter().map(Run::heap_bytes).sum();
        8 * self.begins.capacity() + size_of::<Run>() * self.runs.capacity() + runs
    }
}

/// What a seq adds to that of its run; `None` when a run does not reach so far.
fn offset(begin: u64, seq: u64) -> Option<u32> {
    u32::try_from(seq - begin).ok().filter(|offset| *offset < GONE)
}

impl Run {
    /// A run that begins with the change of this path.
    fn new(path: Path) -> Self {
        Self { offsets: vec![0], paths: vec![path], last: 0, live: 1 }
    }

    /// Whether less than a quarter is gone.
    fn is_dense(&self) -> bool {
        4 * self.live as usize > 3 * self.offsets.len()
    }

    fn changes(&self, begin: u64) -> impl Iterator<Item = (u64, Path)> {
        let all = self.offsets.iter().zip(&self.paths).filter(|(offset, _)| *offset & GONE == 0);
        all.map(move |(offset, path)| (begin + u64::from(*offset), *path))
    }

    /// Where an offset is, or belongs. They are about even: seqs are given one after another.
    fn find(&self, offset: u32) -> Result<usize, usize> {
        let len = self.offsets.len();
        if self.last < offset {
            return Err(len);
        }
        let guess = len as u64 * u64::from(offset) / (u64::from(self.last) + 1);
        near::find(len, guess as usize, |at| (self.offsets[at] & !GONE).cmp(&offset))
    }

    /// Adds a change; `false` when there is no room or the run does not reach there.
    fn insert(&mut self, offset: Option<u32>, path: Path) -> bool {
        let Some(offset) = offset else { return false };
        match self.find(offset) {
            Ok(at) => {
                self.live += u32::from(self.offsets[at] & GONE > 0);
                (self.offsets[at], self.paths[at]) = (offset, path);
                true
            }
            Err(at) if self.offsets.len() < RUN_MAX => {
                self.offsets.insert(at, offset);
                self.paths.insert(at, path);
                self.last = self.last.max(offset);
                self.live += 1;
                true
            }
            Err(_) => false,
        }
    }

    /// Marks a change as gone; `false` when it is not there.
    fn remove(&mut self, offset: Option<u32>) -> bool {
        let Some(Ok(at)) = offset.map(|offset| self.find(offset)) else { return false };
        let is_there = self.offsets[at] & GONE == 0;
        self.offsets[at] |= GONE;
        self.live -= u32::from(is_there);
        is_there
    }

    /// The run without what is gone, in as much memory as it needs.
    fn renewed(&self) -> Self {
        let mut offsets = Vec::with_capacity(self.live as usize);
        let mut paths = Vec::with_capacity(self.live as usize);
        for (offset, path) in self.offsets.iter().zip(&self.paths) {
            if offset & GONE == 0 {
                offsets.push(*offset);
                paths.push(*path);
            }
        }
        Self { offsets, paths, last: self.last, live: self.live }
    }

    /// Cuts off all from a place on, whose offset is this.
    fn split(&mut self, from: usize, distance: u32) -> Self {
        let offsets: Vec<u32> =
            self.offsets.drain(from..).map(|offset| offset - distance).collect();
        let live = offsets.iter().map(|offset| u32::from(*offset & GONE == 0)).sum();
        let later =
            Self { offsets, paths: self.paths.split_off(from), last: self.last - distance, live };
        (self.last, self.live) = (distance - 1, self.live - live);
        later
    }

    fn heap_bytes(&self) -> usize {
        4 * self.offsets.capacity() + 16 * self.paths.capacity()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
                    feed.remove(seq);
                    model.remove(&seq);
                }
            }
            for after in [0, 1, first / 2, first, after, after >> 31, u64::MAX] {
                let expected = model.iter().filter(|(seq, _)| **seq > after);
                let expected: Vec<_> = expected.map(|(seq, path)| (*seq, *path)).collect();
                prop_assert_eq!(feed.after(after).collect::<Vec<_>>(), expected);
            }
            let built = Feed::build(model.iter().rev().map(|(seq, path)| (*seq, *path)).collect());
            prop_assert_eq!(built.after(0).collect::<Vec<_>>(), feed.after(0).collect::<Vec<_>>());
            prop_assert!(feed.runs.iter().all(|run| run.live > 0 && run.offsets.len() <= RUN_MAX));
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
            feed.remove(last[at]);
            feed.insert(seq, Path(at as u128 + 1));
            last[at] = seq;
        }
        assert_eq!(feed.after(0).count(), paths as usize);
        assert!(feed.heap_bytes() < 26 * paths as usize, "{}", feed.heap_bytes());
        for (_, seq) in last.iter().enumerate().filter(|(at, _)| at % 100 != 0) {
            feed.remove(*seq);
        }
        assert!(feed.heap_bytes() < 2 * paths as usize, "{}", feed.heap_bytes());
    }
}
