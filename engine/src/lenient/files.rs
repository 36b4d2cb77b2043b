//! The files of a store that is read only, so that they can be read on whatever a writer deletes.
//!
//! Knows segments; nothing of frames.

use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    error::Error,
    format::header::{HEADER_BYTES, SegmentHeader},
    segment::{file::Segment, frames::Frames},
    storage::{Disk, File},
    survey::Survey,
};

/// Opens every segment; `None` when one of them went meanwhile.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn frames(disk: &dyn Disk, survey: &Survey) -> Result<Option<Frames>, Error> {
    let frames = Frames::new();
    let newest = survey.segments.len().saturating_sub(1);
    for (nth, one) in survey.segments.iter().enumerate() {
        let file: Arc<dyn File> = match one.entry.is_ours().then(|| one.entry.open(disk)) {
            None => Arc::new(Nothing),
            Some(Ok(file)) => file,
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Some(Err(error)) => return Err(error.into()),
        };
        let (store_id, segment_id, base) = (survey.store_id, one.entry.id, one.base);
        let header = SegmentHeader { store_id, segment_id, base };
        let end = one.looked.end.max(HEADER_BYTES as u32);
        let segment = Arc::new(Segment::new(header, nth as u16, file, end));
        // The newest may still be written to; of the others a map is all that is kept.
        if nth < newest || one.looked.is_sealed {
            segment.seal();
            segment.map();
        }
        frames.segments.set(segment);
    }
    Ok(Some(frames))
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
