//! Whether commits may take space of the disk, and whether the background work is called for.
//!
//! Knows flags; nothing of disks or of what is done.

use crate::sync::atomic::{AtomicBool, Ordering};

/// How the store stands with the disk's space.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// A commit found no space since the background work last looked.
    is_wanted: AtomicBool,
    /// What is free is for winning back space: commits that need a new segment fail at once.
    is_shut: AtomicBool,
    /// A segment has begun since the background work last looked.
    has_rolled: AtomicBool,
}

impl Gate {
    /// Whether commits are kept from taking space.
    pub(crate) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Acquire)
    }

    /// Shuts or opens it; returns how it was.
    pub(crate) fn shut(&self, shut: bool) -> bool {
        self.is_shut.swap(shut, Ordering::AcqRel)
    }

    /// A commit needs space that is not there.
    pub(crate) fn want_space(&self) {
        self.is_wanted.store(true, Ordering::Release);
    }

    /// Whether a commit needed space since this was last asked.
    pub(crate) fn take_wanted(&self) -> bool {
        self.is_wanted.swap(false, Ordering::AcqRel)
    }

    /// A segment has begun.
    pub(crate) fn note_roll(&self) {
        self.has_rolled.store(true, Ordering::Release);
    }

    /// The background work looks now.
    pub(crate) fn look(&self) {
        self.has_rolled.store(false, Ordering::Release);
    }

    /// Whether anything happened that the background work has not looked at.
    pub(crate) fn wants_a_look(&self) -> bool {
        self.is_wanted.load(Ordering::Acquire) || self.has_rolled.load(Ordering::Acquire)
    }
}
