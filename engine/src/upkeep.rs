//! What is done for an open store beside reading and writing: snapshots and backups.
//!
//! Wires the parts together; each part's work is told in its own folder.

use std::{path::Path, sync::Arc};

use crate::{
    error::Error,
    ids::Position,
    storage::{Disk, RealDisk},
    store::{Store, lock},
};

impl Store {
    /// Copies the store to a directory, which is created when it is missing and has to be empty, while
    /// writers go on. The copy is whole and durable on return, and opens as the store was at the
    /// position returned: everything that was appended when this was called is before it. Every frame
    /// is checked on the way. The copying rests now and then, so that writers keep most of the disk.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the directory is not empty; [`Error::Corrupt`] with the first damaged
    /// frame; [`Error::Full`] and [`Error::Io`] of either disk. The store goes on, and what was copied
    /// is removed; what a crash leaves is refused by [`Store::open`]. [`Error::Closed`] when the store
    /// is closed meanwhile, and as [`Commit::wait`].
    pub fn backup(&self, dir: impl AsRef<Path>) -> Result<Position, Error> {
        self.backup_on(Arc::new(RealDisk::open(dir)?))
    }

    /// As [`Store::backup`], to a disk of the caller's: a simulated one in tests.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup_on(&self, target: Arc<dyn Disk>) -> Result<Position, Error> {
        self.backup_with(target, &|_, _| {})
    }

    /// As [`Store::backup_on`], telling from time to time how many bytes are copied and how many there
    /// are. The call must be short.
    ///
    /// # Errors
    /// As [`Store::backup`].
    pub fn backup_with(
        &self,
        target: Arc<dyn Disk>,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Position, Error> {
        let _lock = lock(&*target)?;
        self.handle.backup(&*target, progress)
    }

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
}
