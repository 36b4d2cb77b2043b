//! Reads ahead: one big read, or one hold of a map, for many frames of a segment.
//!
//! Knows frames by location; nothing of logs.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use crate::{
    error::Error,
    format::frame::{Frame, HEAD_BYTES, Head},
    location::Location,
    segment::file::Segment,
    segment::frames::{self, Frames},
};

/// Bounds of what is read at once, in bytes: what is likely wanted, and the double of the read before
/// while reading goes on from there.
const AHEAD_BYTES_MIN: usize = 256;
const AHEAD_BYTES_MAX: usize = 256 << 10;

/// Bytes of one segment at hand.
///
/// It keeps the segment that it took its bytes from, which may be removed meanwhile: whoever asks an
/// index anew after that begins a new window.
#[derive(Debug, Default)]
pub(crate) struct Window {
    segment: Option<Arc<Segment>>,
    /// Where the bytes begin in the segment.
    start: u32,
    /// The map of the segment, then the buffer is empty.
    map: Option<Bytes>,
    buffer: Vec<u8>,
    ahead_bytes: usize,
}

impl Window {
    fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&self.buffer)
    }

    fn is_in(&self, slot: u16) -> bool {
        self.segment.as_ref().is_some_and(|segment| segment.slot == slot)
    }

    fn from(&self, location: Location) -> &[u8] {
        let is_here = self.is_in(location.slot);
        let at = location.offset.checked_sub(self.start).filter(|_| is_here);
        at.and_then(|at| self.bytes().get(at as usize..)).unwrap_or_default()
    }

    /// The bytes from `location` on: at least its frame, when it is all there, unchecked.
    ///
    /// # Errors
    /// Those of the disk. `hint_bytes` is how much is likely wanted from there on.
    pub(crate) fn frame(
        &mut self,
        frames: &Frames,
        location: Location,
        hint_bytes: usize,
    ) -> Result<&[u8], Error> {
        let here = self.from(location);
        let wanted = Head::parse(here).map_or(HEAD_BYTES, |head| head.padded());
        if here.len() < wanted {
            self.refill(frames, location, hint_bytes)?;
        }
        Ok(self.from(location))
    }

    fn refill(&mut self, frames: &Frames, location: Location, hint: usize) -> Result<(), Error> {
        let goes_on = self.is_in(location.slot)
            && !self.buffer.is_empty()
            && location.offset as usize <= self.start as usize + self.buffer.len();
        self.ahead_bytes = if goes_on { hint.max(self.ahead_bytes * 2) } else { hint }
            .clamp(AHEAD_BYTES_MIN, AHEAD_BYTES_MAX);
        let segment = match self.segment.take().filter(|segment| segment.slot == location.slot) {
            Some(segment) => segment,
            None => frames.segments.at(location.slot)?.keep(),
        };
        let segment = &*self.segment.insert(segment);
        self.map = segment.map().cloned();
        if self.map.is_some() {
            self.start = 0;
            self.buffer = Vec::new();
            return Ok(());
        }
        self.start = location.offset;
        frames.copy(segment, location.offset, self.ahead_bytes, &mut self.buffer)?;
        let wanted = Head::parse(&self.buffer).map_or(0, |head| head.padded());
        if wanted > self.buffer.len() {
            frames.copy(segment, location.offset, wanted, &mut self.buffer)?;
        }
        Ok(())
    }

    /// The checked frame at `location`, and where its payload is: to be lent or given until the window
    /// is used again.
    ///
    /// # Errors
    /// Those of the disk, and of the check.
    pub(crate) fn checked(
        &mut self,
        frames: &Frames,
        location: Location,
        hint_bytes: usize,
    ) -> Result<(Frame<'_>, Range<usize>), Error> {
        self.frame(frames, location, hint_bytes)?;
        let Some(segment) = &self.segment else { unreachable!("a frame is of a segment") };
        let frame = frames::check(segment, self.from(location), location.offset)?;
        let start = (location.offset - self.start) as usize;
        Ok((frame, start + frame.payload_at()..start + frame.length))
    }

    /// Bytes at hand.
    pub(crate) fn lend(&self, range: Range<usize>) -> &[u8] {
        &self.bytes()[range]
    }

    /// Bytes at hand, to keep: borrowed from the map of the segment where there is one, else a copy.
    pub(crate) fn give(&self, range: Range<usize>) -> Bytes {
        match &self.map {
            Some(map) => map.slice(range),
            None => Bytes::copy_from_slice(&self.buffer[range]),
        }
    }
}
