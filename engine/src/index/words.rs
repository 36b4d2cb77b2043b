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
pub(crate) struct Run(u64);

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
    chunks: VecDeque<Chunk>,
    /// Words used of the last chunk; the others are full.
    last_len: usize,
}

#[derive(Debug)]
struct Chunk {
    /// Sequence number of its first record.
    base: u64,
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

    pub(crate) fn last(&self) -> Option<Run> {
        match self {
            Self::Small(words) => used(words).last().copied().map(Run),
            Self::Large(large) => {
                large.words(large.chunks.len().checked_sub(1)?).last().copied().map(Run)
            }
        }
    }

    pub(crate) fn set_last(&mut self, run: Run) {
        let last = match self {
            Self::Small(words) => words.iter_mut().rfind(|word| **word != 0),
            Self::Large(large) => {
                let at = large.last_len.saturating_sub(1);
                large.chunks.back_mut().map(|chunk| &mut chunk.block.words[at])
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
                let mut large = Box::new(Large::default());
                let mut base = first;
                for word in used(words) {
                    large.push(*word, base);
                    base += Run(*word).count() as u64;
                }
                large.push(run.0, seq);
                *self = Self::Large(large);
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
                    let (skip, base) = large.chunks[at].step(seq);
                    if !walk_slice(&large.words(at)[skip..], base, end, seq, &mut visit) {
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

fn used(words: &[u64]) -> &[u64] {
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
        Self { base, block: Box::new(block) }
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
    fn words(&self, at: usize) -> &[u64] {
        let used = if at + 1 == self.chunks.len() { self.last_len } else { CHUNK };
        &self.chunks[at].block.words[..used]
    }

    fn push(&mut self, word: u64, seq: u64) {
        if self.chunks.is_empty() || self.last_len == CHUNK {
            self.chunks.push_back(Chunk::new(seq));
            self.last_len = 0;
        }
        if let Some(chunk) = self.chunks.back_mut() {
            if self.last_len.is_multiple_of(STEP) {
                // At most 127 words of 255 records stand before it.
                chunk.block.before[self.last_len / STEP] = (seq - chunk.base) as u16;
            }
            chunk.block.words[self.last_len] = word;
            self.last_len += 1;
        }
    }
}
