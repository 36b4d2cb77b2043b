//! Puts the parts of a store together: segments in their slots, indexes, what is known of snapshots.
//!
//! Knows what was found and judged; writes nothing.

use std::sync::Arc;

use super::{
    Recovered, Tabled,
    apply::{Applied, Start},
    found::{Directory, Found},
    image::Image,
    select::Selected,
};
use crate::{
    error::Error,
    format::{
        check::KeyHash,
        header::{COLD, segment_name},
        listing::Listed,
        table::TableBuilder,
    },
    kept::{Kept, Maintenance},
    options::SEGMENT_BYTES_MAX,
    segment::file::Segment,
    segment::frames::Frames,
    shared::{Active, Prepared},
    storage::Disk,
};

/// What was found, in order and settled.
pub(super) struct Parts<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) directory: Directory,
    pub(super) selected: Selected,
    /// The tables of the directory's segments.
    pub(super) tabled: Vec<Tabled>,
    pub(super) hash: KeyHash,
}

/// The segment that takes new frames, if there is one, and its table.
#[derive(Default)]
struct Tail {
    active: Option<Active>,
    table: TableBuilder,
}

impl Parts<'_> {
    /// The store whose history ends at `position`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where records do not follow from those before; [`Error::Io`].
    pub(super) fn build(self, position: u64) -> Result<Recovered, Error> {
        let Self { disk, directory, selected, tabled, hash } = self;
        let store_id = directory.store_id.unwrap_or(0);
        let frames = Frames::new();
        let kept = selected.image.as_ref().map(|image| &image.kept);
        let segments = selected.listed.len() + directory.segments.len();
        place_listed(selected.listed, kept, &frames)?;
        let next_segment_id = directory.segments.last().map_or(1, |last| last.id + 1);
        let (count, mut end, mut tables) = (directory.segments.len(), Tail::default(), Vec::new());
        for (nth, (found, tabled)) in directory.segments.into_iter().zip(tabled).enumerate() {
            let Some(header) = found.header else { return Err(found.corrupt(0)) };
            let is_active = nth + 1 == count && !tabled.is_sealed;
            let file = if is_active { disk.open(&segment_name(found.id))? } else { found.file };
            let slot = slot(found.id, kept, &frames)?;
            let segment = Arc::new(Segment::new(header, slot, file, tabled.end));
            frames.segments.set(Arc::clone(&segment));
            if is_active {
                let (offset, capacity) = (tabled.end, found.file_bytes.min(SEGMENT_BYTES_MAX));
                let active = Active { segment: Arc::clone(&segment), offset, capacity };
                end = Tail { active: Some(active), table: tabled.builder };
            } else {
                segment.seal();
            }
            tables.push((segment, tabled.table));
        }
        let snapshots_unusable = selected.leftovers.unusable.len();
        let mut maintenance = Maintenance {
            kept: selected.older.into_iter().collect(),
            next_snapshot: selected.newest_id + 1,
            next_cold: (selected.cold_max & !COLD) + 1,
            ..Maintenance::default()
        };
        let snapshot = selected.image.as_ref().map(|image| image.header.snapshot_id);
        let start = selected.image.map(|image| begin(image, &frames, &mut maintenance));
        let mut applied = Applied::new(&frames, hash, start.unwrap_or_default());
        for (segment, table) in &tables {
            applied.segment(segment, table)?;
        }
        let records = applied.records;
        let (names, next_collection_id) = applied.finish();
        Ok(Recovered {
            store_id,
            frames,
            names,
            next_collection_id,
            active: end.active,
            table: end.table,
            prepared: prepared(disk, &directory.spares)?,
            segments,
            next_segment_id,
            maintenance,
            snapshot,
            snapshots_unusable,
            position,
            records,
            bytes_cut: 0,
        })
    }
}

/// Puts the segments that are not replayed into the slots that the snapshot knows them by.
fn place_listed(listed: Vec<Found>, kept: Option<&Kept>, frames: &Frames) -> Result<(), Error> {
    for found in listed {
        let listed = kept.and_then(|kept| kept.listed(found.id));
        let Some((header, listed)) = found.header.zip(listed) else {
            return Err(found.corrupt(0));
        };
        let segment = Segment::new(header, listed.slot, found.file, listed.data_end);
        segment.seal();
        frames.segments.set(Arc::new(segment));
    }
    Ok(())
}

/// The slot that the snapshot knows a segment by, or one that is free.
fn slot(id: u64, kept: Option<&Kept>, frames: &Frames) -> Result<u16, Error> {
    let listed = kept.and_then(|kept| kept.listed(id)).map(|listed| listed.slot);
    let slot = listed.or_else(|| frames.segments.take_slot(0));
    slot.ok_or_else(|| Error::rejected("the store has more segments than there can be"))
}

/// What the indexes begin with, from the image; the snapshot is kept.
fn begin(image: Image, frames: &Frames, maintenance: &mut Maintenance) -> Start {
    let Image { header, next_cold, kept, collections } = image;
    // What it lists may have been deleted since, and the slot be another's.
    let is_there = |listed: &&Listed| {
        frames.segments.at(listed.slot).is_ok_and(|segment| segment.id() == listed.id)
    };
    let listed = kept.segments().iter().filter(is_there);
    let live = listed.map(|listed| (listed.slot, listed.live_bytes)).collect();
    maintenance.next_cold = maintenance.next_cold.max(next_cold);
    maintenance.kept.push(kept);
    Start {
        replay: header.replay,
        as_of: header.as_of,
        live,
        collections,
        next_collection_id: header.next_collection_id,
    }
}

/// The file that was made ready for the next segment.
fn prepared(disk: &dyn Disk, spares: &[Found]) -> Result<Option<Prepared>, Error> {
    let Some(spare) = spares.first() else { return Ok(None) };
    Ok(Some(Prepared {
        id: spare.id,
        file: disk.open(&segment_name(spare.id))?,
        capacity: spare.file_bytes.min(SEGMENT_BYTES_MAX),
    }))
}
