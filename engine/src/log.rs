//! The public handle of a log, and its reader.
//!
//! Knows a log's index and its frames; changes nothing.

use std::{
    fmt,
    ops::{Bound, Range, RangeBounds},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    collection::LogData,
    error::Error,
    format::frame::{Frame, HEAD_BYTES, Head, Kind},
    handle::Handle,
    ids::Seq,
    index::log::Stretch,
    location::Location,
    read::resolve::{self, payload},
    read::window::Window,
    segment::frames::Frames,
};

/// Stretches that a reader takes from the index at once.
const STRETCHES: usize = 64;
/// How long a record is likely to be when its run does not tell, in bytes.
const GUESS_BYTES: usize = 1 << 10;

/// A log of the store: records with consecutive sequence numbers from 1. Cheap to clone.
///
/// Reads see everything that is appended, durable or not; whoever must not show what a power cut
/// could take back ends its reads at what it knows to be durable.
#[derive(Clone)]
pub struct Log {
    pub(crate) handle: Arc<Handle>,
    pub(crate) data: Arc<LogData>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Log {
    /// The log's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.data.name
    }

    /// The sequence number of the first record kept; that of the next append when there is none.
    #[must_use]
    pub fn first_seq(&self) -> Seq {
        Seq(self.data.index.read().first())
    }

    /// The sequence number that the next append gets.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        Seq(self.data.index.read().next())
    }

    /// How many records it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        let index = self.data.index.read();
        index.next() - index.first()
    }

    /// Whether it has no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Payload bytes of the records it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.data.bytes()
    }

    /// One record's payload; `None` before the first and after the last one kept. From a sealed
    /// segment it is borrowed, not copied, and keeps that segment mapped.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the record does not match its checksum, [`Error::Io`] when the disk
    /// fails. Other records can still be read.
    pub fn get(&self, seq: Seq) -> Result<Option<Bytes>, Error> {
        let frames = &self.handle.frames;
        resolve::steady(&frames.segments, || {
            let found = self.data.index.read().find(seq.0);
            found.map(|stretch| self.payload_in(stretch, seq.0)).transpose()
        })
    }

    /// The payload of the record `seq`, which the stretch holds.
    fn payload_in(&self, stretch: Stretch, seq: u64) -> Result<Bytes, Error> {
        let frames = &self.handle.frames;
        let mut location = stretch.location;
        if stretch.seq < seq {
            let mut window = Window::default();
            for _ in stretch.seq..seq {
                let bytes = window.frame(frames, location, HEAD_BYTES)?;
                let Some(head) = Head::parse(bytes) else {
                    return Err(misplaced(frames, location));
                };
                location = location.plus(head.padded());
            }
        }
        let found = frames.with_guess(location, guess(&stretch), |frame, source| {
            is_record(frame, self.data.id, seq).then(|| payload(frame, source))
        })?;
        found.ok_or_else(|| misplaced(frames, location))
    }

    /// The records of a range, in order. An open end follows the log: what is appended while the
    /// reader reads is read too, and a reader at the end may be asked again later.
    pub fn read(&self, range: impl RangeBounds<Seq>) -> LogReader {
        let next = match range.start_bound() {
            Bound::Included(seq) => seq.0,
            Bound::Excluded(seq) => seq.0.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(seq) => seq.0.saturating_add(1),
            Bound::Excluded(seq) => seq.0,
            Bound::Unbounded => u64::MAX,
        };
        LogReader {
            log: self.clone(),
            next,
            end,
            stretches: Vec::new(),
            at: 0,
            reclaims: 0,
            window: Window::default(),
        }
    }
}

/// One record of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its sequence number.
    pub seq: Seq,
    /// Its payload. From a sealed segment it is borrowed and keeps that segment mapped.
    pub payload: Bytes,
}

/// Reads a log in order. Sees what is appended while it reads. Records trimmed before it began are
/// skipped; of those trimmed meanwhile, some may still come.
///
/// As an iterator it gives payloads to keep; [`LogReader::next_ref`] lends them, which costs no
/// allocation. After an error the reader stands still: the next call tries the same record again.
#[derive(Debug)]
pub struct LogReader {
    log: Log,
    /// Sequence number of the next record to read.
    next: u64,
    /// Sequence number to stop before.
    end: u64,
    /// Where the next records stand; the first of them not used up is at `at`.
    stretches: Vec<Stretch>,
    at: usize,
    /// How often segments had been removed when the stretches were taken.
    reclaims: u64,
    window: Window,
}

impl LogReader {
    /// The sequence number of the record that is read next, if there is one.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        Seq(self.next)
    }

    /// The next record, lent until the following call. `None` at the end of the range, or of the log
    /// as it is now.
    ///
    /// # Errors
    /// As [`Log::get`].
    pub fn next_ref(&mut self) -> Option<Result<(Seq, &[u8]), Error>> {
        match self.step() {
            Ok(None) => None,
            Err(error) => Some(Err(error)),
            Ok(Some((seq, payload))) => Some(Ok((seq, self.window.lend(payload)))),
        }
    }

    /// The next record's number, and where in the window its payload is. Looks again when a segment
    /// was removed since the index was asked: then an error is none.
    fn step(&mut self) -> Result<Option<(Seq, Range<usize>)>, Error> {
        loop {
            let stepped = self.step_once();
            if stepped.is_ok() || self.log.handle.frames.segments.reclaims() == self.reclaims {
                return stepped;
            }
            self.stretches.clear();
        }
    }

    fn step_once(&mut self) -> Result<Option<(Seq, Range<usize>)>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        let (seq, id, frames) = (self.next, self.log.data.id, &self.log.handle.frames);
        let stretch = &mut self.stretches[self.at];
        let (location, hint) = (stretch.location, stretch.count * guess(stretch));
        let (frame, payload) = self.window.checked(frames, location, hint)?;
        if !is_record(&frame, id, seq) {
            return Err(misplaced(frames, location));
        }
        step(stretch, frame.padded());
        self.next += 1;
        Ok(Some((Seq(seq), payload)))
    }

    /// Makes the stretch at `at` begin with the next record; `false` when there is none.
    fn advance(&mut self) -> Result<bool, Error> {
        loop {
            while let Some(stretch) = self.stretches.get_mut(self.at) {
                if stretch.count == 0 {
                    self.at += 1;
                } else if stretch.seq == self.next {
                    return Ok(self.next < self.end);
                } else {
                    // Records of different lengths: walk to the one wanted.
                    let frames = &self.log.handle.frames;
                    let bytes = self.window.frame(frames, stretch.location, HEAD_BYTES)?;
                    let Some(head) = Head::parse(bytes) else {
                        return Err(misplaced(frames, stretch.location));
                    };
                    step(stretch, head.padded());
                }
            }
            if !self.fetch() {
                return Ok(false);
            }
        }
    }

    /// Takes more stretches from the index.
    fn fetch(&mut self) -> bool {
        (self.at, self.next) = (0, self.next.max(1));
        self.stretches.clear();
        let reclaims = self.log.handle.frames.segments.reclaims();
        if reclaims != self.reclaims {
            // Its slot may have another segment now; and a removed one is not held for longer.
            (self.reclaims, self.window) = (reclaims, Window::default());
        }
        let index = self.log.data.index.read();
        self.next = self.next.max(index.first());
        index.stretches(self.next, self.end, STRETCHES, &mut self.stretches);
        !self.stretches.is_empty()
    }
}

/// Moves a stretch on by one record of `padded` bytes.
fn step(stretch: &mut Stretch, padded: usize) {
    let bytes = if stretch.stride > 0 { stretch.stride } else { padded };
    stretch.seq += 1;
    stretch.count -= 1;
    if stretch.count > 0 {
        stretch.location = stretch.location.plus(bytes);
    }
}

/// Bytes that a record of the stretch is likely to take.
fn guess(stretch: &Stretch) -> usize {
    if stretch.stride > 0 { stretch.stride } else { GUESS_BYTES }
}

fn is_record(frame: &Frame<'_>, id: u32, seq: u64) -> bool {
    frame.kind == Kind::Append && frame.collection == id && frame.seq() == seq
}

/// The index pointed at a sound frame of something else.
fn misplaced(frames: &Frames, location: Location) -> Error {
    match frames.segments.at(location.slot) {
        Ok(segment) => segment.corrupt(location.offset),
        Err(error) => error,
    }
}

impl Iterator for LogReader {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let stepped = self.step().transpose()?;
        Some(stepped.map(|(seq, payload)| Record { seq, payload: self.window.give(payload) }))
    }
}
