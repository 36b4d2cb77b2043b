//! What the background work has done, counted.
//!
//! Knows counts; nothing of how anything is done.

use crate::{error::Error, kept::Maintenance, sync::Mutex};

/// What one step of a store's background work did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Maintained {
    /// Nothing: there is nothing to do before more is written.
    Idle,
    /// A snapshot was written.
    Snapshot,
    /// What is live of some segments was written anew, beside history.
    Rewrote {
        /// How many segments are empty now.
        segments: u64,
        /// Bytes of frames that were moved.
        bytes: u64,
    },
    /// Segments that nothing needs any more were removed.
    Removed {
        /// How many.
        segments: u64,
        /// Bytes of their files.
        bytes: u64,
    },
}

/// How much was done since the store was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) snapshots_written: u64,
    pub(crate) snapshot_bytes_written: u64,
    pub(crate) segments_rewritten: u64,
    pub(crate) bytes_rewritten: u64,
    pub(crate) segments_removed: u64,
    pub(crate) bytes_removed: u64,
}

/// How the files stood when the last step ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Last {
    pub(crate) snapshots: u64,
    pub(crate) snapshot_bytes: u64,
    pub(crate) snapshot_position: Option<u64>,
    pub(crate) damaged_segments: u64,
    pub(crate) failure: Option<Error>,
}

/// The account of the background work; its lock is held for moments only, so that whoever looks does
/// not wait for a step.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<(Counts, Last)>);

impl Progress {
    pub(crate) fn new(files: &Maintenance) -> Self {
        let progress = Self::default();
        progress.note_files(files);
        progress
    }

    /// What is known now.
    pub(crate) fn now(&self) -> (Counts, Last) {
        self.0.lock().clone()
    }

    /// Counts what a step did.
    pub(crate) fn note(&self, done: &Result<Maintained, Error>) {
        let (counts, last) = &mut *self.0.lock();
        match done {
            Ok(Maintained::Rewrote { segments, bytes }) => {
                counts.segments_rewritten += segments;
                counts.bytes_rewritten += bytes;
            }
            Ok(Maintained::Removed { segments, bytes }) => {
                counts.segments_removed += segments;
                counts.bytes_removed += bytes;
            }
            Ok(Maintained::Snapshot | Maintained::Idle) => {}
            Err(error) => last.failure = Some(error.clone()),
        }
    }

    /// Counts a snapshot that was written, of so many bytes.
    pub(crate) fn note_snapshot(&self, file_bytes: u64) {
        let (counts, _) = &mut *self.0.lock();
        counts.snapshots_written += 1;
        counts.snapshot_bytes_written += file_bytes;
    }

    /// Remembers how the files stand.
    pub(crate) fn note_files(&self, files: &Maintenance) {
        let (_, last) = &mut *self.0.lock();
        last.snapshots = files.kept.len() as u64;
        last.snapshot_bytes = files.kept.iter().map(|kept| kept.file_bytes).sum();
        last.snapshot_position = files.kept.last().map(|kept| kept.as_of);
        last.damaged_segments = files.damaged.len() as u64;
    }
}
