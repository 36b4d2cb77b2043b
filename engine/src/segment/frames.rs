//! Reads frames by location: from the map of a sealed segment, the file, or the tail.
//!
//! Every frame is checked on every read. Knows segments and the tail; nothing of indexes.

use std::{cell::RefCell, mem};

use bytes::Bytes;

use crate::{
    error::Error,
    format::VERSION,
    format::frame::{BadFrame, Frame, HEAD_BYTES, Head},
    location::Location,
    segment::file::Segment,
    segment::segments::Segments,
    segment::tail::Tail,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// First guess of a frame's length when it is read from a file and nothing is known, in bytes.
const READ_BYTES: usize = 1 << 10;
/// A scratch buffer above this is not kept for the next read.
const SCRATCH_BYTES_MAX: usize = 1 << 20;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// All frames of an open store.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) segments: Segments,
    pub(crate) tail: Mutex<Tail>,
    /// How much the tail holds, to be looked at without its lock; brought up to date by
    /// [`Frames::note`].
    pub(crate) tail_bytes: AtomicUsize,
    /// How much of that nobody has begun to write.
    pub(crate) filling_bytes: AtomicUsize,
}

/// Where a frame's bytes were found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// In the map of its segment, the frame beginning at this offset.
    Map(&'a Bytes, usize),
    /// In a buffer that goes with the call.
    Buffer,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Self {
            segments: Segments::new(),
            tail: Mutex::default(),
            tail_bytes: AtomicUsize::new(0),
            filling_bytes: AtomicUsize::new(0),
        }
    }

    /// Publishes how much the tail holds; called with its lock, after a change.
    pub(crate) fn note(&self, tail: &Tail) {
        self.tail_bytes.store(tail.bytes(), Ordering::Relaxed);
        self.filling_bytes.store(tail.filling_bytes(), Ordering::Relaxed);
    }

    /// Calls `use_frame` with the checked frame at `location`. It must not read another one.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the frame does not pass its check, [`Error::Io`] when the disk
    /// fails, [`Error::Unsupported`] for a frame of a newer version.
    pub(crate) fn with<T>(
        &self,
        location: Location,
        use_frame: impl FnOnce(&Frame<'_>, Source<'_>) -> T,
    ) -> Result<T, Error> {
        self.with_guess(location, READ_BYTES, use_frame)
    }

    /// As [`Frames::with`], for a frame that is likely `guess_bytes` long: a read of a file then
    /// takes one call and no more than it needs.
    pub(crate) fn with_guess<T>(
        &self,
        location: Location,
        guess_bytes: usize,
        use_frame: impl FnOnce(&Frame<'_>, Source<'_>) -> T,
    ) -> Result<T, Error> {
        let segment = self.segments.at(location.slot)?;
        if let Some(map) = segment.map() {
            let offset = location.offset as usize;
            let bytes = map.get(offset..).unwrap_or_default();
            let frame = check(&segment, bytes, location.offset)?;
            return Ok(use_frame(&frame, Source::Map(map, offset)));
        }
        // Taken out, not borrowed: a reader inside `use_frame` would find an empty one and not panic.
        let mut scratch = SCRATCH.with(RefCell::take);
        let result =
            self.copy_frame(&segment, location, guess_bytes, &mut scratch).and_then(|()| {
                let frame = check(&segment, &scratch, location.offset)?;
                Ok(use_frame(&frame, Source::Buffer))
            });
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            SCRATCH.with(|kept| *kept.borrow_mut() = mem::take(&mut scratch));
        }
        result
    }

    /// Copies the frame at `location` into `out`, and perhaps some bytes behind it.
    fn copy_frame(
        &self,
        segment: &Segment,
        location: Location,
        guess_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        out.clear();
        if location.offset >= segment.written() {
            let tail = self.tail.lock();
            if let Some(bytes) = tail.find(location) {
                let length = Head::parse(bytes).map_or(HEAD_BYTES, |head| head.padded());
                out.extend_from_slice(&bytes[..length.min(bytes.len())]);
                return Ok(());
            }
            // It has moved to the file meanwhile.
        }
        let left = segment.written().saturating_sub(location.offset) as usize;
        out.resize(left.min(guess_bytes.max(HEAD_BYTES)), 0);
        segment.read(out, location.offset)?;
        let length = Head::parse(out).map_or(0, |head| head.padded());
        if length > out.len() && length <= left {
            out.resize(length, 0);
            segment.read(out, location.offset)?;
        }
        Ok(())
    }

    /// Copies up to `bytes_max` bytes from an offset of a segment on into `out`: fewer where the
    /// tail's part or the written file ends.
    ///
    /// # Errors
    /// Those of the disk.
    pub(crate) fn copy(
        &self,
        segment: &Segment,
        offset: u32,
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        out.clear();
        let location = Location { slot: segment.slot, offset };
        if location.offset >= segment.written() {
            let tail = self.tail.lock();
            if let Some(bytes) = tail.find(location) {
                out.extend_from_slice(&bytes[..bytes.len().min(bytes_max)]);
                return Ok(());
            }
        }
        let left = segment.written().saturating_sub(location.offset) as usize;
        out.resize(left.min(bytes_max), 0);
        segment.read(out, location.offset)
    }
}

/// Checks the frame at the front of `bytes`, read from `offset` of the segment.
///
/// # Errors
/// [`Error::Corrupt`] or [`Error::Unsupported`].
pub(crate) fn check<'a>(
    segment: &Segment,
    bytes: &'a [u8],
    offset: u32,
) -> Result<Frame<'a>, Error> {
    Frame::check(bytes, segment.salt, offset).map_err(|bad| match bad {
        BadFrame::Damaged => segment.corrupt(offset),
        BadFrame::Newer => Error::Unsupported { version: VERSION + 1 },
    })
}
