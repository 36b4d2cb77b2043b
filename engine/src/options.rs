//! How a store is opened, and the limits that hold for every store.
//!
//! Knows numbers and their bounds; nothing of how they are used.

use crate::error::Error;

/// Longest name of a collection, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 1024;
/// Longest key of a map, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = u16::MAX as usize;
/// Largest segment file that can be asked for, in bytes: what an offset of the index can address.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 256 << 20;
/// Smallest segment file, in bytes.
pub(crate) const SEGMENT_BYTES_MIN: u64 = 4 << 10;
/// Largest payload, or key and value together, that can be asked for. A batch has to fit one
/// segment, with room for its frames and markers.
pub(crate) const RECORD_BYTES_MAX: usize = 192 << 20;
/// Segment files are multiples of this, in bytes.
const SEGMENT_BYTES_STEP: u64 = 4 << 10;

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Power loss: every wait is for a sync to the device.
    Device,
    /// A crash of the process: a wait is for a write to the operating system.
    Os,
}

/// How a store is opened.
///
/// ```
/// let mut options = syncline_engine::Options::default();
/// options.segment_bytes = 16 << 20;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What [`Commit::wait`](crate::Commit::wait) waits for and what
    /// [`Store::durable`](crate::Store::durable) means. Default: [`Durability::Device`].
    pub durability: Durability,
    /// The size of a segment file in bytes, 4 KiB to 256 MiB, rounded up to 4 KiB. Its space is
    /// reserved when it is made. A batch that is larger gets a segment of its own. Default: 64 MiB.
    pub segment_bytes: u64,
    /// The largest payload, or key and value together, in bytes; at most 192 MiB. Default: 64 MiB.
    pub record_bytes_max: usize,
    /// Bytes that may wait in memory for the disk before `commit` blocks: back-pressure. A single
    /// batch may be larger. Default: 64 MiB.
    pub tail_bytes_max: usize,
    /// Whether a thread of the store's own writes and syncs whatever is committed, at once. Without
    /// it, whoever waits does. Default: no.
    pub committer_thread: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Device,
            segment_bytes: 64 << 20,
            record_bytes_max: 64 << 20,
            tail_bytes_max: 64 << 20,
            committer_thread: false,
        }
    }
}

impl Options {
    /// The options with the segment size rounded up.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a number out of its bounds.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes) {
            return Err(Error::rejected(format!(
                "segment_bytes is {}, not within {SEGMENT_BYTES_MIN} and {SEGMENT_BYTES_MAX}",
                self.segment_bytes
            )));
        }
        if self.record_bytes_max > RECORD_BYTES_MAX {
            return Err(Error::rejected(format!(
                "record_bytes_max is {}, above {RECORD_BYTES_MAX}",
                self.record_bytes_max
            )));
        }
        if self.tail_bytes_max == 0 {
            return Err(Error::rejected("tail_bytes_max is 0: nothing could be committed"));
        }
        self.segment_bytes = self.segment_bytes.next_multiple_of(SEGMENT_BYTES_STEP);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_and_bounded() {
        let with = |segment_bytes| Options { segment_bytes, ..Options::default() }.checked();
        assert_eq!(with(SEGMENT_BYTES_MIN + 1).unwrap().segment_bytes, 2 * SEGMENT_BYTES_STEP);
        assert!(with(SEGMENT_BYTES_MAX).is_ok());
        assert!(with(SEGMENT_BYTES_MAX + 1).is_err());
        assert!(with(0).is_err());
        let large = Options { record_bytes_max: RECORD_BYTES_MAX + 1, ..Options::default() };
        assert!(large.checked().is_err());
        assert!(Options { tail_bytes_max: 0, ..Options::default() }.checked().is_err());
    }
}
