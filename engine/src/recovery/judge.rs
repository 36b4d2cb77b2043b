//! Tells the three ends apart: clean, torn and corrupt.
//!
//! Pure: knows what the scans found; changes nothing.

use super::{found::Found, scan::Scan};
use crate::{error::Error, format::header::HEADER_BYTES};

/// Where history ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The last segment that is kept, by its place in the list; `None` keeps none.
    pub(super) last: Option<usize>,
    /// The position behind the last whole batch.
    pub(super) position: u64,
    /// What follows is torn and to be cut.
    pub(super) is_torn: bool,
    /// How far the store was durable, for all that is known.
    pub(super) durable: u64,
}

/// Judges the scans of the segments, in order. `scans[i]` is `None` where a footer was trusted. The
/// first begins at position `begins`; what is before `known_durable` is known to have been durable.
///
/// A bad place is corrupt when something behind it says that it had been durable, and torn when
/// nothing does. So is an end that comes before what is known to have been durable.
///
/// # Errors
/// [`Error::Corrupt`] with the first bad place.
pub(super) fn judge(
    segments: &[Found],
    scans: &[Option<Scan>],
    begins: u64,
    known_durable: u64,
) -> Result<End, Error> {
    let known = |scan: &Option<Scan>| scan.as_ref().map_or(0, |scan| scan.durable);
    let mut position = begins;
    for (nth, (found, scan)) in segments.iter().zip(scans).enumerate() {
        let begins = position;
        let durable = scans[nth..].iter().map(known).fold(known_durable, u64::max);
        let chained = found.base().is_none_or(|base| base == begins);
        if let Some(scan) = scan {
            position = begins + u64::from(scan.end) - HEADER_BYTES as u64;
        } else if let Some(next) = segments.get(nth + 1).and_then(Found::base) {
            position = next;
        }
        let bad_at = if chained { scan.as_ref().and_then(|scan| scan.bad_at) } else { Some(0) };
        let Some(bad_at) = bad_at else { continue };
        let whole_segment = found.header.is_none() || !chained;
        if whole_segment {
            position = begins;
        }
        if durable > position {
            return Err(found.corrupt(bad_at));
        }
        let last = if whole_segment { nth.checked_sub(1) } else { Some(nth) };
        return Ok(End { last, position, is_torn: true, durable });
    }
    let durable = scans.iter().map(known).fold(known_durable, u64::max);
    if let Some((last, scan)) = segments.last().zip(scans.last())
        && position < known_durable
    {
        let end = scan.as_ref().map_or(0, |scan| scan.end);
        return Err(last.corrupt(end.into()));
    }
    Ok(End { last: segments.len().checked_sub(1), position, is_torn: false, durable })
}
