//! Looks at one segment: every frame of it that is sound, and every place that is not.
//!
//! Knows one file; whether a bad place is damage or an unfinished end is judged elsewhere.

use std::sync::Arc;

use super::{bytes::FileBytes, damage::Flaw, told, walk};
use crate::{
    error::Error,
    format::{
        check::{KeyHash, Salt},
        footer::{Footer, TRAILER_BYTES},
        header::HEADER_BYTES,
        table::Table,
    },
    options::SEGMENT_BYTES_MAX,
    storage::File,
};

/// Frames that stand one behind the other.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// Where the first one begins, in bytes from the start of the file.
    pub(crate) start: u32,
    pub(crate) table: Table,
}

/// A bad place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) flaw: Flaw,
    /// Where the last whole batch before it ends.
    pub(crate) batch_at: u64,
    /// A table tells what the frame is that stood there.
    pub(crate) is_told: bool,
}

impl Spot {
    /// Whether frames of which nothing is known may have stood there.
    pub(crate) fn hides(&self) -> bool {
        !self.is_told
            && matches!(
                self.flaw,
                Flaw::Missing
                    | Flaw::OtherStore { .. }
                    | Flaw::OtherSegment { .. }
                    | Flaw::Frame
                    | Flaw::Frames
                    | Flaw::CutShort
            )
    }
}

/// What one segment holds.
#[derive(Debug)]
pub(crate) struct Looked {
    /// In the order of their offsets.
    pub(crate) stretches: Vec<Stretch>,
    /// In the order of their offsets.
    pub(crate) spots: Vec<Spot>,
    /// Where its frames end, or behind a bad place without end what is in use, in bytes from the
    /// start of the file.
    pub(crate) end: u32,
    /// The largest durable position that it tells of.
    pub(crate) durable: u64,
    /// It has a sound footer.
    pub(crate) is_sealed: bool,
}

impl Looked {
    pub(crate) fn new() -> Self {
        Self {
            stretches: Vec::new(),
            spots: Vec::new(),
            end: HEADER_BYTES as u32,
            durable: 0,
            is_sealed: false,
        }
    }

    /// Adds a bad place that is no frame.
    pub(crate) fn flaw(&mut self, offset: u64, bytes: u64, flaw: Flaw, batch_at: u64) {
        self.spots.push(Spot { offset, bytes, flaw, batch_at, is_told: false });
    }
}

/// How much of a segment is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Every byte.
    Bytes,
    /// What an opening reads: a footer is taken for what it tells where everything before this
    /// position was durable.
    Tables {
        /// How far the store was durable.
        durable: u64,
    },
}

/// A segment file to look at.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) file: &'a Arc<dyn File>,
    /// Length of the file in bytes, or what of it can hold a segment.
    pub(crate) file_bytes: u64,
    pub(crate) salt: Salt,
    pub(crate) hash: KeyHash,
    /// Where it begins in history; `None` when nothing tells.
    pub(crate) base: Option<u64>,
    /// Where its frames end, when the segment behind it tells.
    pub(crate) expected: Option<u64>,
}

/// Looks at a segment. What the disk does not give back is a bad place, not an error.
///
/// # Errors
/// [`Error::Unsupported`] for a frame of a newer version.
pub(crate) fn look(subject: &Subject<'_>, depth: Depth) -> Result<Looked, Error> {
    let mut bytes = FileBytes::new(Arc::clone(subject.file), subject.file_bytes);
    let mut looked = Looked::new();
    let footer = footer(&mut bytes, subject.salt).filter(|(_, footer)| told::holds(footer));
    if let Some((at, footer)) = footer {
        looked.durable = footer.durable;
        looked.is_sealed = true;
        looked.end = footer.data_end;
        let end = subject.base.map(|base| base + u64::from(footer.data_end) - HEADER_BYTES as u64);
        let as_expected = subject.expected.is_none_or(|end| end == u64::from(footer.data_end));
        let is_trusted = match depth {
            Depth::Bytes => false,
            // A cold segment is at position 0, and was durable before anything told of it.
            Depth::Tables { durable } => as_expected && end.is_some_and(|end| end <= durable),
        };
        if is_trusted {
            looked.stretches = vec![Stretch { start: HEADER_BYTES as u32, table: footer.table }];
            return Ok(looked);
        }
        told::check(&mut looked, &mut bytes, footer, subject)?;
        not_zero(&mut looked, &mut bytes, at.into());
    } else {
        walk::walk(&mut looked, &mut bytes, subject)?;
        if subject.expected.is_some() {
            behind(&mut looked, &mut bytes);
        }
    }
    for (range, kind) in bytes.unreadable() {
        let length = range.end - range.start;
        looked.flaw(range.start, length, Flaw::Unreadable { kind }, u64::MAX);
    }
    looked.spots.sort_by_key(|spot| spot.offset);
    Ok(looked)
}

/// The footer and where it begins, if the file has a sound one.
fn footer(bytes: &mut FileBytes, salt: Salt) -> Option<(u32, Footer)> {
    let file_bytes = bytes.limit();
    let trailer_at = file_bytes.checked_sub(TRAILER_BYTES as u64)?;
    let at = Footer::find(bytes.from(trailer_at, TRAILER_BYTES), file_bytes)?;
    let length = (file_bytes - u64::from(at)) as usize;
    let footer = Footer::decode(bytes.from(at.into(), length), salt, at)?;
    let fits = footer.data_end <= at && u64::from(footer.data_end) <= SEGMENT_BYTES_MAX;
    fits.then_some((at, footer))
}

/// Notes bytes between the frames and the footer that are not zero.
fn not_zero(looked: &mut Looked, bytes: &mut FileBytes, footer_at: u64) {
    if let Some(used) = bytes.used(looked.end.into(), footer_at) {
        looked.flaw(used.start, used.end - used.start, Flaw::NotZero, u64::MAX);
    }
}

/// Behind the frames of a segment that is done there is a footer or nothing.
fn behind(looked: &mut Looked, bytes: &mut FileBytes) {
    let limit = bytes.limit();
    let Some(used) = bytes.used(looked.end.into(), limit) else { return };
    let to_the_end = limit - used.end < TRAILER_BYTES as u64;
    let flaw = if to_the_end { Flaw::Footer } else { Flaw::NotZero };
    let start = used.start & !7;
    looked.flaw(start, used.end - start, flaw, u64::MAX);
}
