//! What all handles of an open store share.
//!
//! Holds the state and says whether the store may be used; how it changes is told in place, flush
//! and room.

use crossbeam::utils::CachePadded;

use crate::{
    collection::Names,
    error::Error,
    format::{check::KeyHash, table::TableBuilder},
    gate::Gate,
    kept::Maintenance,
    options::Options,
    progress::Progress,
    segment::file::Segment,
    segment::frames::Frames,
    storage::{Disk, File, LockGuard},
    sync::{
        Arc, Condvar, Mutex, OnceLock, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    wake::committer::Committer,
    wake::waiters::Waiters,
};

/// The segment that takes new frames.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    /// Where the next frame goes, in bytes from the start of the file.
    pub(crate) offset: u32,
    /// Bytes whose space is reserved.
    pub(crate) capacity: u64,
}

/// What the order of commits is made under.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) active: Option<Active>,
    /// Where the next segment begins in history when none is active.
    pub(crate) next_base: u64,
    pub(crate) closed: bool,
    /// Whether anything was placed since the store was opened clean.
    pub(crate) dirty: bool,
}

/// A file made ready for the next segment.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) id: u64,
    pub(crate) file: Arc<dyn File>,
    pub(crate) capacity: u64,
}

/// What only the holder of the flush role touches. Taking it with `try_lock` is taking the role.
#[derive(Debug, Default)]
pub(crate) struct Role {
    /// The table of the segment that is being written.
    pub(crate) table: TableBuilder,
    /// That segment's id; 0 before the first.
    pub(crate) segment_id: u64,
    /// Files with bytes that were not synced yet, oldest first, with the position of their end.
    pub(crate) unsynced: Vec<Unsynced>,
}

/// A file with bytes that were not synced yet.
#[derive(Debug)]
pub(crate) struct Unsynced {
    pub(crate) segment_id: u64,
    pub(crate) file: Arc<dyn File>,
    /// The position up to which it was written.
    pub(crate) end: u64,
}

/// How far the store has come; each is a position and only grows.
#[derive(Debug, Default)]
pub(crate) struct Watermarks {
    pub(crate) appended: CachePadded<AtomicU64>,
    pub(crate) written: CachePadded<AtomicU64>,
    pub(crate) synced: CachePadded<AtomicU64>,
}

/// Called when the durable watermark moves.
pub(crate) type Watch = Arc<dyn Fn(Result<crate::ids::Position, Error>) + Send + Sync>;

/// The state of an open store.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) lock: Mutex<Option<Box<dyn LockGuard>>>,
    pub(crate) store_id: u64,
    /// Tells the stores of this process apart; handles of one are refused by another.
    pub(crate) token: u64,
    pub(crate) hash: KeyHash,
    pub(crate) frames: Frames,
    pub(crate) core: Mutex<Core>,
    pub(crate) prepared: Mutex<Option<Prepared>>,
    /// Held while a segment file is made.
    pub(crate) making: Mutex<()>,
    /// Id that the next segment gets; changes only when a prepared one is taken.
    pub(crate) next_segment_id: AtomicU64,
    pub(crate) names: RwLock<Names>,
    /// Held while a collection is created: the id that the next one gets.
    pub(crate) next_collection_id: Mutex<u32>,
    /// Held by whatever changes the set of files beside the segments that take frames: snapshots,
    /// compaction, removal, backup. Taken before any other lock.
    pub(crate) maintenance: Mutex<Maintenance>,
    /// What the background work has done.
    pub(crate) progress: Progress,
    /// Whether commits may take space.
    pub(crate) gate: Gate,
    pub(crate) role: Mutex<Role>,
    pub(crate) marks: Watermarks,
    pub(crate) waiters: Waiters,
    /// How many the last turn of the flush role served.
    pub(crate) group: AtomicUsize,
    /// Signalled, with the tail's lock, when the tail has room again.
    pub(crate) space: Condvar,
    pub(crate) watches: RwLock<Vec<Watch>>,
    pub(crate) committer: Committer,
    pub(crate) maintainer: Committer,
    /// The failure that ended writing.
    pub(crate) failure: OnceLock<Error>,
    /// Opened to read only; closed to commits from the start.
    pub(crate) is_read_only: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("store_id", &self.store_id).finish_non_exhaustive()
    }
}

/// Poisons the store when it is dropped: a panic left something half done. Forgotten by whoever comes
/// to the end.
pub(crate) struct Unfinished<'a>(pub(crate) &'a Shared);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.0.poison(Error::Poisoned);
    }
}

impl Shared {
    /// Whether writes are possible.
    ///
    /// # Errors
    /// [`Error::Poisoned`] after a failed write or sync.
    pub(crate) fn check_health(&self) -> Result<(), Error> {
        if self.failure.get().is_some() { Err(Error::Poisoned) } else { Ok(()) }
    }

    /// Why a closed store takes no commit.
    pub(crate) fn refusal(&self) -> Error {
        if self.is_read_only {
            Error::rejected("the store was opened to read only: open it to write")
        } else {
            Error::Closed
        }
    }

    /// Whether writes are possible and the store is open: nothing may go on behind the directory's lock.
    ///
    /// # Errors
    /// [`Error::Poisoned`], [`Error::Closed`].
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        self.check_health()?;
        if self.core.lock().closed { Err(self.refusal()) } else { Ok(()) }
    }

    /// Whether the files may still be relied on to stay: behind the lock of the directory they are
    /// another opener's. A store that only reads never had the lock, and finds out when one goes.
    ///
    /// # Errors
    /// As [`Shared::check_open`].
    pub(crate) fn check_held(&self) -> Result<(), Error> {
        if self.is_read_only { Ok(()) } else { self.check_open() }
    }

    pub(crate) fn synced(&self) -> u64 {
        self.marks.synced.load(Ordering::Acquire)
    }

    pub(crate) fn written(&self) -> u64 {
        self.marks.written.load(Ordering::Acquire)
    }

    pub(crate) fn appended(&self) -> u64 {
        self.marks.appended.load(Ordering::Acquire)
    }
}
