//! Makes segment files ahead of need, so that a full disk shows before anything is placed.
//!
//! Knows files and sizes; nothing of what goes into a segment.

use crate::{
    error::Error,
    format::{
        header::{HEADER_BYTES, SegmentHeader, segment_name},
        mark::MARK_BYTES,
    },
    location::SLOTS_MAX,
    segment::file::Segment,
    shared::{Active, Core, Prepared, Shared},
    sync::{Arc, atomic::Ordering},
};

/// Kept free at a segment's end for the marks that closing the store may add.
const RESERVE_BYTES: usize = 2 * MARK_BYTES;
const FILE_STEP_BYTES: u64 = 4 << 10;

/// The file size that a batch of `bytes` needs when it begins a segment.
fn bytes_needed(bytes: usize) -> u64 {
    (HEADER_BYTES + MARK_BYTES + bytes + RESERVE_BYTES) as u64
}

impl Shared {
    /// Makes the active segment one that has room for `bytes`; `false` when a file must be made
    /// first, by [`Shared::prepare`].
    pub(crate) fn make_room(&self, core: &mut Core, bytes: usize) -> bool {
        if let Some(active) = &core.active
            && u64::from(active.offset) + bytes_needed(bytes) <= active.capacity
        {
            return true;
        }
        let Some(slot) = self.frames.segments.take_slot(0) else { return false };
        let next = {
            let mut prepared = self.prepared.lock();
            let next = prepared.take_if(|next| next.capacity >= bytes_needed(bytes));
            if let Some(next) = &next {
                // Under the lock: whoever prepares the next file finds either this one or its id.
                self.next_segment_id.store(next.id + 1, Ordering::Release);
            }
            next
        };
        let Some(next) = next else {
            self.frames.segments.give_slot(slot);
            return false;
        };
        let base = core.active.take().map_or(core.next_base, |old| {
            self.frames.tail.lock().seal(&old.segment, old.offset);
            old.segment.position(old.offset)
        });
        let header = SegmentHeader { store_id: self.store_id, segment_id: next.id, base };
        let segment = Arc::new(Segment::new(header, slot, next.file, 0));
        self.frames.segments.set(Arc::clone(&segment));
        core.active = Some(Active { segment, offset: 0, capacity: next.capacity });
        self.gate.note_roll();
        self.maintainer.wake();
        true
    }

    /// Makes the next segment's file, if there is none that holds a batch of `bytes`. Waits for the
    /// disk; no lock that a commit needs is held meanwhile.
    ///
    /// # Errors
    /// [`Error::Full`] without space, [`Error::Io`] when the disk fails; after a failed sync the
    /// store is poisoned. [`Error::Closed`] and [`Error::Poisoned`].
    pub(crate) fn prepare(&self, bytes: usize) -> Result<(), Error> {
        let made = self.make_file(bytes, || self.gate.is_shut());
        if matches!(made, Err(Error::Full)) {
            self.gate.want_space();
            self.maintainer.wake();
        }
        made
    }

    /// As [`Shared::prepare`], unless the space that is left is kept for something else.
    ///
    /// # Errors
    /// As [`Shared::prepare`].
    pub(crate) fn make_file(&self, bytes: usize, is_kept: impl Fn() -> bool) -> Result<(), Error> {
        let _one_at_a_time = self.making.lock();
        self.check_health()?;
        if self.core.lock().closed {
            return Err(self.refusal());
        }
        if is_kept() {
            return Err(Error::Full);
        }
        let needed = bytes_needed(bytes);
        let (small, id) = {
            let mut prepared = self.prepared.lock();
            if prepared.as_ref().is_some_and(|next| next.capacity >= needed) {
                return Ok(());
            }
            // With none prepared no segment begins, so this id stays the next one.
            (prepared.take(), self.next_segment_id.load(Ordering::Acquire))
        };
        if !self.frames.segments.has_slot() {
            return Err(Error::rejected(format!(
                "the store has {SLOTS_MAX} segments, the most there can be: use larger ones"
            )));
        }
        let name = segment_name(id);
        let capacity = needed.next_multiple_of(FILE_STEP_BYTES).max(self.options.segment_bytes);
        if small.is_some() || self.disk.list()?.contains(&name) {
            // Empty: made for a smaller batch, or left by an attempt that failed.
            self.disk.remove(&name)?;
        }
        let file = self.disk.create(&name, capacity).map_err(Error::reserving)?;
        // The size is made durable here, so that the first sync of a commit has less to do.
        if let Err(error) = file.sync().and_then(|()| self.disk.sync_dir()) {
            let error = Error::from(error);
            self.poison(error.clone());
            return Err(error);
        }
        *self.prepared.lock() = Some(Prepared { id, file, capacity });
        Ok(())
    }

    /// Whether the active segment is half full and the next one's file not made yet.
    pub(crate) fn wants_file(&self) -> bool {
        let is_half_full = {
            let core = self.core.lock();
            core.active.as_ref().is_some_and(|a| u64::from(a.offset) * 2 > a.capacity)
        };
        is_half_full && self.prepared.lock().is_none()
    }

    /// Makes the next segment's file before it is needed. Failing is no harm: the commit that needs
    /// it tries again and tells.
    pub(crate) fn prepare_ahead(&self) {
        let _ = self.prepare(0);
    }
}
