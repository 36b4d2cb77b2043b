//! The public receipt of a commit.
//!
//! Knows a place and how to wait for it; nothing of how a batch got it.

use std::{fmt, sync::Arc};

use crate::{
    error::Error,
    handle::Handle,
    ids::{Position, Seq},
    write::placing::Seqs,
};

/// A batch that has its place in the store. It is ordered and numbered, and readers see it; it
/// survives a crash once [`Commit::wait`] has returned.
#[derive(Clone)]
pub struct Commit {
    pub(crate) handle: Arc<Handle>,
    pub(crate) position: u64,
    pub(crate) seqs: Seqs,
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit")
            .field("position", &self.position)
            .field("seqs", &self.seqs())
            .finish_non_exhaustive()
    }
}

impl Commit {
    /// The position behind the batch: it is durable when [`Store::durable`](crate::Store::durable)
    /// has reached this.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.position)
    }

    /// The sequence numbers of the batch's appends, in the order they were added.
    #[must_use]
    pub fn seqs(&self) -> &[Seq] {
        self.seqs.as_slice()
    }

    /// Returns when the batch is durable, as [`Durability`](crate::Durability) has it. One sync
    /// serves everyone who waits meanwhile.
    ///
    /// # Errors
    /// What made the write or the sync fail; [`Error::Poisoned`] if an earlier one failed. The batch
    /// may or may not be there after a reopen.
    pub fn wait(&self) -> Result<(), Error> {
        self.handle.wait(self.position, self.handle.level())
    }
}
