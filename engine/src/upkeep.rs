//! The public calls of a store's background work: snapshots, compaction, and what they have done.
//!
//! What a step does is told in maintain; this is its face.

use crate::{error::Error, maintain::stats::Stats, progress::Maintained, store::Store};

impl Store {
    /// Writes the image of all indexes beside the segments, while writers go on. The next opening
    /// begins with it and replays only what came after. The two newest snapshots are kept; durable on
    /// return, and so is everything that was appended when it began.
    ///
    /// # Errors
    /// [`Error::Full`] without space for it and [`Error::Io`] when a write fails: the store goes on
    /// without the snapshot. What makes a sync fail poisons the store. [`Error::Poisoned`],
    /// [`Error::Closed`].
    pub fn snapshot(&self) -> Result<(), Error> {
        self.handle.snapshot()
    }

    /// Does one bounded step of what is most useful now: removes segments that nothing needs, writes a
    /// snapshot that is due, or rewrites what is live of some segments, 64 MiB or a segment's worth at most.
    /// Waits for the disk, and as [`compaction_bytes_per_second`] has it; writers and readers go on
    /// meanwhile. Durable on return.
    ///
    /// An embedding service calls this from a thread that may wait, until it is idle, each time a
    /// segment's worth was written; or it sets [`maintenance_thread`]. When a commit found the disk
    /// full, this gives up the reserve to win back space. Until that is done, commits that need a new
    /// segment fail at once; so it is to be called until it is idle.
    ///
    /// [`compaction_bytes_per_second`]: crate::Options::compaction_bytes_per_second
    /// [`maintenance_thread`]: crate::Options::maintenance_thread
    ///
    /// # Errors
    /// [`Error::Full`] when there is no space even for this, [`Error::Io`] when a write fails: the
    /// store goes on without. [`Error::Corrupt`] for damage in a segment, which is then left as it is
    /// and not told again. What makes a sync fail poisons the store. [`Error::Poisoned`],
    /// [`Error::Closed`].
    pub fn maintain(&self) -> Result<Maintained, Error> {
        self.handle.maintain(false)
    }

    /// Wins back all the space that can be, however little is dead in a segment, and returns when
    /// nothing is left to do. What is written meanwhile may be left for the next time.
    ///
    /// # Errors
    /// As [`Store::maintain`]. Damage is told when all else is done.
    pub fn compact(&self) -> Result<(), Error> {
        let mut damage = Ok(());
        loop {
            match self.handle.maintain(true) {
                Ok(Maintained::Idle) => return damage,
                Ok(_) => {}
                Err(error) if error.is_corruption() => damage = damage.and(Err(error)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes of frames that are still of use: records not trimmed, removed, replaced or dropped. The
    /// rest of the segments is there for compaction to take back.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.handle.frames.segments.iter().map(|segment| segment.live_bytes()).sum()
    }

    /// Where the space is, and what the background work has done. Waits for nothing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.handle.stats()
    }
}
