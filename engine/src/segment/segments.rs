//! The table of an open store's segments, by slot; slots are given, and come back with a removal.
//!
//! Readers find a segment without a lock or a shared counter. Knows segments; nothing of frames.

use std::collections::BTreeSet;

use arc_swap::{ArcSwapOption, Guard};

use crate::{
    error::Error,
    location::SLOTS_MAX,
    segment::file::Segment,
    sync::{
        Arc, Mutex, OnceLock, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Small: each cell that was made has to be let go when the store closes, empty or not.
const BLOCK: usize = 16;

type Block = Box<[ArcSwapOption<Segment>]>;

/// All segments that an index may point at.
///
/// A reader may have a location in hand whose segment is removed before it looks, and whose slot may
/// even have been given to another one. It notes [`Segments::reclaims`] before it asks an index; when
/// it then finds nothing, or something else than it looked for, and the number has moved, it asks
/// again. What it does find needs no second look: the frame itself proves whose it is.
#[derive(Debug)]
pub(crate) struct Segments {
    blocks: Box<[OnceLock<Block>]>,
    slots: Mutex<Slots>,
    /// How often a segment was removed.
    reclaims: AtomicU64,
    /// Held by a commit from before it lets go of frames until it has counted them, so that the
    /// segments they are in stay; taken for a removal.
    pub(crate) counting: RwLock<()>,
}

/// Which slots are free.
#[derive(Debug, Default)]
struct Slots {
    /// No slot from here on was ever given.
    next: usize,
    /// The free ones before it.
    free: BTreeSet<u16>,
}

/// A segment in use: it stays whole until this goes, also when it is removed meanwhile.
#[derive(Debug)]
pub(crate) struct Lease(Guard<Option<Arc<Segment>>>);

impl Lease {
    /// The segment, to keep.
    pub(crate) fn keep(&self) -> Arc<Segment> {
        Arc::clone(self.segment())
    }

    fn segment(&self) -> &Arc<Segment> {
        match &*self.0 {
            Some(segment) => segment,
            None => unreachable!("only a segment is leased"),
        }
    }
}

impl std::ops::Deref for Lease {
    type Target = Segment;

    fn deref(&self) -> &Segment {
        self.segment()
    }
}

impl Segments {
    pub(crate) fn new() -> Self {
        Self {
            blocks: (0..SLOTS_MAX / BLOCK).map(|_| OnceLock::new()).collect(),
            slots: Mutex::default(),
            reclaims: AtomicU64::new(0),
            counting: RwLock::new(()),
        }
    }

    /// The segment of a slot.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a slot without one: an index points nowhere, or the segment was removed
    /// since the index was asked.
    pub(crate) fn at(&self, slot: u16) -> Result<Lease, Error> {
        let cell =
            self.blocks[slot as usize / BLOCK].get().map(|block| &block[slot as usize % BLOCK]);
        let lease = cell.map(ArcSwapOption::load).filter(|found| found.is_some()).map(Lease);
        lease.ok_or(Error::Corrupt { segment: 0, offset: 0 })
    }

    /// A number that moves before a segment goes.
    pub(crate) fn reclaims(&self) -> u64 {
        self.reclaims.load(Ordering::Acquire)
    }

    /// Takes a free slot; `None` when all are taken, or fewer than `spare` would be left.
    pub(crate) fn take_slot(&self, spare: usize) -> Option<u16> {
        let mut slots = self.slots.lock();
        if slots.free.len() + SLOTS_MAX - slots.next <= spare {
            return None;
        }
        if let Some(slot) = slots.free.pop_first() {
            return Some(slot);
        }
        slots.next += 1;
        Some((slots.next - 1) as u16)
    }

    /// Whether there is a free slot.
    pub(crate) fn has_slot(&self) -> bool {
        let slots = self.slots.lock();
        slots.next < SLOTS_MAX || !slots.free.is_empty()
    }

    /// Gives back a slot that was taken and not set.
    pub(crate) fn give_slot(&self, slot: u16) {
        self.slots.lock().free.insert(slot);
    }

    /// Puts a segment into its slot, which was taken, or never given.
    pub(crate) fn set(&self, segment: Arc<Segment>) {
        let slot = segment.slot as usize;
        {
            let mut slots = self.slots.lock();
            let Slots { next, free } = &mut *slots;
            if slot >= *next {
                free.extend((*next..slot).map(|skipped| skipped as u16));
                *next = slot + 1;
            } else {
                free.remove(&segment.slot);
            }
        }
        let fresh = self.cell(slot).swap(Some(segment)).is_none();
        debug_assert!(fresh, "slot {slot} was taken");
    }

    /// Takes a segment that no index points at any more out of its slot, which is free then. Whoever
    /// has the segment in hand keeps it.
    pub(crate) fn remove(&self, slot: u16) -> Option<Arc<Segment>> {
        // Before the cell: whoever finds it empty, or with another segment, sees that this moved.
        self.reclaims.fetch_add(1, Ordering::SeqCst);
        let removed = self.cell(slot as usize).swap(None);
        if removed.is_some() {
            self.give_slot(slot);
        }
        removed
    }

    fn cell(&self, slot: usize) -> &ArcSwapOption<Segment> {
        let new = || (0..BLOCK).map(|_| ArcSwapOption::empty()).collect();
        &self.blocks[slot / BLOCK].get_or_init(new)[slot % BLOCK]
    }

    /// Every segment, in the order of the slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Arc<Segment>> {
        let blocks = self.blocks.iter().filter_map(OnceLock::get);
        blocks.flat_map(|block| block.iter().filter_map(ArcSwapOption::load_full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{format::header::SegmentHeader, storage::Disk, storage::RealDisk};

    fn segment(disk: &RealDisk, id: u64, slot: u16) -> Arc<Segment> {
        let file = disk.create(&id.to_string(), 0).unwrap();
        let header = SegmentHeader { store_id: 1, segment_id: id, base: 0 };
        Arc::new(Segment::new(header, slot, file, 0))
    }

    #[test]
    fn slots_come_back_and_gaps_are_filled() {
        let dir = tempfile::tempdir().unwrap();
        let (disk, segments) = (RealDisk::open(&dir).unwrap(), Segments::new());
        segments.set(segment(&disk, 1, 3));
        let taken: Vec<_> = (0..4).map(|_| segments.take_slot(0).unwrap()).collect();
        assert_eq!(taken, [0, 1, 2, 4]);
        segments.set(segment(&disk, 2, 1));
        assert_eq!(segments.reclaims(), 0);
        let lease = segments.at(3).unwrap();
        assert_eq!(segments.remove(3).unwrap().id(), 1);
        assert_eq!((lease.id(), segments.reclaims()), (1, 1));
        assert!(segments.at(3).is_err());
        assert_eq!(segments.take_slot(0), Some(3));
        segments.set(segment(&disk, 3, 3));
        assert_eq!(segments.at(3).unwrap().id(), 3);
        assert_eq!(lease.id(), 1, "what is in use stays");
        assert_eq!(segments.iter().map(|one| one.id()).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn spare_slots_are_left() {
        let segments = Segments::new();
        for slot in 0..SLOTS_MAX - 1 {
            assert_eq!(segments.take_slot(1), Some(slot as u16));
        }
        assert_eq!(segments.take_slot(1), None);
        assert_eq!(segments.take_slot(0), Some(SLOTS_MAX as u16 - 1));
        assert_eq!(segments.take_slot(0), None);
        segments.give_slot(7);
        assert_eq!(segments.take_slot(0), Some(7));
    }
}
