//! The background work of a store, step by step: what is most useful now, and what it is told to.
//!
//! Chooses and keeps the count; how a snapshot is written or a segment rewritten is told there.

mod reserve;
pub(crate) mod stats;

use std::mem;

use crate::{
    compaction::space::{Aims, Next},
    error::Error,
    kept::Maintenance,
    progress::Maintained,
    shared::{Shared, Unfinished},
};

impl Shared {
    /// One step; of everything that can be done when `all` is asked for.
    ///
    /// # Errors
    /// See [`crate::Store::maintain`].
    pub(crate) fn maintain(&self, all: bool) -> Result<Maintained, Error> {
        let mut files = self.maintenance.lock();
        self.check_open()?;
        let unfinished = Unfinished(self);
        let done = match self.step(&mut files, all) {
            // The reserve is there for this; without one, there is no more to try.
            Err(Error::Full) if self.tighten(&mut files) => self.step(&mut files, all),
            done => done,
        };
        if matches!(done, Ok(Maintained::Idle) | Err(_)) {
            self.gate.set_pace(0, 0);
        }
        if matches!(done, Ok(Maintained::Idle) | Err(Error::Full)) {
            self.loosen(&mut files);
        }
        self.progress.note(&done);
        self.progress.note_files(&files);
        mem::forget(unfinished);
        done
    }

    fn step(&self, files: &mut Maintenance, all: bool) -> Result<Maintained, Error> {
        // What could not be removed was told when it was tried first.
        let _ = self.remove_doomed(files);
        self.adjust_reserve(files)?;
        let is_tight = self.gate.is_shut();
        let aims = Aims {
            space_percent_max: self.options.space_percent_max,
            segment_bytes: self.options.segment_bytes,
            snapshot_bytes: self.options.snapshot_bytes,
            room_bytes: self.room_bytes(is_tight),
            all: all || is_tight,
            is_tight,
        };
        let space = self.space(files)?;
        let next = space.next(&aims);
        // Where nothing can be done, waiting for it would help nobody.
        if self.options.maintenance_thread && next != Next::Nothing {
            let (dead, allowed) = space.balance(&aims);
            self.gate.set_pace(dead, allowed);
        }
        match next {
            Next::Nothing => Ok(Maintained::Idle),
            Next::Snapshot => self.snapshot_in(files).map(|()| Maintained::Snapshot),
            Next::Remove(ids) => Ok(match self.remove_segments(files, &ids)? {
                Some(bytes) => Maintained::Removed { segments: ids.len() as u64, bytes },
                None => Maintained::Idle,
            }),
            Next::Rewrite(slots) => {
                let bytes = self.rewrite(files, &slots, is_tight)?;
                Ok(Maintained::Rewrote { segments: slots.len() as u64, bytes })
            }
        }
    }

    /// Live bytes that one step may move on a full disk: what the reserve has room for beside a snapshot.
    fn room_bytes(&self, is_tight: bool) -> u64 {
        if is_tight { self.options.reserve_bytes / 2 } else { u64::MAX }
    }
}

/// What the maintenance thread does: a step after another, until nothing is to be done.
pub(crate) fn run_maintainer(shared: &Shared) {
    while !shared.maintainer.is_stopped() {
        match shared.maintain(false) {
            Ok(Maintained::Idle) => {}
            // Damage is told once: the rest goes on.
            Ok(_) => continue,
            Err(error) if error.is_corruption() => continue,
            // Tried again when more was written, or somebody finds the disk full.
            Err(_) if shared.failure.get().is_some() => return,
            Err(_) => {}
        }
        shared.maintainer.sleep_unless(|| shared.gate.wants_a_look());
    }
}
