//! Finds which frame holds a key now, by comparing keys in frames.
//!
//! Knows frames and a map's index; changes nothing.

use crate::{
    collection::MapData,
    error::Error,
    format::frame::Kind,
    location::Location,
    segment::frames::{Frames, Source},
};

/// The frame that holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) location: Location,
    /// Bytes it takes, padding included.
    pub(crate) bytes: usize,
}

/// The frame that holds `key` in a map, if any. `is_known` may tell that a location holds it, or
/// not, without a look at the frame.
///
/// # Errors
/// Those of reading a frame.
pub(crate) fn held(
    frames: &Frames,
    map: &MapData,
    hash: u64,
    key: &[u8],
) -> Result<Option<Held>, Error> {
    for location in map.index.matches(hash).iter() {
        let found = frames.with(location, |frame, _| {
            let same = frame.kind == Kind::Put && frame.key() == key;
            same.then_some(Held { location, bytes: frame.padded() })
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
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
    for location in map.index.matches(hash).iter() {
        let found = frames.with(location, |frame, source| {
            let same = frame.kind == Kind::Put && frame.key() == key;
            same.then(|| payload(frame, source))
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A frame's payload: borrowed from the map of its segment where there is one, else a copy.
pub(crate) fn payload(frame: &crate::format::frame::Frame<'_>, source: Source<'_>) -> bytes::Bytes {
    match source {
        Source::Map(map, at) => map.slice(at + frame.payload_at()..at + frame.length),
        Source::Buffer => bytes::Bytes::copy_from_slice(frame.payload()),
    }
}
