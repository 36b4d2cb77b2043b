//! Opens what is on the disk: finds the segments, judges their end, rebuilds the indexes.
//!
//! Knows files, frames and indexes; gives back the parts of a store and starts nothing.

mod apply;
mod build;
mod cut;
mod found;
pub(crate) mod image;
mod judge;
mod leftovers;
mod load;
mod parallel;
mod read;
pub(crate) mod reopen;
mod scan;
mod select;

use std::sync::Arc;

use build::Parts;
use found::Directory;
use select::Selected;

use crate::{
    collection::Names,
    error::Error,
    format::{
        check::KeyHash,
        header::{HEADER_BYTES, SegmentHeader, segment_name},
        table::{Table, TableBuilder},
    },
    kept::Maintenance,
    location::SLOTS_MAX,
    options::{Durability, Options},
    segment::file::Segment,
    segment::frames::Frames,
    shared::{Active, Prepared},
    storage::Disk,
};

/// What a directory holds, ready to be used.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) store_id: u64,
    pub(crate) frames: Frames,
    pub(crate) names: Names,
    pub(crate) next_collection_id: u32,
    /// The segment that takes new frames; `None` when the next one has to begin.
    pub(crate) active: Option<Active>,
    /// The table of the active segment.
    pub(crate) table: TableBuilder,
    pub(crate) prepared: Option<Prepared>,
    /// Segments in use.
    pub(crate) segments: usize,
    /// The id that the next segment of history gets.
    pub(crate) next_segment_id: u64,
    pub(crate) maintenance: Maintenance,
    /// The snapshot that was begun with.
    pub(crate) snapshot: Option<u64>,
    /// Newer snapshots that could not be used.
    pub(crate) snapshots_unusable: usize,
    /// Where history ends.
    pub(crate) position: u64,
    /// Records replayed.
    pub(crate) records: u64,
    pub(crate) bytes_cut: u64,
}

/// One segment's table, and what of it the active segment goes on with.
struct Tabled {
    table: Table,
    builder: TableBuilder,
    end: u32,
    is_sealed: bool,
}

/// Opens the store in a directory, or makes a new one in an empty one.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::CorruptSnapshot`], [`Error::Unsupported`], [`Error::Io`],
/// [`Error::Full`]. Nothing that was durable has been changed then.
pub(crate) fn recover(disk: &Arc<dyn Disk>, options: &Options) -> Result<Recovered, Error> {
    let mut directory = Directory::look(disk)?;
    let Some(store_id) = directory.store_id else {
        return create(&**disk, options, &directory);
    };
    let hash = KeyHash::new(store_id);
    let chosen = image::choose(disk, &directory.snapshots, store_id)?;
    let selected = Selected::new(disk, &mut directory, chosen)?;
    if directory.segments.len() + selected.listed.len() >= SLOTS_MAX {
        return Err(Error::rejected(format!("the store has more than {SLOTS_MAX} segments")));
    }
    let start = selected.start(&directory)?;
    let scanned = parallel::scan_all(&directory.segments, start, store_id, hash)?;
    let (begins, durable) = (selected.begins(), selected.durable());
    let end = judge::judge(&directory.segments, &scanned.scans, begins, durable)?;
    let Some(last) = end.last else {
        // The first header is durable before a store, or a snapshot, is used: it cannot be torn.
        return Err(Error::Corrupt { segment: selected.replay_segment(), offset: 0 });
    };
    let mut tabled = scanned.tabled(&directory.segments);
    let bytes_cut =
        if end.is_torn { cut::cut(&**disk, &mut directory, &mut tabled, last + 1)? } else { 0 };
    let spares = directory.spares.split_off(directory.spares.len().min(1));
    cut::remove_behind(&**disk, spares.iter().map(|spare| spare.id))?;
    // Also after a clean end: its mark may be in the page cache only, and a process that was killed may
    // have made a file and not come to make its name durable.
    cut::clear_footers(&directory.segments, &tabled)?;
    let ends: Vec<u32> = tabled.iter().map(|tabled| tabled.end).collect();
    let rewrite = options.durability == Durability::Device;
    cut::settle(&directory.segments, &ends, &end, rewrite)?;
    disk.sync_dir()?;
    let leftovers = selected.leftovers.clone();
    let parts = Parts { disk: &**disk, directory, selected, tabled, hash };
    let recovered = Recovered { bytes_cut, ..parts.build(end.position)? };
    leftovers.remove(&**disk)?;
    Ok(recovered)
}

/// Makes a new store: its first segment's header is durable before anything else is.
fn create(disk: &dyn Disk, options: &Options, directory: &Directory) -> Result<Recovered, Error> {
    cut::remove_behind(disk, directory.spares.iter().map(|spare| spare.id))?;
    let store_id = getrandom::u64().map_err(std::io::Error::other)?;
    let header = SegmentHeader { store_id, segment_id: 1, base: 0 };
    let capacity = options.segment_bytes;
    let file = disk.create(&segment_name(1), capacity).map_err(Error::reserving)?;
    file.write_at(&header.encode(), 0)?;
    file.sync()?;
    disk.sync_dir()?;
    let segment = Arc::new(Segment::new(header, 0, file, HEADER_BYTES as u32));
    let frames = Frames::new();
    frames.segments.set(Arc::clone(&segment));
    Ok(Recovered {
        store_id,
        frames,
        names: Names::default(),
        next_collection_id: 1,
        active: Some(Active { segment, offset: HEADER_BYTES as u32, capacity }),
        table: TableBuilder::default(),
        prepared: None,
        segments: 1,
        next_segment_id: 2,
        maintenance: Maintenance { next_snapshot: 1, next_cold: 1, ..Maintenance::default() },
        snapshot: None,
        snapshots_unusable: 0,
        position: 0,
        records: 0,
        bytes_cut: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{options::SEGMENT_BYTES_MAX, storage::RealDisk};

    #[test]
    fn files_with_numbers_that_no_store_gives_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&dir).unwrap());
        recover(&disk, &Options::default()).unwrap();
        for name in ["ffffffffffffffff.snap", "ffffffffffffffff.seg"] {
            disk.create(name, 4096).unwrap();
        }
        let maintenance = recover(&disk, &Options::default()).unwrap().maintenance;
        assert_eq!((maintenance.next_snapshot, maintenance.next_cold), (1, 1));
        assert_eq!(disk.list().unwrap().len(), 3);
    }

    /// A footer that a power cut lost leaves a file longer than any segment: what lies behind the
    /// bound has no location.
    #[test]
    fn a_file_longer_than_a_segment_is_not_filled_beyond_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&dir).unwrap());
        let options = Options::default();
        recover(&disk, &options).unwrap();
        let path = dir.path().join(segment_name(1));
        let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len(SEGMENT_BYTES_MAX + 4096).unwrap();
        let active = recover(&disk, &options).unwrap().active.unwrap();
        assert_eq!(active.capacity, SEGMENT_BYTES_MAX);
    }
}
