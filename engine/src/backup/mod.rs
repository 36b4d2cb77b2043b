//! Copies a store to another directory while writers go on: the copy opens as the store at one
//! position.
//!
//! It is a snapshot, and beside it all segments up to the position that it is of: those that no
//! index points into are history too, for the day when the snapshot is damaged. Knows snapshots and
//! segments; nothing of indexes.

mod copy;
mod pace;
pub(crate) mod unfinished;

use copy::Wanted;
use pace::Pace;

use crate::{
    error::Error,
    format::{
        header::is_cold,
        snapshot::{snapshot_name, unfinished_name},
    },
    ids::Position,
    kept::Maintenance,
    shared::Shared,
    storage::Disk,
};

impl Shared {
    /// Copies everything before a position, which is returned, to an empty directory.
    ///
    /// # Errors
    /// See [`crate::Store::backup`].
    pub(crate) fn backup(
        &self,
        target: &dyn Disk,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Position, Error> {
        // Until it is done no segment goes.
        let files = self.maintenance.lock();
        self.check_held()?;
        // Nothing is rewritten meanwhile, so that waiting for it would help no commit.
        self.gate.set_pace(0, 0);
        if !target.list()?.is_empty() {
            return Err(Error::rejected("the directory of a backup has to be empty"));
        }
        unfinished::mark(target)?;
        let done = self.fill(&files, target, progress);
        if done.is_err() {
            unfinished::clear(target);
        }
        done
    }

    fn fill(
        &self,
        files: &Maintenance,
        target: &dyn Disk,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Position, Error> {
        let id = files.next_snapshot.max(1);
        let name = unfinished_name(id);
        let (kept, image) = self.write_image(id, files.next_cold, target, &name)?;
        image.sync()?;
        let segments = kept.segments();
        let newest = segments.iter().map(|listed| listed.id).filter(|id| !is_cold(*id)).max();
        let all = segments.iter().map(|listed| u64::from(listed.data_end)).sum();
        let (mut pace, mut done) = (Pace::new(), 0);
        for listed in segments {
            let segment = self.frames.segments.at(listed.slot)?.keep();
            // The newest may have been written on since.
            let with_footer = Some(listed.id) != newest;
            let wanted = Wanted { data_end: listed.data_end, with_footer };
            copy::copy(&segment, wanted, target, &mut |bytes, file| {
                self.check_held()?;
                done += bytes as u64;
                progress(done, all);
                pace.step(bytes, file)
            })?;
        }
        target.sync_dir()?;
        target.rename(&name, &snapshot_name(id))?;
        unfinished::unmark(target)?;
        Ok(Position(kept.as_of))
    }
}
