//! Opens what is on the disk: finds the segments, judges their end, rebuilds the indexes.
//!
//! Knows files, frames and indexes; gives back the parts of a store and starts nothing.

mod apply;
mod cut;
mod found;
mod judge;
mod parallel;
mod read;
mod reopen;
mod scan;

use std::sync::Arc;

use apply::Applied;
use found::{Directory, Found};
use judge::End;

use crate::{
    collection::Names,
    error::Error,
    format::{
        check::KeyHash,
        header::{HEADER_BYTES, SegmentHeader, segment_name},
        table::{Table, TableBuilder},
    },
    location::SLOTS_MAX,
    options::{Durability, Options, SEGMENT_BYTES_MAX},
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
    /// Segments begun.
    pub(crate) segments: usize,
    /// Where history ends.
    pub(crate) position: u64,
    pub(crate) records: u64,
    pub(crate) bytes_cut: u64,
}

/// One kept segment's table, and what of it the active segment goes on with.
struct Kept {
    table: Table,
    builder: TableBuilder,
    end: u32,
    is_sealed: bool,
}

/// Opens the store in a directory, or makes a new one in an empty one.
///
/// # Errors
/// [`Error::Corrupt`], [`Error::Unsupported`], [`Error::Io`], [`Error::Full`]. Nothing that was
/// durable has been changed then.
pub(crate) fn recover(disk: &Arc<dyn Disk>, options: &Options) -> Result<Recovered, Error> {
    let mut directory = Directory::look(disk)?;
    let Some(store_id) = directory.store_id else {
        return create(&**disk, options, &directory);
    };
    if directory.segments.len() >= SLOTS_MAX {
        return Err(Error::rejected(format!("the store has more than {SLOTS_MAX} segments")));
    }
    let hash = KeyHash::new(store_id);
    let scanned = parallel::scan_all(&directory.segments, store_id, hash)?;
    let end = judge::judge(&directory.segments, &scanned.scans)?;
    if end.last.is_none() {
        // The first header is durable before a store is used: it cannot be torn.
        return Err(Error::Corrupt { segment: 1, offset: 0 });
    }
    let mut kept = scanned.kept(&directory.segments);
    let bytes_cut = if end.is_torn { cut(&**disk, &mut directory, &mut kept, &end)? } else { 0 };
    let spares = directory.spares.split_off(directory.spares.len().min(1));
    cut::remove_behind(&**disk, spares.iter().map(|spare| spare.id))?;
    // Also after a clean end: its mark may be in the page cache only, and a process that was killed may
    // have made a file and not come to make its name durable.
    let ends: Vec<u32> = kept.iter().map(|kept| kept.end).collect();
    let rewrite = options.durability == Durability::Device;
    cut::settle(&directory.segments, &ends, &end, rewrite)?;
    disk.sync_dir()?;
    build(&**disk, directory, kept, &end, hash, bytes_cut)
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
        position: 0,
        records: 0,
        bytes_cut: 0,
    })
}

/// Cuts what follows the end; returns how many bytes that were not zero went.
fn cut(
    disk: &dyn Disk,
    directory: &mut Directory,
    kept: &mut Vec<Kept>,
    end: &End,
) -> Result<u64, Error> {
    let count = end.last.map_or(0, |last| last + 1);
    let mut bytes_cut = 0;
    for removed in directory.segments.split_off(count) {
        bytes_cut += used_bytes(&removed)?;
        directory.spares.insert(0, removed);
    }
    directory.spares.sort_by_key(|spare| spare.id);
    let spares = std::mem::take(&mut directory.spares);
    cut::remove_behind(disk, spares.iter().map(|spare| spare.id))?;
    kept.truncate(count);
    if let Some((found, last)) = directory.segments.last().zip(kept.last_mut()) {
        let is_whole = last.is_sealed;
        if !is_whole {
            bytes_cut += used_bytes(found)?.saturating_sub(u64::from(last.end));
            cut::zero_behind(found, last.end)?;
        }
    }
    Ok(bytes_cut)
}

fn used_bytes(found: &Found) -> Result<u64, Error> {
    let mut bytes = read::FileBytes::new(Arc::clone(&found.file), found.file_bytes);
    Ok(bytes.last_used(0)?)
}

/// Puts the parts of the store together.
fn build(
    disk: &dyn Disk,
    directory: Directory,
    kept: Vec<Kept>,
    end: &End,
    hash: KeyHash,
    bytes_cut: u64,
) -> Result<Recovered, Error> {
    let (frames, store_id) = (Frames::new(), directory.store_id.unwrap_or(0));
    let count = directory.segments.len();
    let (mut active, mut table, mut tables) = (None, TableBuilder::default(), Vec::new());
    for (slot, (found, kept)) in directory.segments.into_iter().zip(kept).enumerate() {
        let Some(header) = found.header else { return Err(found.corrupt(0)) };
        let is_active = slot + 1 == count && !kept.is_sealed;
        let file = if is_active { disk.open(&segment_name(found.id))? } else { found.file };
        let segment = Arc::new(Segment::new(header, slot as u16, file, kept.end));
        frames.segments.set(Arc::clone(&segment));
        if is_active {
            table = kept.builder;
            let (offset, capacity) = (kept.end, found.file_bytes.min(SEGMENT_BYTES_MAX));
            active = Some(Active { segment: Arc::clone(&segment), offset, capacity });
        } else {
            segment.seal();
        }
        tables.push((segment, kept.table));
    }
    let mut applied = Applied::new(&frames, hash);
    for (segment, table) in tables {
        applied.segment(&segment, &table)?;
    }
    let records = applied.records;
    let (names, next_collection_id) = applied.finish();
    let prepared = match directory.spares.first() {
        Some(spare) => Some(Prepared {
            id: spare.id,
            file: disk.open(&segment_name(spare.id))?,
            capacity: spare.file_bytes.min(SEGMENT_BYTES_MAX),
        }),
        None => None,
    };
    Ok(Recovered {
        store_id,
        frames,
        names,
        next_collection_id,
        active,
        table,
        prepared,
        segments: count,
        position: end.position,
        records,
        bytes_cut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::RealDisk;

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
