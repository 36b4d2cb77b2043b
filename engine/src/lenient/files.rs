//! The files of a store that is read only, so that they can be read on whatever a writer deletes.
//!
//! Knows segments; nothing of frames.

use std::{
    collections::HashSet,
    io::{self, ErrorKind},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    error::Error,
    format::header::{HEADER_BYTES, SegmentHeader, is_cold},
    recovery::reopen::Reopened,
    segment::{file::Segment, frames::Frames},
    storage::{Disk, File},
    survey::{Survey, damage::Flaw},
};

/// The segments of a survey, opened.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) frames: Frames,
    /// The slot of each, in the order of the survey.
    pub(crate) slots: Vec<u16>,
}

/// Opens every segment; `None` when one of them went meanwhile. Those that `is_mapped` are held, so
/// that they can be read also when a writer deletes them; the others are opened for each read.
///
/// # Errors
/// [`Error::Io`]; [`Error::Rejected`] for more segments than there can be.
pub(crate) fn place(
    disk: &Arc<dyn Disk>,
    survey: &Survey,
    is_mapped: bool,
) -> Result<Option<Placed>, Error> {
    let frames = Frames::new();
    let kept = survey.image().map(|image| &image.kept);
    let listed = |id: u64| kept.and_then(|kept| kept.listed(id)).map(|listed| listed.slot);
    let mut slots: Vec<Option<u16>> =
        survey.segments.iter().map(|one| listed(one.entry.id)).collect();
    let newest = survey.segments.iter().rposition(|one| !is_cold(one.entry.id));
    // Those that the snapshot knows first: the others get the slots that are left.
    let mut order: Vec<usize> = (0..slots.len()).collect();
    order.sort_by_key(|nth| slots[*nth].is_none());
    for nth in order {
        let one = &survey.segments[nth];
        let slot = slots[nth].or_else(|| frames.segments.take_slot(0));
        let slot = slot.ok_or_else(|| Error::rejected("the store has too many segments"))?;
        slots[nth] = Some(slot);
        let file: Arc<dyn File> = if !one.entry.is_ours() {
            Arc::new(Nothing)
        } else if !is_mapped {
            Arc::new(Reopened::new(disk, one.entry.name.clone()))
        } else {
            match one.entry.open(&**disk) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        };
        let (store_id, segment_id, base) = (survey.store_id, one.entry.id, one.base);
        let header = SegmentHeader { store_id, segment_id, base };
        let end = one.looked.end.max(HEADER_BYTES as u32);
        let segment = Arc::new(Segment::new(header, slot, file, end));
        // The newest may still be written to; of the others a map is all that is kept.
        if is_mapped && (Some(nth) != newest || one.looked.is_sealed) {
            segment.seal();
            segment.map();
        }
        frames.segments.set(segment);
    }
    Ok(Some(Placed { frames, slots: slots.into_iter().flatten().collect() }))
}

/// The segments that were looked at and are gone: a writer had no use for them any more.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn gone(disk: &dyn Disk, survey: &Survey) -> Result<HashSet<u64>, Error> {
    let there: HashSet<String> = disk.list()?.into_iter().collect();
    let entries = survey.segments.iter().map(|one| &one.entry);
    let seen = entries.filter(|entry| entry.flaw != Some(Flaw::Missing));
    Ok(seen.filter(|entry| !there.contains(&entry.name)).map(|entry| entry.id).collect())
}

/// In place of a file that is missing or not the store's: whatever is read there is corrupt.
#[derive(Debug)]
struct Nothing;

impl File for Nothing {
    fn bytes(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Ok(0)
    }

    fn write_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync(&self) -> io::Result<()> {
        Err(ErrorKind::ReadOnlyFilesystem.into())
    }

    fn map(&self) -> io::Result<Bytes> {
        Ok(Bytes::new())
    }
}
