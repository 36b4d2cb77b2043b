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
/// Least space that compaction can be asked to keep to, in per cent of the live bytes: nearer to them
/// it would move everything again and again.
const SPACE_PERCENT_MIN: u32 = 110;
/// Least throttle of compaction, in bytes a second.
const COMPACTION_RATE_MIN: u64 = 64 << 10;
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
    /// Whether a thread of the store's own does what [`Store::maintain`](crate::Store::maintain) does,
    /// when there is something to do. Without it, the embedding service calls that, or the space of
    /// records that are gone is not won back. Default: no.
    pub maintenance_thread: bool,
    /// How much space the segments may take, in per cent of the live bytes in them, before some are
    /// rewritten; at least 110. A few segments more than that are always allowed. Default: 150.
    pub space_percent_max: u32,
    /// Most bytes a second that rewriting segments writes, at least 64 KiB; more only when the disk is
    /// full. Default: 256 MiB.
    pub compaction_bytes_per_second: u64,
    /// Bytes of history after which a snapshot is due, or eight times the snapshot before if that is
    /// more. Default: 256 MiB.
    pub snapshot_bytes: u64,
    /// Bytes of a file that is given up when the disk is full, so that there is space to win back
    /// space; 0 for none. [`Store::maintain`](crate::Store::maintain) makes it. Default: 64 MiB.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Device,
            segment_bytes: 64 << 20,
            record_bytes_max: 64 << 20,
            tail_bytes_max: 64 << 20,
            committer_thread: false,
            maintenance_thread: false,
            space_percent_max: 150,
            compaction_bytes_per_second: 256 << 20,
            snapshot_bytes: 256 << 20,
            reserve_bytes: 64 << 20,
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
        if self.space_percent_max < SPACE_PERCENT_MIN {
            return Err(Error::rejected(format!(
                "space_percent_max is {}, below {SPACE_PERCENT_MIN}",
                self.space_percent_max
            )));
        }
        if self.compaction_bytes_per_second < COMPACTION_RATE_MIN {
            return Err(Error::rejected(format!(
                "compaction_bytes_per_second is {}, below {COMPACTION_RATE_MIN}",
                self.compaction_bytes_per_second
            )));
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
        let default = Options::default;
        assert!(Options { tail_bytes_max: 0, ..default() }.checked().is_err());
        assert!(Options { space_percent_max: 109, ..default() }.checked().is_err());
        assert!(Options { compaction_bytes_per_second: 0, ..default() }.checked().is_err());
    }
}
