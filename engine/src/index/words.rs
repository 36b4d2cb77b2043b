//! The packed words of a log's index: each a run of records that stand one behind the other.
//!
//! Grows by small steps and then by fixed chunks, never by moving a large vector.

use std::collections::VecDeque;

use crate::location::{LOCATION_BITS, Location};

/// Words after which chunks take over.
const SMALL_MAX: usize = 64;
/// Words that a small log grows by, at least.
const SMALL_STEP: usize = 4;
const CHUNK: usize = 128;
/// Words that a search counts through at once.
const STEP: usize = 16;
const STRIDE_SHIFT: u32 = 3;
/// Longest stride a word can hold, in bytes.
const STRIDE_BYTES_MAX: usize = (u16::MAX as usize) << STRIDE_SHIFT;
/// Most records of one word.
pub(crate) const RUN_MAX: usize = u8::MAX as usize;

/// A run: count (8 bits), stride in units of eight bytes (16 bits), location (40 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run(pub(super) u64);

impl Run {
    /// A run of `count` records, each `stride` bytes behind the one before; a stride of 0 says that
    /// they differ, and that each one's length tells where the next is.
    pub(crate) fn new(location: Location, stride: usize, count: usize) -> Self {
        let stride = if stride > STRIDE_BYTES_MAX { 0 } else { stride as u64 >> STRIDE_SHIFT };
        Self((count as u64) << 56 | stride << LOCATION_BITS | location.pack())
    }

    pub(crate) fn count(self) -> usize {
        (self.0 >> 56) as usize
    }

    pub(crate) fn stride(self) -> usize {
        ((self.0 >> LOCATION_BITS) as usize & u16::MAX as usize) << STRIDE_SHIFT
    }

    pub(crate) fn location(self) -> Location {
        Location::unpack(self.0)
    }

    pub(crate) fn with_count(self, count: usize) -> Self {
        Self(self.0 & (u64::MAX >> 8) | (count as u64) << 56)
    }
}

/// Runs in order. Finds the one that holds a sequence number.
#[derive(Debug)]
pub(crate) enum Words {
    /// No word is 0, so that zeros at the end are free ones: this saves a length in each of the
    /// many logs that stay small.
    Small(Box<[u64]>),
    Large(Box<Large>),
}

#[derive(Debug, Default)]
pub(crate) struct Large {
    /// None of them empty.
    pub(super) chunks: VecDeque<Chunk>,
}

#[derive(Debug)]
pub(super) struct Chunk {
    /// Sequence number of its first record.
    pub(super) base: u64,
    /// Words used. Only the last chunk grows; others are less than full when records were moved.
    len: usize,
    block: Box<Block>,
}

#[derive(Debug)]
struct Block {
    /// Records of the chunk before each step of its words; the largest number where no word is yet.
    before: [u16; CHUNK / STEP],
    words: [u64; CHUNK],
}

impl Words {
    pub(crate) fn new() -> Self {
        Self::Small(Box::default())
    }

    /// These words, the first of which begins with the record `first`.
    pub(super) fn of(words: &[u64], first: u64) -> Self {
        if words.len() <= SMALL_MAX {
            Self::Small(words.into())
        } else {
            Self::Large(Box::new(Large::of(words, first)))
        }
    }

    pub(crate) fn last(&self) -> Option<Run> {
        match self {
            Self::Small(words) => used(words).last().copied().map(Run),
            Self::Large(large) => {
                large.chunks.back().and_then(|chunk| chunk.words().last().copied()).map(Run)
            }
        }
    }

    pub(crate) fn set_last(&mut self, run: Run) {
        let last = match self {
            Self::Small(words) => words.iter_mut().rfind(|word| **word != 0),
            Self::Large(large) => {
                let chunk = large.chunks.back_mut();
                chunk.and_then(|chunk| chunk.block.words[..chunk.len].last_mut())
            }
        };
        if let Some(last) = last {
            *last = run.0;
        }
    }

    /// Appends a run whose first record is `seq`. `first` is that of the first word.
    pub(crate) fn push(&mut self, run: Run, seq: u64, first: u64) {
        match self {
            Self::Small(words) if used(words).len() < SMALL_MAX => {
                let at = used(words).len();
                if at == words.len() {
                    let step = (at / 4).max(SMALL_STEP);
                    let mut larger = Vec::with_capacity(at + step);
                    larger.extend_from_slice(words);
                    larger.resize(at + step, 0);
                    *words = larger.into_boxed_slice();
                }
                words[at] = run.0;
            }
            Self::Small(words) => {
                let mut large = Large::of(used(words), first);
                large.push(run.0, seq);
                *self = Self::Large(Box::new(large));
            }
            Self::Large(large) => large.push(run.0, seq),
        }
    }

    /// The run that holds `seq` and its first record's sequence number. `first` is that of the first
    /// word, `next` that after the last; `seq` is between.
    pub(crate) fn find(&self, seq: u64, first: u64, next: u64) -> Option<(Run, u64)> {
        let mut found = None;
        self.walk(seq, first, next, |run, base| {
            found = Some((run, base));
            false
        });
        found
    }

    /// Calls `visit` with each run from the one that holds `seq` on, until it says no.
    pub(crate) fn walk(
        &self,
        seq: u64,
        first: u64,
        next: u64,
        mut visit: impl FnMut(Run, u64) -> bool,
    ) {
        match self {
            Self::Small(words) => {
                walk_slice(used(words), first, next, seq, &mut visit);
            }
            Self::Large(large) => {
                let after = large.chunks.partition_point(|chunk| chunk.base <= seq);
                for at in after.saturating_sub(1)..large.chunks.len() {
                    let end = large.chunks.get(at + 1).map_or(next, |chunk| chunk.base);
                    let chunk = &large.chunks[at];
                    let (skip, base) = chunk.step(seq);
                    if !walk_slice(&chunk.words()[skip..], base, end, seq, &mut visit) {
                        return;
                    }
                }
            }
        }
    }

    /// Lets go of what holds only records before `seq`: words, or whole chunks once there are many.
    /// Returns the sequence number of the first word left.
    pub(crate) fn release(&mut self, seq: u64, first: u64, next: u64) -> u64 {
        match self {
            Self::Small(words) => {
                let (mut base, mut count) = (first, 0);
                for word in used(words) {
                    let end = base + Run(*word).count() as u64;
                    if end > seq {
                        break;
                    }
                    (base, count) = (end, count + 1);
                }
                *words = used(words)[count..].into();
                base
            }
            Self::Large(large) => {
                while large.chunks.get(1).map_or(next, |chunk| chunk.base) <= seq {
                    if large.chunks.pop_front().is_none() {
                        break;
                    }
                }
                large.chunks.front().map_or(next, |chunk| chunk.base)
            }
        }
    }
}

#[cfg(test)]
impl Words {
    /// What is behind the pointers, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Small(words) => size_of_val(&**words),
            Self::Large(large) => {
                let chunks = large.chunks.len() * size_of::<Block>();
                size_of::<Large>() + chunks + large.chunks.capacity() * size_of::<Chunk>()
            }
        }
    }
}

pub(super) fn used(words: &[u64]) -> &[u64] {
    let count = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
    &words[..count]
}

/// Calls `visit` for the runs of `words` from the one that holds `seq` on; no more after it said no.
fn walk_slice(
    words: &[u64],
    base: u64,
    end: u64,
    seq: u64,
    visit: &mut impl FnMut(Run, u64) -> bool,
) -> bool {
    // As many words as records: all single, the one looked for is where it must be.
    let all_single = end - base == words.len() as u64;
    let (skip, mut at) = if all_single {
        let skip = seq.saturating_sub(base);
        (skip as usize, base + skip)
    } else {
        skip_to(words, base, seq)
    };
    for word in words.iter().skip(skip) {
        if !visit(Run(*word), at) {
            return false;
        }
        at += Run(*word).count() as u64;
    }
    true
}

/// How many words hold only records before `seq`, and the first record of the word after them. No
/// branch depends on where in a step that is, since nothing could foretell it.
fn skip_to(words: &[u64], base: u64, seq: u64) -> (usize, u64) {
    let (mut skip, mut at) = (0, base);
    for step in words.chunks(STEP) {
        let (mut end, mut skipped) = (at, 0);
        for word in step {
            end += Run(*word).count() as u64;
            skipped += usize::from(end <= seq);
            at = if end <= seq { end } else { at };
        }
        skip += skipped;
        if skipped < step.len() {
            break;
        }
    }
    (skip, at)
}

impl Chunk {
    fn new(base: u64) -> Self {
        let block = Block { before: [u16::MAX; CHUNK / STEP], words: [0; CHUNK] };
        Self { base, len: 0, block: Box::new(block) }
    }

    /// Whether its words and `count` more are well below a chunk.
    pub(super) fn fits_with(&self, count: usize) -> bool {
        self.len + count <= CHUNK * 3 / 4
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.block.words[..self.len]
    }

    fn push(&mut self, word: u64, seq: u64) {
        if self.len.is_multiple_of(STEP) {
            // At most 127 words of 255 records stand before it.
            self.block.before[self.len / STEP] = (seq - self.base) as u16;
        }
        self.block.words[self.len] = word;
        self.len += 1;
    }

    /// The first word of the step that holds `seq`, and that word's first record.
    fn step(&self, seq: u64) -> (usize, u64) {
        let ahead = seq.saturating_sub(self.base).min((CHUNK * RUN_MAX) as u64);
        let before = &self.block.before;
        let steps = before.iter().filter(|before| u64::from(**before) <= ahead).count();
        let at = steps.saturating_sub(1);
        (at * STEP, self.base + u64::from(before[at]))
    }
}

impl Large {
    /// These words, the first of which begins with the record `base`.
    pub(super) fn of(words: &[u64], base: u64) -> Self {
        let mut large = Self::default();
        large.extend(words, base);
        large
    }

    /// Adds words, the first of which begins with the record `seq`; returns where the last one ends.
    pub(super) fn extend(&mut self, words: &[u64], mut seq: u64) -> u64 {
        let mut rest = words;
        while !rest.is_empty() {
            if self.chunks.back().is_none_or(|last| last.len == CHUNK) {
                self.chunks.push_back(Chunk::new(seq));
            }
            let Some(chunk) = self.chunks.back_mut() else { return seq };
            let (words, behind) = rest.split_at(rest.len().min(CHUNK - chunk.len));
            for word in words {
                chunk.push(*word, seq);
                seq += Run(*word).count() as u64;
            }
            rest = behind;
        }
        seq
    }

    fn push(&mut self, word: u64, seq: u64) {
        if self.chunks.back().is_none_or(|last| last.len == CHUNK) {
            self.chunks.push_back(Chunk::new(seq));
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(word, seq);
        }
    }
}
