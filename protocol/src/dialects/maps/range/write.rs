//! Writing a message within its bound of bytes. Knows bytes only.

use super::VERSION;
use super::bound::Bound;

/// A bound in full: its time, and an id behind its length.
const BOUND_BYTES: usize = 10 + 1 + 32;
/// A skip, and a range with its fingerprint or the number of its ids.
const RANGE_BYTES: usize = 2 * (BOUND_BYTES + 1) + 16;
/// What a message keeps free: a skip, and the fingerprint of all that comes after.
const REST_BYTES: usize = BOUND_BYTES + 1 + 2 + 1 + 16;

/// A message that is being written.
#[derive(Clone, Debug)]
pub(super) struct Message {
    out: Vec<u8>,
    bytes_max: usize,
    /// Where the last written range ends.
    at: Bound,
    /// Where the next range begins: what lies between is skipped.
    skipped_to: Bound,
}

impl Message {
    /// A message of at most so many bytes, with no range yet.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { out: vec![VERSION], bytes_max, at: Bound::START, skipped_to: Bound::START }
    }

    /// Whether it has no range.
    pub(super) fn is_empty(&self) -> bool {
        self.out.len() == 1
    }

    /// Lets the next range begin here. Costs nothing when none follows.
    pub(super) fn skip_to(&mut self, bound: Bound) {
        self.skipped_to = bound;
    }

    /// Where the next range begins.
    pub(super) fn begins(&self) -> Bound {
        self.skipped_to
    }

    /// How many ids the next range may list, wherever it ends; `None` when there is no room for a range.
    pub(super) fn ids_max(&self) -> Option<usize> {
        let room = self.bytes_max.checked_sub(self.out.len() + RANGE_BYTES + REST_BYTES)?;
        Some(room / 32)
    }

    /// Writes the fingerprint of the range up to here; `false` when there is no room.
    pub(super) fn fingerprint(&mut self, upper: Bound, fingerprint: &[u8; 16]) -> bool {
        let has_room = self.ids_max().is_some();
        if has_room {
            self.range(upper, 1);
            self.out.extend_from_slice(fingerprint);
        }
        has_room
    }

    /// Writes the ids of the range up to here, no more than [`Self::ids_max`].
    pub(super) fn ids<'i>(
        &mut self,
        upper: Bound,
        ids: impl ExactSizeIterator<Item = &'i [u8; 32]>,
    ) {
        self.range(upper, 2);
        self.number(ids.len() as u64);
        ids.for_each(|id| self.out.extend_from_slice(id));
    }

    /// The message, when it says all there is to say.
    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// The message, when it was full before all was said: the rest has this fingerprint.
    pub(super) fn finish_with_rest(mut self, fingerprint: &[u8; 16]) -> Vec<u8> {
        self.range(Bound::END, 1);
        self.out.extend_from_slice(fingerprint);
        self.out
    }

    fn range(&mut self, upper: Bound, mode: u8) {
        if self.skipped_to > self.at {
            self.bound(self.skipped_to);
            self.out.push(0);
        }
        self.bound(upper);
        self.out.push(mode);
        self.skipped_to = upper;
    }

    fn bound(&mut self, bound: Bound) {
        match bound.time {
            u64::MAX => self.number(0),
            time => self.number(time - self.at.time + 1),
        }
        self.out.push(bound.id_bytes);
        self.out.extend_from_slice(&bound.id[..bound.id_bytes.into()]);
        self.at = bound;
    }

    fn number(&mut self, number: u64) {
        let digits = (u64::BITS - (number | 1).leading_zeros()).div_ceil(7);
        for place in (0..digits).rev() {
            let more = if place == 0 { 0 } else { 0x80 };
            self.out.push((number >> (7 * place)) as u8 & 0x7f | more);
        }
    }
}
