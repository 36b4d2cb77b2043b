//! Points records of a log to new places, in the packed words of its index.
//!
//! Knows words and runs; nothing of why records move, or of where they went.

use super::{
    log::LogIndex,
    words::{Chunk, Large, Run, Words},
};
use crate::location::Location;

/// Consecutive records of a log that have moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved<'a> {
    /// Sequence number of the first one.
    pub(crate) seq: u64,
    /// Where each one stands now, and how long it is with its padding.
    pub(crate) places: &'a [(Location, usize)],
}

impl LogIndex {
    /// Points the records to their new places, those that were trimmed meanwhile left out. They are
    /// all the records kept of the runs that they were in, and each run was in a slot that `is_old`.
    ///
    /// Returns how many were left out, or `None` when the index has it otherwise: nothing is changed
    /// then.
    pub(crate) fn relocate(
        &mut self,
        moved: Moved<'_>,
        is_old: impl Fn(u16) -> bool,
    ) -> Option<usize> {
        let trimmed =
            self.first().saturating_sub(moved.seq).min(moved.places.len() as u64) as usize;
        let (seq, places) = (moved.seq + trimmed as u64, &moved.places[trimmed..]);
        let runs = runs(places);
        let Some(first) = runs.first() else { return Some(trimmed) };
        let end = seq + places.len() as u64;
        // What is trimmed stays as a count: its words must not point where nothing is any more.
        let lead = |count| Run::new(first.location(), 0, count);
        let kept_from = self.first();
        self.splice(seq, end, |words, base| {
            replaced(words, base, (seq, end), kept_from, &is_old, lead, &runs)
        })
        .then_some(trimmed)
    }
}

/// Records one behind the other as runs.
fn runs(places: &[(Location, usize)]) -> Vec<Run> {
    let (mut runs, mut end): (Vec<Run>, _) = (Vec::new(), None);
    for (location, length) in places {
        let longer = runs
            .last()
            .and_then(|run| super::log::extend(*run, *location, *length, end == Some(*location)));
        match (longer, runs.last_mut()) {
            (Some(longer), Some(run)) => *run = longer,
            _ => runs.push(Run::new(*location, *length, 1)),
        }
        end = Some(location.plus(*length));
    }
    runs
}

/// The words, the first of which begins with the record `base`, with those of the records from
/// `range.0` to before `range.1` replaced; `None` when these are not whole runs of old slots.
fn replaced(
    words: &[u64],
    base: u64,
    range: (u64, u64),
    kept_from: u64,
    is_old: &impl Fn(u16) -> bool,
    lead: impl Fn(usize) -> Run,
    runs: &[Run],
) -> Option<Vec<u64>> {
    let (mut out, mut at) = (Vec::with_capacity(words.len()), base);
    for word in words {
        let run = Run(*word);
        let end = at + run.count() as u64;
        if end <= range.0 || at >= range.1 {
            out.push(*word);
        } else {
            let is_whole = end <= range.1 && (at >= range.0 || range.0 == kept_from);
            if !is_whole || !is_old(run.location().slot) {
                return None;
            }
            if at < range.0 {
                out.push(lead((range.0 - at) as usize).0);
            }
            if at <= range.0 {
                out.extend(runs.iter().map(|run| run.0));
            }
        }
        at = end;
    }
    Some(out)
}

impl Words {
    /// Replaces the words that hold the records from `seq` to before `end`, and perhaps some around
    /// them, by what `change` makes of them, which are as many records. `first` is the first record of
    /// the first word. `false` when it makes nothing.
    pub(super) fn splice(
        &mut self,
        (seq, end): (u64, u64),
        first: u64,
        change: impl FnOnce(&[u64], u64) -> Option<Vec<u64>>,
    ) -> bool {
        match self {
            Self::Small(words) => {
                let Some(new) = change(super::words::used(words), first) else { return false };
                *self = Self::of(&new, first);
                true
            }
            Self::Large(large) => large.splice(seq, end, change),
        }
    }
}

impl Large {
    fn splice(
        &mut self,
        seq: u64,
        end: u64,
        change: impl FnOnce(&[u64], u64) -> Option<Vec<u64>>,
    ) -> bool {
        let from = self.chunks.partition_point(|chunk| chunk.base <= seq).saturating_sub(1);
        let to = self.chunks.partition_point(|chunk| chunk.base < end).max(from);
        let Some(base) = self.chunks.get(from).map(|chunk| chunk.base) else { return false };
        let words: Vec<u64> = self.chunks.range(from..to).flat_map(Chunk::words).copied().collect();
        let Some(mut new) = change(&words, base) else { return false };
        // Small neighbours are taken in, so that moved records do not leave many chunks with few words.
        let (mut from, mut to, mut base) = (from, to, base);
        if let Some(next) = self.chunks.get(to).filter(|next| next.fits_with(new.len())) {
            new.extend_from_slice(next.words());
            to += 1;
        }
        let before = from.checked_sub(1).and_then(|before| self.chunks.get(before));
        if let Some(before) = before.filter(|before| before.fits_with(new.len())) {
            new.splice(0..0, before.words().iter().copied());
            (from, base) = (from - 1, before.base);
        }
        let behind = self.chunks.split_off(to);
        self.chunks.truncate(from);
        let mut middle = Self::of(&new, base);
        self.chunks.append(&mut middle.chunks);
        self.chunks.extend(behind);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A log's index beside a plain list of where each record stands and how long it is.
    #[derive(Default)]
    struct Model {
        records: BTreeMap<u64, (Location, usize)>,
    }

    impl Model {
        fn check(&self, index: &LogIndex) {
            let mut stretches = Vec::new();
            index.stretches(0, u64::MAX, usize::MAX, &mut stretches);
            let mut seen = 0;
            for part in stretches {
                let mut location = part.location;
                for seq in part.seq..part.seq + part.count as u64 {
                    let Some((expected, length)) = self.records.get(&seq) else {
                        // Trimmed: how long it was is not known any more.
                        assert!(seq < index.first() && part.stride == 0, "{seq}");
                        location = self.records.range(seq..).next().unwrap().1.0;
                        continue;
                    };
                    assert_eq!(location, *expected, "record {seq} of {part:?}");
                    location = location.plus(if part.stride > 0 { part.stride } else { *length });
                    seen += 1;
                }
            }
            assert_eq!(seen, self.records.len());
            for seq in self.records.keys() {
                let found = index.find(*seq).unwrap();
                assert!(found.seq <= *seq && *seq < found.seq + found.count as u64);
            }
        }

        /// Moves what is in `slots` to a new slot, as compaction does, `at_once` records or a run more.
        fn relocate(&mut self, index: &mut LogIndex, slots: &[u16], to: u16, at_once: usize) {
            let mut stretches = Vec::new();
            index.stretches(0, u64::MAX, usize::MAX, &mut stretches);
            stretches.retain(|part| slots.contains(&part.location.slot));
            let (mut offset, mut places, mut first) = (64, Vec::new(), 0);
            for (nth, part) in stretches.iter().enumerate() {
                for seq in part.seq..part.seq + part.count as u64 {
                    let Some((location, length)) = self.records.get_mut(&seq) else { continue };
                    first = if places.is_empty() { seq } else { first };
                    *location = Location { slot: to, offset };
                    places.push((*location, *length));
                    offset += *length as u32;
                }
                let end = part.seq + part.count as u64;
                let goes_on = stretches.get(nth + 1).is_some_and(|next| next.seq == end);
                if !goes_on || places.len() >= at_once {
                    let moved = Moved { seq: first, places: &places };
                    assert_eq!(index.relocate(moved, |slot| slots.contains(&slot)), Some(0));
                    places.clear();
                }
            }
        }
    }

    proptest! {
        #[test]
        fn records_are_found_where_they_were_moved(
            steps in prop::collection::vec(
                (0u8..10, 0u16..6, 1usize..5, prop::bool::weighted(0.7), 1usize..80),
                1..80,
            ),
        ) {
            let (mut index, mut model, mut fresh) = (LogIndex::new(), Model::default(), 100);
            let mut ends = [64; 6];
            for (what, slot, length, adjacent, count) in steps {
                match what {
                    0 => {
                        let seq = index.first() + count as u64;
                        index.trim(seq.min(index.next()));
                        model.records = model.records.split_off(&index.first());
                    }
                    1 => {
                        model.relocate(&mut index, &[slot, fresh], fresh + 1, count * 4);
                        fresh += 1;
                    }
                    _ => for nth in 0..count {
                        // Lengths that differ inside a run now and then.
                        let length = (length + usize::from(nth % 9 == 8)) * 8;
                        let gap = if adjacent && nth > 0 { 0 } else { 24 };
                        let location = Location { slot, offset: ends[slot as usize] + gap };
                        ends[slot as usize] = location.offset + length as u32;
                        model.records.insert(index.next(), (location, length));
                        index.push(location, length, gap == 0);
                    }
                }
                model.check(&index);
            }
        }
    }

    fn singles(count: u64) -> LogIndex {
        let mut index = LogIndex::new();
        for n in 0..count {
            index.push(
                Location { slot: (n / 4000) as u16, offset: 64 + n as u32 % 4000 * 80 },
                40,
                false,
            );
        }
        index
    }

    #[test]
    fn records_that_stand_together_again_take_little_memory() {
        let mut index = singles(20_000);
        for slot in 0..5 {
            for step in 0..10 {
                let seq = u64::from(slot) * 4000 + step * 400 + 1;
                let place =
                    |nth: u32| (Location { slot: 9, offset: seq as u32 * 40 + nth * 40 }, 40);
                let places: Vec<_> = (0..400).map(place).collect();
                assert_eq!(
                    index.relocate(Moved { seq, places: &places }, |old| old == slot),
                    Some(0)
                );
            }
        }
        assert!(index.heap_bytes() <= 20_000, "{}", index.heap_bytes());
        for seq in [1, 255, 256, 400, 401, 9999, 20_000] {
            let found = index.find(seq).unwrap();
            assert_eq!(found.location, Location { slot: 9, offset: seq as u32 * 40 });
        }
    }

    #[test]
    fn what_was_trimmed_meanwhile_is_left_out() {
        for count in [50, 500] {
            let mut index = singles(count);
            let place = |nth: u32| (Location { slot: 9, offset: 64 + nth * 40 }, 40);
            let places: Vec<_> = (0..20).map(place).collect();
            index.trim(18);
            assert_eq!(index.relocate(Moved { seq: 8, places: &places }, |_| true), Some(10));
            assert_eq!(index.find(18).unwrap().location, places[10].0);
            assert_eq!(index.find(27).unwrap().location, places[19].0);
            assert_eq!(index.find(28).unwrap().location.slot, 0);
            index.trim(40);
            assert_eq!(index.relocate(Moved { seq: 8, places: &places }, |_| true), Some(20));
        }
    }

    #[test]
    fn nothing_changes_unless_whole_runs_of_old_slots_moved() {
        let mut index = LogIndex::new();
        for nth in 0..10 {
            index.push(Location { slot: 1, offset: 64 + nth * 40 }, 40, nth > 0);
        }
        let places: Vec<_> =
            (0..10).map(|nth| (Location { slot: 9, offset: 64 + nth * 40 }, 40)).collect();
        assert_eq!(index.relocate(Moved { seq: 1, places: &places[..9] }, |_| true), None);
        assert_eq!(index.relocate(Moved { seq: 2, places: &places[1..] }, |_| true), None);
        assert_eq!(index.relocate(Moved { seq: 1, places: &places }, |slot| slot == 2), None);
        assert_eq!(index.find(10).unwrap().location, Location { slot: 1, offset: 64 + 9 * 40 });
        assert_eq!(index.relocate(Moved { seq: 1, places: &places }, |slot| slot == 1), Some(0));
        assert_eq!(index.find(10).unwrap().location, places[9].0);
    }
}
