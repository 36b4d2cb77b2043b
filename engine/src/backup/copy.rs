//! Copies a segment up to where its frames ended, and checks every frame on the way.
//!
//! Knows segments and a disk to copy to; nothing of snapshots, or of what frames mean.

use crate::{
    error::Error,
    format::{
        footer::{Footer, TRAILER_BYTES},
        frame::{HEAD_BYTES, Head},
        header::{HEADER_BYTES, SegmentHeader, segment_name},
    },
    segment::{file::Segment, frames},
    storage::{Disk, File},
};

/// Bytes that are read, checked and written at once, unless a frame is longer.
pub(super) const STEP_BYTES: usize = 1 << 20;
/// A copy is as long as a multiple of this, as every segment file.
const FILE_STEP_BYTES: u64 = 4 << 10;

/// What is to be copied of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Where its frames ended, in bytes from the start of the file.
    pub(super) data_end: u32,
    /// Whether the footer is wanted too: not of a segment that was still being written.
    pub(super) with_footer: bool,
}

/// Copies a segment to a file of the same name and makes its bytes durable. `step` is told of the
/// bytes of each step and may end the copy.
///
/// # Errors
/// [`Error::Corrupt`] with the first damaged frame; those of both disks, [`Error::Full`] when the
/// one copied to is; those of `step`.
pub(super) fn copy(
    segment: &Segment,
    wanted: Wanted,
    target: &dyn Disk,
    step: &mut dyn FnMut(usize, &dyn File) -> Result<(), Error>,
) -> Result<(), Error> {
    let footer = if wanted.with_footer { footer(segment)? } else { None };
    let file_bytes = match &footer {
        Some((at, bytes)) => u64::from(*at) + bytes.len() as u64,
        // Room for the marks of a close.
        None => (u64::from(wanted.data_end) + 1).next_multiple_of(FILE_STEP_BYTES),
    };
    let name = segment_name(segment.id());
    let file = target.create(&name, file_bytes).map_err(Error::reserving)?;
    let mut source = Source { segment, end: wanted.data_end, start: 0, buffer: Vec::new() };
    let mut at = 0;
    while at < wanted.data_end {
        let checked = source.checked_from(at)?;
        file.write_at(checked, at.into()).map_err(Error::reserving)?;
        let bytes = checked.len();
        at += bytes as u32;
        step(bytes, &*file)?;
    }
    if let Some((at, bytes)) = footer {
        file.write_at(&bytes, at.into()).map_err(Error::reserving)?;
    }
    Ok(file.sync()?)
}

/// The footer of a sealed segment and where it begins; `None` when a full disk had no room for one.
///
/// # Errors
/// Those of the disk; [`Error::Corrupt`] for a footer that does not pass its check.
fn footer(segment: &Segment) -> Result<Option<(u32, Vec<u8>)>, Error> {
    let file_bytes = match segment.map() {
        Some(map) => map.len() as u64,
        None => segment.file()?.bytes()?,
    };
    let read = |from: u64, bytes: u64| {
        let mut buffer = vec![0; bytes as usize];
        segment.read(&mut buffer, from as u32)?;
        Ok::<_, Error>(buffer)
    };
    let Some(trailer_at) = file_bytes.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let trailer = read(trailer_at, TRAILER_BYTES as u64)?;
    let Some(at) = Footer::find(&trailer, file_bytes) else { return Ok(None) };
    let bytes = read(at.into(), file_bytes - u64::from(at))?;
    match Footer::decode(&bytes, segment.salt, at) {
        Some(footer) if footer.data_end <= at => Ok(Some((at, bytes))),
        _ => Err(segment.corrupt(at)),
    }
}

/// The bytes of a segment before an end.
struct Source<'a> {
    segment: &'a Segment,
    end: u32,
    start: u32,
    buffer: Vec<u8>,
}

impl Source<'_> {
    /// The header at 0, else whole frames that passed their checks: about a step of them, or one
    /// that is longer.
    fn checked_from(&mut self, at: u32) -> Result<&[u8], Error> {
        let segment = self.segment;
        if at == 0 {
            let bytes = self.bytes(0, HEADER_BYTES)?;
            let head = bytes.get(..HEADER_BYTES).ok_or_else(|| segment.corrupt(0))?;
            return match SegmentHeader::decode(head) {
                Ok(header) if header == segment.header => Ok(head),
                _ => Err(segment.corrupt(0)),
            };
        }
        let length = Head::parse(self.bytes(at, HEAD_BYTES)?).map_or(0, |head| head.padded());
        let bytes = self.bytes(at, length.max(HEAD_BYTES))?;
        let mut checked = 0;
        while checked < bytes.len().min(STEP_BYTES) {
            let rest = &bytes[checked..];
            let is_whole = Head::parse(rest).is_some_and(|head| head.padded() <= rest.len());
            if !is_whole && checked > 0 {
                break;
            }
            checked += frames::check(segment, rest, at + checked as u32)?.padded();
        }
        match checked {
            0 => Err(segment.corrupt(at)),
            _ => Ok(&bytes[..checked]),
        }
    }

    /// The bytes from `at` on: at least `at_least`, or up to the end when that comes before.
    fn bytes(&mut self, at: u32, at_least: usize) -> Result<&[u8], Error> {
        if let Some(map) = self.segment.map() {
            let range = at as usize..self.end as usize;
            return map.get(range).ok_or_else(|| self.segment.corrupt(at));
        }
        let left = (self.end - at) as usize;
        let have = (self.start as usize + self.buffer.len()).saturating_sub(at as usize);
        if at < self.start || have < left.min(at_least) {
            self.buffer.resize(left.min(at_least.max(STEP_BYTES)), 0);
            self.start = at;
            if let Err(error) = self.segment.read(&mut self.buffer, at) {
                self.buffer.clear();
                return Err(error);
            }
        }
        Ok(&self.buffer[(at - self.start) as usize..])
    }
}
