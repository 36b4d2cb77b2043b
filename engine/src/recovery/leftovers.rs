//! Removes what a crash left of deletions and of snapshots that were never finished.
//!
//! Runs last, when the store is whole without them. Knows names; judges nothing.

use std::io;

use crate::{
    format::{header::segment_name, snapshot::snapshot_name},
    storage::Disk,
};

/// Files that an open store has no use for.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers {
    /// Snapshots that cannot be used.
    pub(super) unusable: Vec<u64>,
    /// Snapshots older than those kept.
    pub(super) surplus: Vec<u64>,
    /// Names of snapshots that were never finished.
    pub(super) unfinished: Vec<String>,
    /// Segments that no snapshot in use lists, and that are not replayed.
    pub(super) segments: Vec<u64>,
}

impl Leftovers {
    /// Removes them all.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn remove(&self, disk: &dyn Disk) -> io::Result<()> {
        for id in &self.unusable {
            disk.remove(&snapshot_name(*id))?;
        }
        if !self.unusable.is_empty() && !self.segments.is_empty() {
            // One that could not be read today may be readable tomorrow: it must not list a segment
            // that is gone.
            disk.sync_dir()?;
        }
        for id in &self.segments {
            disk.remove(&segment_name(*id))?;
        }
        for id in &self.surplus {
            disk.remove(&snapshot_name(*id))?;
        }
        for name in &self.unfinished {
            disk.remove(name)?;
        }
        Ok(())
    }
}
