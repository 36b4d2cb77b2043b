//! Copies a store to another directory while writers go on: the copy opens as the store at one
//! position.
//!
//! Knows segments and watermarks; nothing of indexes.

mod copy;
mod pace;
pub(crate) mod unfinished;

use std::sync::Arc;

use copy::Wanted;
use pace::Pace;

use crate::{
    error::Error, format::header::HEADER_BYTES, ids::Position, segment::file::Segment,
    shared::Shared, storage::Disk, wake::waiters::Level,
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
        self.check_open()?;
        if !target.list()?.is_empty() {
            return Err(Error::rejected("the directory of a backup has to be empty"));
        }
        unfinished::mark(target)?;
        let done = self.fill(target, progress);
        if done.is_err() {
            unfinished::clear(target);
        }
        done
    }

    fn fill(&self, target: &dyn Disk, progress: &dyn Fn(u64, u64)) -> Result<Position, Error> {
        let (as_of, segments) = self.segments_now();
        self.wait(as_of, Level::Synced)?;
        let all = segments.iter().map(|(_, wanted)| u64::from(wanted.data_end)).sum();
        let (mut pace, mut done) = (Pace::new(), 0);
        for (segment, wanted) in segments {
            copy::copy(&segment, wanted, target, &mut |bytes, file| {
                self.check_open()?;
                done += bytes as u64;
                progress(done, all);
                pace.step(bytes, file)
            })?;
        }
        unfinished::unmark(target)?;
        Ok(Position(as_of))
    }

    /// A position between two batches, and the segments that history has before it.
    fn segments_now(&self) -> (u64, Vec<(Arc<Segment>, Wanted)>) {
        let (as_of, segments) = {
            let _core = self.core.lock();
            let mut segments: Vec<_> = self.frames.segments.iter().collect();
            segments.sort_by_key(|segment| segment.id());
            (self.appended(), segments)
        };
        let ends: Vec<u64> =
            segments.iter().skip(1).map(|next| next.header.base).chain([as_of]).collect();
        let last = segments.len().saturating_sub(1);
        let wanted = |(nth, segment): (usize, Arc<Segment>)| {
            let data_end = (ends[nth] - segment.header.base) as u32 + HEADER_BYTES as u32;
            (segment, Wanted { data_end, with_footer: nth < last })
        };
        (as_of, segments.into_iter().enumerate().map(wanted).collect())
    }
}
