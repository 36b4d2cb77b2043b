//! Looks at what there is, and removes segments that nothing needs any more.
//!
//! Knows segments, snapshots and files; nothing of frames.

use std::{collections::BTreeSet, io, thread, time::Duration};

use super::{
    plan::Candidate,
    space::{Seen, Space, State},
};
use crate::{
    error::Error,
    format::header::{HEADER_BYTES, is_cold, segment_name},
    kept::Maintenance,
    segment::file::Segment,
    shared::Shared,
};

/// How often, and after what pauses, commits that count are asked for a moment without one.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(1);

impl Shared {
    /// Where the space is.
    ///
    /// # Errors
    /// Those of the disk, asked for a file's length.
    pub(crate) fn space(&self, files: &Maintenance) -> Result<Space, Error> {
        let (appended, open) = {
            let core = self.core.lock();
            (self.appended(), core.active.as_ref().map_or(0, |active| active.capacity))
        };
        let prepared = self.prepared.lock().as_ref().map_or(0, |next| next.capacity);
        let newest = files.kept.last();
        let mut space = Space {
            open_bytes: open + prepared,
            snapshot_bytes: files.kept.iter().map(|kept| kept.file_bytes).sum(),
            image_bytes: newest.map_or(0, |newest| newest.file_bytes),
            since_snapshot_bytes: appended - newest.map_or(0, |newest| newest.as_of.min(appended)),
            ..Space::default()
        };
        let segments: Vec<_> = self.frames.segments.iter().collect();
        let history = segments.iter().map(|one| one.id()).filter(|id| !is_cold(*id));
        let last = history.max().unwrap_or(0);
        for segment in segments {
            space.live_bytes += segment.live_bytes();
            if segment.is_sealed() {
                space.sealed.push(seen(files, &segment, appended, segment.id() == last)?);
            }
        }
        Ok(space)
    }

    /// Removes these segments; returns how many bytes their files had. None when commits that count
    /// what they let go of leave no moment for it: later, then.
    ///
    /// # Errors
    /// [`Error::Io`]: what was not removed is tried again with the next step.
    pub(crate) fn remove_segments(
        &self,
        files: &mut Maintenance,
        ids: &[u64],
    ) -> Result<Option<u64>, Error> {
        let segments = &self.frames.segments;
        let ids: BTreeSet<u64> = ids.iter().copied().collect();
        // Looked at before, and let go of after, commits have to wait.
        let going: Vec<_> = segments.iter().filter(|one| ids.contains(&one.id())).collect();
        let mut bytes = 0;
        for segment in &going {
            bytes += segment.file_bytes()?;
        }
        let mut tries = 0;
        let nobody_counts = loop {
            match segments.counting.try_write() {
                Some(guard) => break guard,
                None if tries == TRIES => return Ok(None),
                None => thread::sleep(PAUSE),
            }
            tries += 1;
        };
        for segment in &going {
            segments.remove(segment.slot);
            files.doomed.push(segment.id());
        }
        drop(nobody_counts);
        self.remove_doomed(files)?;
        Ok(Some(bytes))
    }

    /// Removes the files of segments that are not in the table any more.
    ///
    /// # Errors
    /// [`Error::Io`]: the rest is tried again with the next step.
    pub(crate) fn remove_doomed(&self, files: &mut Maintenance) -> Result<(), Error> {
        while let Some(id) = files.doomed.last() {
            match self.disk.remove(&segment_name(*id)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => files.doomed.pop(),
            };
        }
        Ok(())
    }
}

fn seen(
    files: &Maintenance,
    segment: &Segment,
    appended: u64,
    is_last: bool,
) -> Result<Seen, Error> {
    let (id, live_bytes, file_bytes) = (segment.id(), segment.live_bytes(), segment.file_bytes()?);
    let (bytes, end) = if is_cold(id) {
        // Its header and footer would be there after rewriting it, too.
        (u64::from(segment.sealed_end()).saturating_sub(HEADER_BYTES as u64), 0)
    } else {
        (file_bytes, segment.position(segment.sealed_end()))
    };
    let candidate = Candidate {
        slot: segment.slot,
        bytes,
        live_bytes,
        age_bytes: appended.saturating_sub(end),
    };
    let newest = files.kept.last().and_then(|newest| newest.listed(id));
    // Counted dead when the newest snapshot was taken, and pointed into all the same: then it is for
    // rewriting to find out what is live, once.
    let is_miscounted = newest.is_some_and(|seen| seen.live_bytes == 0 && seen.is_referenced)
        && !files.emptied.contains(&id);
    let state = if files.may_remove(id) {
        State::Removable
    } else if is_last || files.damaged.contains(&id) {
        State::Fixed
    } else if live_bytes == 0 && !is_miscounted {
        State::Waiting
    } else {
        State::Used
    };
    Ok(Seen { id, state, file_bytes, candidate })
}
