//! Snapshots: the image of all indexes, written beside the segments while writers go on.
//!
//! The image is fuzzy: each collection is copied at a moment of its own, after `replay` was taken and
//! before `as_of`. What happened between both is replayed over it, and each record of it may be there
//! already: replaying is made for that. Knows indexes and files; nothing of how a store is opened.

mod capture;
mod file;

use std::mem;

use crate::{
    collection::Collection,
    error::Error,
    format::{
        header::HEADER_BYTES,
        listing::{Listed, SnapshotEnd},
        snapshot::{
            SnapshotHeader, is_unfinished_name, parse_snapshot_name, snapshot_name, unfinished_name,
        },
    },
    kept::{Kept, Maintenance},
    segment::file::Segment,
    shared::{Shared, Unfinished},
    storage::{Disk, File},
    sync::Arc,
};
use capture::Capture;
use file::ImageFile;

/// Where a snapshot begins.
struct Begin {
    replay: u64,
    next_collection_id: u32,
    collections: Vec<Collection>,
}

impl Shared {
    /// Writes a snapshot; durable on return. Waits for whatever else changes the set of files.
    ///
    /// # Errors
    /// See [`crate::Store::snapshot`].
    pub(crate) fn snapshot(&self) -> Result<(), Error> {
        let mut files = self.maintenance.lock();
        let unfinished = Unfinished(self);
        let done = self.snapshot_in(&mut files);
        mem::forget(unfinished);
        done
    }

    /// As [`Shared::snapshot`], for who holds the lock already.
    ///
    /// # Errors
    /// See [`crate::Store::snapshot`].
    pub(crate) fn snapshot_in(&self, files: &mut Maintenance) -> Result<(), Error> {
        self.check_open()?;
        let id = files.next_snapshot;
        let name = unfinished_name(id);
        let written = self.write_snapshot(id, files.next_cold, &name);
        let kept = match written {
            Ok(kept) => kept,
            Err(error) => {
                // It may not be there; if it stays, the next snapshot or opening removes it.
                let _ = self.disk.remove(&name);
                return Err(error);
            }
        };
        if let Err(error) = self.disk.sync_dir() {
            return Err(self.fail(error));
        }
        self.progress.note_snapshot(kept.file_bytes);
        files.keep(kept);
        self.progress.note_files(files);
        self.sweep(files);
        Ok(())
    }

    /// Writes the whole file and gives it its name, which is not durable yet.
    fn write_snapshot(&self, id: u64, next_cold: u64, name: &str) -> Result<Kept, Error> {
        if self.disk.list()?.iter().any(|found| found == name) {
            self.disk.remove(name)?;
        }
        let (kept, file) = self.write_image(id, next_cold, &*self.disk, name)?;
        file.sync().map_err(|error| self.fail(error))?;
        self.disk.rename(name, &snapshot_name(id))?;
        Ok(kept)
    }

    /// Writes the whole file to a disk; it is not synced. What it tells of is durable on return.
    ///
    /// # Errors
    /// [`Error::Full`] and [`Error::Io`] of that disk; see [`crate::Store::snapshot`].
    pub(crate) fn write_image(
        &self,
        id: u64,
        next_cold: u64,
        disk: &dyn Disk,
        name: &str,
    ) -> Result<(Kept, Arc<dyn File>), Error> {
        let begin = self.begin_snapshot();
        let file = disk.create(name, 0).map_err(Error::reserving)?;
        let mut file = ImageFile::new(file, self.store_id, id);
        let mut capture = Capture::new(&self.frames.segments.counting);
        let mut collections = 0;
        for collection in begin.collections {
            collections += u64::from(capture.collection(&collection, &mut file, |file| {
                self.check_held()?;
                file.write_full()
            })?);
        }
        let (as_of, mut segments) = self.list_segments();
        for listed in &mut segments {
            listed.is_referenced = capture.is_referenced(listed.slot);
        }
        // What the image tells of must not be ahead of what a power cut leaves.
        self.sync_aside(as_of)?;
        let header = SnapshotHeader {
            store_id: self.store_id,
            snapshot_id: id,
            replay: begin.replay,
            as_of,
            next_collection_id: begin.next_collection_id,
            end_at: 0,
        };
        let end = SnapshotEnd { collections, next_cold, segments, ..SnapshotEnd::default() };
        file.finish(header, end)
    }

    /// Every collection created before the position that replaying begins at, and none that is
    /// created after it.
    fn begin_snapshot(&self) -> Begin {
        let next_id = self.next_collection_id.lock();
        let replay = self.appended();
        let mut collections = self.names.read().all();
        let next_collection_id = *next_id;
        drop(next_id);
        collections.sort_unstable_by_key(Collection::id);
        Begin { replay, next_collection_id, collections }
    }

    /// The position that the image has everything before, and the segments as they are then.
    fn list_segments(&self) -> (u64, Vec<Listed>) {
        let all: Vec<Arc<Segment>>;
        let (as_of, mut segments) = {
            // What was let go before is counted, too.
            let _nobody_counts = self.frames.segments.counting.write();
            let _core = self.core.lock();
            all = self.frames.segments.iter().collect();
            let live = all.iter().map(|segment| Listed {
                id: segment.id(),
                base: segment.header.base,
                live_bytes: segment.live_bytes(),
                data_end: segment.sealed_end(),
                slot: segment.slot,
                is_referenced: false,
            });
            (self.appended(), live.collect::<Vec<_>>())
        };
        segments.sort_unstable_by_key(|listed| listed.id);
        // One that is not sealed ends where the next one begins, or history does.
        for nth in 0..segments.len() {
            let next = segments.get(nth + 1).filter(|next| next.id == segments[nth].id + 1);
            let end = next.map_or(as_of, |next| next.base);
            if segments[nth].data_end == 0 {
                segments[nth].data_end = (end - segments[nth].base) as u32 + HEADER_BYTES as u32;
            }
        }
        (as_of, segments)
    }

    /// Removes snapshots that are not kept and what was left unfinished. Failing is no harm: the next
    /// snapshot or opening tries again.
    fn sweep(&self, files: &Maintenance) {
        let is_kept = |id| files.kept.iter().any(|kept| kept.id == id);
        for name in self.disk.list().unwrap_or_default() {
            let is_old = parse_snapshot_name(&name).is_some_and(|id| !is_kept(id));
            if is_old || is_unfinished_name(&name) {
                let _ = self.disk.remove(&name);
            }
        }
    }
}
