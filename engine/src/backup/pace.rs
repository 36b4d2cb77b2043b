//! Keeps a backup from taking the disk away from writers: small syncs, and rests between them.
//!
//! Knows time and files; nothing of what is copied.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{error::Error, storage::File};

/// Bytes that are written before they are synced: what a writer's sync may find in its way.
const SYNC_BYTES: usize = 4 << 20;
/// Of the time that work took, the part that is rested.
const REST_DIVISOR: u32 = 4;
/// The longest rest: a disk that stalls is not waited for twice.
const REST_MAX: Duration = Duration::from_millis(100);

/// The pace of one backup.
#[derive(Debug)]
pub(super) struct Pace {
    unsynced_bytes: usize,
    began: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { unsynced_bytes: 0, began: Instant::now() }
    }

    /// After a step that wrote `bytes` to `file`: syncs now and then, and rests.
    ///
    /// # Errors
    /// Those of the sync.
    pub(super) fn step(&mut self, bytes: usize, file: &dyn File) -> Result<(), Error> {
        self.unsynced_bytes += bytes;
        if self.unsynced_bytes < SYNC_BYTES {
            return Ok(());
        }
        file.sync()?;
        self.unsynced_bytes = 0;
        thread::sleep((self.began.elapsed() / REST_DIVISOR).min(REST_MAX));
        self.began = Instant::now();
        Ok(())
    }
}
