//! The index of one log: from a sequence number to a location.
//!
//! Knows runs; nothing of payloads, or of who reads while it changes.

use super::words::{RUN_MAX, Run, Words};
use crate::location::Location;

/// A uniform run longer than this is not given up for one record of another length.
const UNIFORM_KEPT: usize = 16;

/// Where the records of a log stand.
#[derive(Debug)]
pub(crate) struct LogIndex {
    /// Sequence number of the first record of the first word.
    pub(super) base: u64,
    /// Sequence number of the first record kept.
    pub(super) first: u64,
    /// Sequence number that the next record gets.
    pub(super) next: u64,
    pub(super) words: Words,
}

/// Consecutive records of a log that stand one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Sequence number of the record at `location`.
    pub(crate) seq: u64,
    pub(crate) location: Location,
    /// Bytes from one record to the next; 0 when each one's length tells.
    pub(crate) stride: usize,
    /// How many records there are.
    pub(crate) count: usize,
}

impl Stretch {
    /// The stretch from `seq` on, when the stride tells where that is, else the whole.
    pub(crate) fn skip_to(self, seq: u64) -> Self {
        let skip = seq.saturating_sub(self.seq) as usize;
        if self.stride == 0 || skip == 0 || skip >= self.count {
            return self;
        }
        Self {
            seq,
            location: self.location.plus(skip * self.stride),
            stride: self.stride,
            count: self.count - skip,
        }
    }
}

impl LogIndex {
    pub(crate) fn new() -> Self {
        Self::starting_at(1)
    }

    /// An empty index whose next record is `seq`.
    pub(crate) fn starting_at(seq: u64) -> Self {
        Self { base: seq, first: seq, next: seq, words: Words::new() }
    }

    /// Sequence number of the first record kept; that of the next one when the log is empty.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Sequence number that the next record gets.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Adds the next record, `length` bytes long with padding. `adjacent` when it stands directly
    /// behind the record before it in the same segment.
    pub(crate) fn push(&mut self, location: Location, length: usize, adjacent: bool) {
        let seq = self.next;
        self.next += 1;
        if let Some(run) = self.words.last()
            && let Some(longer) = extend(run, location, length, adjacent)
        {
            self.words.set_last(longer);
            return;
        }
        self.words.push(Run::new(location, length, 1), seq, self.base);
    }

    /// Adds the next record, which is damaged or lost, for itself: no other is found by its length.
    pub(crate) fn push_apart(&mut self, location: Location) {
        let seq = self.next;
        self.next += 1;
        self.words.push(Run::new(location, 0, 1), seq, self.base);
    }

    /// What holds the record `seq`: beginning with it, when the stride tells where it is.
    pub(crate) fn find(&self, seq: u64) -> Option<Stretch> {
        if !(self.first..self.next).contains(&seq) {
            return None;
        }
        let (run, base) = self.words.find(seq, self.base, self.next)?;
        Some(stretch(run, base).skip_to(seq))
    }

    /// Adds to `out` what holds the records from `seq` to before `end`, at most `count_max`
    /// stretches.
    pub(crate) fn stretches(&self, seq: u64, end: u64, count_max: usize, out: &mut Vec<Stretch>) {
        let (from, end) = (seq.max(self.first), end.min(self.next));
        if from >= end {
            return;
        }
        self.words.walk(from, self.base, self.next, |run, base| {
            if base >= end {
                return false;
            }
            out.push(stretch(run, base).skip_to(from));
            out.len() < count_max
        });
    }

    /// As [`Words::splice`].
    pub(super) fn splice(
        &mut self,
        seq: u64,
        end: u64,
        change: impl FnOnce(&[u64], u64) -> Option<Vec<u64>>,
    ) -> bool {
        self.words.splice((seq, end), self.base, change)
    }

    /// Drops the records before `seq`, which is at most [`LogIndex::next`].
    pub(crate) fn trim(&mut self, seq: u64) {
        debug_assert!(seq <= self.next);
        if seq > self.first {
            self.first = seq;
            self.base = self.words.release(seq, self.base, self.next);
        }
    }
}

#[cfg(test)]
impl LogIndex {
    /// What the words take, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.words.heap_bytes()
    }
}

fn stretch(run: Run, seq: u64) -> Stretch {
    Stretch { seq, location: run.location(), stride: run.stride(), count: run.count() }
}

/// The run with one record more, when that one stands where the run goes on. All records of a
/// uniform run are as long as its stride: nothing stands between them, so that it may become one in
/// which each record's length tells where the next is.
pub(super) fn extend(run: Run, location: Location, length: usize, adjacent: bool) -> Option<Run> {
    let (count, stride) = (run.count(), run.stride());
    if count >= RUN_MAX || run.location().slot != location.slot {
        return None;
    }
    let follows = stride > 0 && run.location().plus(count * stride) == location;
    if follows && length == stride {
        return Some(run.with_count(count + 1));
    }
    if (adjacent || follows) && (stride == 0 || count < UNIFORM_KEPT) {
        return Some(Run::new(run.location(), 0, count + 1));
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every record of the index by walking its stretches, given each one's length.
    fn places(index: &LogIndex, lengths: &[usize]) -> Vec<(u64, Location)> {
        let mut stretches = Vec::new();
        index.stretches(0, u64::MAX, usize::MAX, &mut stretches);
        let mut out = Vec::new();
        for part in stretches {
            let mut location = part.location;
            for seq in part.seq..part.seq + part.count as u64 {
                out.push((seq, location));
                let own = lengths[seq as usize - 1];
                location = location.plus(if part.stride == 0 { own } else { part.stride });
            }
        }
        out.retain(|(seq, _)| *seq >= index.first());
        out
    }

    proptest! {
        #[test]
        fn every_record_is_found_where_it_was_put(
            steps in prop::collection::vec((1usize..4, prop::bool::weighted(0.8), 1usize..40), 1..60),
            trims in prop::collection::vec((0usize..60, 0u64..1200), 0..4),
        ) {
            let (mut index, mut at) = (LogIndex::new(), Location { slot: 0, offset: 64 });
            let (mut lengths, mut expected) = (Vec::new(), Vec::new());
            for (step, (length, adjacent, count)) in steps.iter().enumerate() {
                if !adjacent {
                    at = if at.offset > 1 << 20 { Location { slot: at.slot + 1, offset: 64 } } else { at.plus(32) };
                }
                for nth in 0..*count {
                    index.push(at, length * 8, !expected.is_empty() && (*adjacent || nth > 0));
                    expected.push((expected.len() as u64 + 1, at));
                    lengths.push(length * 8);
                    at = at.plus(length * 8);
                }
                for (_, seq) in trims.iter().filter(|(when, _)| *when == step) {
                    index.trim((*seq).min(index.next()));
                }
            }
            expected.retain(|(seq, _)| *seq >= index.first());
            prop_assert_eq!(places(&index, &lengths), expected.clone());
            for (seq, location) in expected {
                let found = index.find(seq).unwrap();
                prop_assert!(found.seq <= seq && seq < found.seq + found.count as u64);
                if found.stride > 0 {
                    prop_assert_eq!((found.seq, found.location), (seq, location));
                }
            }
            prop_assert!(index.find(index.next()).is_none());
            prop_assert!(index.find(index.first() - 1).is_none());
        }
    }

    #[test]
    fn a_long_log_of_single_records_is_found_and_trimmed() {
        let (mut index, at) =
            (LogIndex::new(), |seq: u64| Location { slot: 3, offset: seq as u32 * 64 });
        for seq in 1..=5000 {
            index.push(at(seq), 16, false);
        }
        for seq in [1, 64, 65, 128, 129, 4999, 5000] {
            assert_eq!(index.find(seq).unwrap().location, at(seq), "{seq}");
        }
        index.trim(3000);
        assert_eq!((index.first(), index.next()), (3000, 5001));
        assert!(index.find(2999).is_none());
        assert_eq!(index.find(3000).unwrap().location, at(3000));
        index.trim(5001);
        index.push(at(5001), 16, false);
        assert_eq!(index.find(5001).unwrap().location, at(5001));
    }

    #[test]
    fn a_long_log_of_runs_of_every_length_is_found_and_trimmed() {
        let (mut index, mut places) = (LogIndex::new(), Vec::new());
        for run in 0..600u32 {
            // Some runs longer than a word can tell, and a gap behind each.
            for nth in 0..1 + run * 37 % 300 {
                places.push(Location { slot: run as u16, offset: 64 + nth * 16 });
                index.push(places[places.len() - 1], 16, nth > 0);
            }
        }
        for trim in [1, 2, 40_000, places.len() as u64] {
            index.trim(trim);
            for (seq, location) in (1..).zip(&places).skip(trim as usize - 1) {
                let found = index.find(seq).unwrap();
                assert_eq!((found.seq, found.location), (seq, *location));
            }
        }
    }

    /// The third record stands where two of the first one's length would end, behind frames of others.
    #[test]
    fn a_gap_that_a_stride_would_fill_is_no_run() {
        let (mut index, at) = (LogIndex::new(), |offset| Location { slot: 0, offset });
        let records = [(64, 80, false), (144, 40, true), (224, 80, false), (304, 40, true)];
        for (offset, length, adjacent) in records {
            index.push(at(offset), length, adjacent);
        }
        let expected = (1..).zip(records.map(|(offset, ..)| at(offset))).collect::<Vec<_>>();
        assert_eq!(places(&index, &records.map(|(_, length, _)| length)), expected);
    }

    #[test]
    fn single_records_take_at_most_nine_bytes_and_runs_of_a_hundred_one() {
        let (mut singles, mut runs) = (LogIndex::new(), LogIndex::new());
        let mut at = Location { slot: 0, offset: 64 };
        for n in 0..20_000 {
            singles.push(Location { slot: 0, offset: 64 + n as u32 * 80 }, 40, false);
            let length = 24 + (n * 7 % 5) * 8;
            runs.push(at, length, n % 100 > 0);
            at = at.plus(length + if n % 100 == 99 { 32 } else { 0 });
        }
        assert!(singles.heap_bytes() <= 9 * 20_000, "{}", singles.heap_bytes());
        assert!(runs.heap_bytes() <= 20_000, "{}", runs.heap_bytes());
    }

    #[test]
    fn runs_are_one_word() {
        let mut index = LogIndex::new();
        for nth in 0..100 {
            index.push(Location { slot: 0, offset: 64 + nth * 40 }, 40, nth > 0);
        }
        let mut out = Vec::new();
        index.stretches(1, u64::MAX, usize::MAX, &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!((out[0].count, out[0].stride), (100, 40));
    }
}
