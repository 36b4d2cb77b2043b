//! The table of an open store's segments, by slot.
//!
//! Readers find a segment without a lock or a shared counter. Knows segments; nothing of frames.

use std::sync::{Arc, OnceLock};

use crate::{error::Error, location::SLOTS_MAX, segment::file::Segment};

const BLOCK: usize = 256;

type Block = Box<[OnceLock<Arc<Segment>>]>;

/// All segments, oldest first. Slots are given once; they are not reused while the store is open.
#[derive(Debug)]
pub(crate) struct Segments {
    blocks: Box<[OnceLock<Block>]>,
}

impl Segments {
    pub(crate) fn new() -> Self {
        Self { blocks: (0..SLOTS_MAX / BLOCK).map(|_| OnceLock::new()).collect() }
    }

    /// The segment of a slot that was set.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a slot that was not: an index points nowhere.
    pub(crate) fn at(&self, slot: u16) -> Result<&Arc<Segment>, Error> {
        let block = self.blocks.get(slot as usize / BLOCK).and_then(OnceLock::get);
        block
            .and_then(|block| block[slot as usize % BLOCK].get())
            .ok_or(Error::Corrupt { segment: 0, offset: 0 })
    }

    /// Puts a segment into its slot, which is the next free one.
    pub(crate) fn set(&self, segment: Arc<Segment>) {
        let slot = segment.slot as usize;
        let block =
            self.blocks[slot / BLOCK].get_or_init(|| (0..BLOCK).map(|_| OnceLock::new()).collect());
        let fresh = block[slot % BLOCK].set(segment).is_ok();
        debug_assert!(fresh, "slot {slot} was taken");
    }

    /// Every segment, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.blocks
            .iter()
            .map_while(OnceLock::get)
            .flat_map(|block| block.iter().map_while(OnceLock::get))
    }
}
