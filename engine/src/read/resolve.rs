//! Finds which frame holds a key now, by comparing keys in frames.
//!
//! Knows frames and a map's index; changes nothing.

use crate::{
    collection::MapData,
    error::Error,
    format::frame::{Frame, Kind},
    location::Location,
    segment::frames::{Frames, Source},
    segment::segments::Segments,
};

/// The frame that holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) location: Location,
    /// Bytes it takes, padding included.
    pub(crate) bytes: usize,
}

/// The frame that holds `key` in a map, if any.
///
/// # Errors
/// Those of reading a frame.
pub(crate) fn held(
    frames: &Frames,
    map: &MapData,
    hash: u64,
    key: &[u8],
) -> Result<Option<Held>, Error> {
    look(frames, map, hash, key, |location, frame, _| Held { location, bytes: frame.padded() })
}

/// The value of `key` in a map, if any.
///
/// # Errors
/// Those of reading a frame.
pub(crate) fn value(
    frames: &Frames,
    map: &MapData,
    hash: u64,
    key: &[u8],
) -> Result<Option<bytes::Bytes>, Error> {
    look(frames, map, hash, key, |_, frame, source| payload(frame, source))
}

/// Calls `found` with the frame that holds `key`, if any.
fn look<T>(
    frames: &Frames,
    map: &MapData,
    hash: u64,
    key: &[u8],
    found: impl Fn(Location, &Frame<'_>, Source<'_>) -> T,
) -> Result<Option<T>, Error> {
    steady(&frames.segments, || {
        for location in map.index.matches(hash).iter() {
            let holder = frames.with(location, |frame, source| {
                let is_it = is_put(frame, map.id) && frame.key() == key;
                is_it.then(|| found(location, frame, source))
            })?;
            if holder.is_some() {
                return Ok(holder);
            }
        }
        Ok(None)
    })
}

/// Whether a frame is a put of this map: a location out of its index may lead to a segment that took
/// the slot of a removed one.
pub(crate) fn is_put(frame: &Frame<'_>, map: u32) -> bool {
    frame.kind == Kind::Put && frame.collection == map
}

/// Asks an index and reads what it points at, again while a segment was removed meanwhile and nothing
/// was found, or an error: only then is that the answer.
pub(crate) fn steady<T>(
    segments: &Segments,
    mut look: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    loop {
        let before = segments.reclaims();
        match look() {
            Ok(Some(found)) => return Ok(Some(found)),
            _ if segments.reclaims() != before => {}
            otherwise => return otherwise,
        }
    }
}

/// A frame's payload: borrowed from the map of its segment where there is one, else a copy.
pub(crate) fn payload(frame: &Frame<'_>, source: Source<'_>) -> bytes::Bytes {
    match source {
        Source::Map(map, at) => map.slice(at + frame.payload_at()..at + frame.length),
        Source::Buffer => bytes::Bytes::copy_from_slice(frame.payload()),
    }
}
