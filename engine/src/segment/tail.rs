//! What is placed but not yet in its file: one buffer that fills, one that is being written.
//!
//! Knows bytes and their place; nothing of who writes them out, or of indexes.

use std::{mem, sync::Arc};

use crate::{
    format::{
        frame::Kind,
        header::HEADER_BYTES,
        mark::{self, MARK_BYTES},
    },
    location::Location,
    segment::file::Segment,
};

/// A written buffer above this is given back to the allocator, not kept for reuse.
const SPARE_BYTES_MAX: usize = 4 << 20;

/// Consecutive bytes of one segment.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) segment: Arc<Segment>,
    /// Where they go, in bytes from the start of the segment.
    pub(crate) start: u32,
    pub(crate) bytes: Vec<u8>,
    /// Where in `bytes` the flush mark stands; filled in when the buffer is swapped.
    mark_at: Option<usize>,
    /// Nothing follows in this segment.
    pub(crate) seals: bool,
}

impl Part {
    pub(crate) fn end(&self) -> u32 {
        self.start + self.bytes.len() as u32
    }

    /// Where in `bytes` the first frame begins.
    pub(crate) fn frames_at(&self) -> usize {
        (HEADER_BYTES as u32).saturating_sub(self.start) as usize
    }

    fn find(&self, location: Location) -> Option<&[u8]> {
        if self.segment.slot != location.slot {
            return None;
        }
        let at = location.offset.checked_sub(self.start)? as usize;
        self.bytes.get(at..).filter(|bytes| !bytes.is_empty())
    }
}

/// The two buffers. A buffer is a list of parts: one, or more around a change of segments.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    filling: Vec<Part>,
    filling_bytes: usize,
    flushing: Option<Arc<Vec<Part>>>,
    flushing_bytes: usize,
    spare: Vec<u8>,
}

impl Tail {
    /// Bytes that wait in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.filling_bytes + self.flushing_bytes
    }

    /// Bytes that the next swap takes.
    pub(crate) fn filling_bytes(&self) -> usize {
        self.filling_bytes
    }

    /// Bytes that a part opened now would put before the first frame placed, for a segment whose
    /// next free byte is `offset`; 0 when the current part goes on.
    pub(crate) fn lead_bytes(&self, segment: &Segment, offset: u32) -> usize {
        match self.filling.last() {
            Some(part) if part.segment.slot == segment.slot => 0,
            _ if offset == 0 => HEADER_BYTES + MARK_BYTES,
            _ => MARK_BYTES,
        }
    }

    /// The end of the buffer that fills, for `bytes` more at `offset` of `segment`. Opens a part
    /// with its header and room for a mark as [`Tail::lead_bytes`] says.
    pub(crate) fn extend(&mut self, segment: &Arc<Segment>, offset: u32, bytes: &[u8]) {
        let lead = self.lead_bytes(segment, offset);
        if lead > 0 {
            let mut buffer = mem::take(&mut self.spare);
            if offset == 0 {
                buffer.extend_from_slice(&segment.header.encode());
            }
            let mark_at = buffer.len();
            buffer.resize(mark_at + MARK_BYTES, 0);
            self.filling.push(Part {
                segment: Arc::clone(segment),
                start: offset,
                bytes: buffer,
                mark_at: Some(mark_at),
                seals: false,
            });
        }
        if let Some(part) = self.filling.last_mut() {
            debug_assert_eq!(part.end(), offset + lead as u32);
            part.bytes.extend_from_slice(bytes);
        }
        self.filling_bytes += lead + bytes.len();
    }

    /// Nothing will follow in `segment`, whose frames end at `end`.
    pub(crate) fn seal(&mut self, segment: &Arc<Segment>, end: u32) {
        match self.filling.last_mut() {
            Some(part) if part.segment.slot == segment.slot => part.seals = true,
            _ => self.filling.push(Part {
                segment: Arc::clone(segment),
                start: end,
                bytes: Vec::new(),
                mark_at: None,
                seals: true,
            }),
        }
    }

    /// Takes what has filled to be written, and tells in it how far the store is durable. `None`
    /// when there is nothing.
    pub(crate) fn swap(&mut self, durable: u64) -> Option<Arc<Vec<Part>>> {
        debug_assert!(self.flushing.is_none(), "the flush before has not ended");
        if self.filling.is_empty() {
            return None;
        }
        for part in &mut self.filling {
            if let Some(at) = part.mark_at {
                let offset = part.start + at as u32;
                let mark = mark::encode(Kind::Flush, part.segment.salt, offset, durable);
                part.bytes[at..at + MARK_BYTES].copy_from_slice(&mark);
            }
        }
        self.flushing_bytes = mem::take(&mut self.filling_bytes);
        self.flushing = Some(Arc::new(mem::take(&mut self.filling)));
        self.flushing.clone()
    }

    /// What was swapped out is in its file. Keeps its buffer for later, when nobody else has it.
    pub(crate) fn flushed(&mut self, written: Arc<Vec<Part>>) {
        self.flushing = None;
        self.flushing_bytes = 0;
        if let Ok(mut parts) = Arc::try_unwrap(written)
            && let Some(part) = parts.pop()
            && part.bytes.capacity() <= SPARE_BYTES_MAX
        {
            self.spare = part.bytes;
            self.spare.clear();
        }
    }

    /// The bytes from a location to the end of its part; `None` when they are in the file.
    pub(crate) fn find(&self, location: Location) -> Option<&[u8]> {
        let parts = self.flushing.iter().flat_map(|parts| parts.iter());
        parts.chain(&self.filling).find_map(|part| part.find(location))
    }
}
