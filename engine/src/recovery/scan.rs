//! Scans one segment: checks every frame up to the first bad one, and looks for marks behind it.
//!
//! Knows one segment; whether its end is clean, torn or corrupt is judged elsewhere.

use std::sync::Arc;

use super::{found::Found, read::FileBytes};
use crate::{
    error::Error,
    format::{
        VERSION,
        check::{KeyHash, Salt},
        footer::{Footer, TRAILER_BYTES},
        frame::{BadFrame, Frame, HEAD_BYTES, Head, Kind},
        header::HEADER_BYTES,
        mark::{self, MARK_BYTES},
        table::TableBuilder,
    },
    options::SEGMENT_BYTES_MAX,
};

/// Bytes in which marks are looked for at once.
const SEARCH_BYTES: usize = 1 << 20;

/// What one segment holds.
#[derive(Debug)]
pub(super) struct Scan {
    /// Its frames up to `end`.
    pub(super) table: TableBuilder,
    /// Where the last whole batch ends, in bytes from the start of the file.
    pub(super) end: u32,
    /// Where the first bad frame begins; `None` when the segment ends in order.
    pub(super) bad_at: Option<u64>,
    /// Bytes behind `end` that are not zero, from it to the last one.
    pub(super) bytes_behind: u64,
    /// The largest durable position that the segment tells of, also behind a bad frame.
    pub(super) durable: u64,
    /// It ends with a footer that tells of exactly these frames.
    pub(super) is_sealed: bool,
}

impl Scan {
    fn new(start: u32) -> Self {
        Self {
            table: TableBuilder::skipping(start - HEADER_BYTES as u32),
            end: start,
            bad_at: None,
            bytes_behind: 0,
            durable: 0,
            is_sealed: false,
        }
    }
}

/// Scans a segment from the frame that begins at `start`; its frames end at `expected`, if that is
/// known.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] for a frame of a newer version.
pub(super) fn scan(
    found: &Found,
    store_id: u64,
    hash: KeyHash,
    start: u32,
    expected: Option<u64>,
) -> Result<Scan, Error> {
    let salt = Salt::new(store_id, found.id);
    let mut scan = Scan::new(start);
    let footer = footer(found, salt)?;
    // What the index cannot address is no frame, however long the file has become.
    let limit = expected.unwrap_or(u64::MAX).min(found.file_bytes).min(SEGMENT_BYTES_MAX);
    let mut bytes = FileBytes::new(Arc::clone(&found.file), limit);
    let mut stopped_at = 0;
    if found.header.is_some() {
        stopped_at = scan_frames(&mut scan, &mut bytes, salt, hash)?;
    }
    let ends_where_expected = expected.is_some_and(|expected| expected == u64::from(scan.end));
    if let Some(footer) = footer {
        scan.durable = scan.durable.max(footer.durable);
        scan.is_sealed = footer.data_end == scan.end;
    }
    if found.header.is_some() && (ends_where_expected || expected.is_none() && scan.is_sealed) {
        return Ok(scan);
    }
    let mut all = FileBytes::new(Arc::clone(&found.file), found.file_bytes);
    let end = u64::from(scan.end);
    scan.bytes_behind = all.last_used(end)? - end;
    if scan.bytes_behind > 0 || expected.is_some() || found.header.is_none() {
        scan.bad_at = Some(stopped_at);
        let behind = search_marks(&mut all, salt, stopped_at)?;
        scan.durable = scan.durable.max(behind);
    }
    Ok(scan)
}

/// Scans whole batches; returns where the scan stopped.
fn scan_frames(
    scan: &mut Scan,
    bytes: &mut FileBytes,
    salt: Salt,
    hash: KeyHash,
) -> Result<u64, Error> {
    let mut at = u64::from(scan.end);
    let mut saved = scan.table.save();
    loop {
        let have = bytes.from(at, HEAD_BYTES)?;
        let needed = Head::parse(have).map_or(0, |head| head.padded());
        if needed as u64 > bytes.limit().saturating_sub(at) {
            break;
        }
        let here = at as u32;
        let frame = match Frame::check(bytes.from(at, needed)?, salt, here) {
            Ok(frame) => frame,
            Err(BadFrame::Newer) => return Err(Error::Unsupported { version: VERSION + 1 }),
            Err(BadFrame::Damaged) => break,
        };
        match frame.kind {
            Kind::Footer | Kind::Piece | Kind::SnapshotEnd => break,
            Kind::Flush | Kind::Close => {
                let between_batches = here == scan.end;
                let Some(durable) = mark::durable(&frame, salt, here).filter(|_| between_batches)
                else {
                    break;
                };
                scan.durable = scan.durable.max(durable);
            }
            _ => {}
        }
        scan.table.push(&frame, hash);
        at += frame.padded() as u64;
        if frame.end {
            scan.end = at as u32;
            saved = scan.table.save();
        }
    }
    scan.table.restore(&saved);
    Ok(at)
}

/// The largest durable position that marks from `at` on tell of.
fn search_marks(bytes: &mut FileBytes, salt: Salt, at: u64) -> Result<u64, Error> {
    let (mut at, mut durable) = (at, 0);
    while at + MARK_BYTES as u64 <= bytes.limit() {
        let chunk = bytes.from(at, SEARCH_BYTES)?;
        let chunk = &chunk[..chunk.len().min(SEARCH_BYTES)];
        if chunk.len() < MARK_BYTES {
            break;
        }
        durable = durable.max(mark::search(chunk, salt, at as u32).unwrap_or(0));
        // The next chunk begins with what a mark may have begun in this one.
        at += (chunk.len() - MARK_BYTES + 8) as u64 & !7;
    }
    Ok(durable)
}

/// The footer of a segment, if it has a sound one.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn footer(found: &Found, salt: Salt) -> Result<Option<Footer>, Error> {
    let Some(trailer_at) = found.file_bytes.checked_sub(TRAILER_BYTES as u64) else {
        return Ok(None);
    };
    let mut trailer = [0; TRAILER_BYTES];
    let read = found.file.read_at(&mut trailer, trailer_at)?;
    let Some(at) = Footer::find(&trailer[..read], found.file_bytes) else { return Ok(None) };
    let mut bytes = vec![0; (found.file_bytes - u64::from(at)) as usize];
    let read = found.file.read_at(&mut bytes, at.into())?;
    Ok(Footer::decode(&bytes[..read], salt, at))
}
