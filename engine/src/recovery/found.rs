//! The files of a directory, and what the segments' headers say.
//!
//! Knows names and headers; opens nothing for writing and judges no frame.

use std::{io, sync::Arc};

use super::{read::FileBytes, reopen::Reopened};
use crate::{
    error::Error,
    format::{
        header::{
            BadHeader, COLD, HEADER_BYTES, SegmentHeader, is_cold, parse_segment_name, segment_name,
        },
        snapshot::{is_unfinished_name, parse_snapshot_name},
    },
    storage::{Disk, File},
};

/// What lies behind this is not looked at: offsets have 32 bits, and no segment is nearly as long.
const FILE_BYTES_MAX: u64 = 1 << 31;

/// Numbers of snapshots and cold segments are below this: no store comes to give so many, and a file
/// with a larger one is none of its own.
const NUMBERS_END: u64 = 1 << 62;

/// A segment file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: u64,
    pub(super) file: Arc<dyn File>,
    pub(super) file_bytes: u64,
    /// `None` when the header is damaged or was never written.
    pub(super) header: Option<SegmentHeader>,
}

impl Found {
    /// The base that its header tells.
    pub(super) fn base(&self) -> Option<u64> {
        self.header.map(|header| header.base)
    }

    /// The error for damage at an offset of this file.
    pub(super) fn corrupt(&self, offset: u64) -> Error {
        Error::Corrupt { segment: self.id, offset }
    }
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// The segments of history that were begun, oldest first.
    pub(super) segments: Vec<Found>,
    /// Files made ready and never begun: all zeros, behind all others.
    pub(super) spares: Vec<Found>,
    /// Ids of the cold segments.
    pub(super) cold: Vec<u64>,
    /// Ids of the snapshots, the newest first.
    pub(super) snapshots: Vec<u64>,
    /// Names of snapshots that were never finished.
    pub(super) unfinished: Vec<String>,
    /// The store's id; `None` for a new store.
    pub(super) store_id: Option<u64>,
}

impl Directory {
    /// Looks at every segment of history, and at what else the store has by name. Files of other names
    /// are left alone.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a segment is of another store; [`Error::Unsupported`] for one of a newer
    /// version; [`Error::Io`].
    pub(super) fn look(disk: &Arc<dyn Disk>) -> Result<Self, Error> {
        let names = disk.list()?;
        let ids = names.iter().filter_map(|name| parse_segment_name(name));
        let (mut cold, mut history): (Vec<u64>, Vec<u64>) = ids.partition(|id| is_cold(*id));
        cold.retain(|id| id & !COLD < NUMBERS_END);
        history.sort_unstable();
        let mut found =
            history.into_iter().map(|id| look_at(disk, id)).collect::<Result<Vec<_>, _>>()?;
        let mut snapshots: Vec<u64> =
            names.iter().filter_map(|name| parse_snapshot_name(name)).collect();
        snapshots.retain(|id| *id < NUMBERS_END);
        snapshots.sort_unstable_by(|a, b| b.cmp(a));
        let unfinished = names.into_iter().filter(|name| is_unfinished_name(name)).collect();
        let mut directory = Self { cold, snapshots, unfinished, ..Self::default() };
        while let Some(last) = found.pop_if(|last| last.header.is_none()) {
            if FileBytes::new(Arc::clone(&last.file), last.file_bytes).last_used(0)? > 0 {
                found.push(last);
                break;
            }
            directory.spares.insert(0, last);
        }
        if directory.snapshots.is_empty() {
            directory.forget_unborn(&mut found)?;
        }
        let has_more = !directory.cold.is_empty() || !directory.snapshots.is_empty();
        if found.is_empty() && (directory.spares.len() > 1 || has_more) {
            // The making of a store leaves one empty file: these were more than that.
            return Err(Error::Corrupt { segment: 1, offset: 0 });
        }
        directory.store_id = one_store(&found)?;
        directory.segments = found;
        Ok(directory)
    }

    /// A first segment whose header alone was damaged, with nothing behind it, is a store whose
    /// making was cut short: there is nothing to lose.
    fn forget_unborn(&mut self, found: &mut Vec<Found>) -> Result<(), Error> {
        if let [only] = &found[..]
            && only.header.is_none()
            && only.id == 1
        {
            let used = FileBytes::new(Arc::clone(&only.file), only.file_bytes).last_used(0)?;
            if used <= HEADER_BYTES as u64 {
                self.spares.splice(0..0, found.drain(..));
            }
        }
        Ok(())
    }
}

/// Looks at one segment, which is there.
///
/// # Errors
/// [`Error::Unsupported`], [`Error::Io`].
pub(super) fn look_at(disk: &Arc<dyn Disk>, id: u64) -> Result<Found, Error> {
    let name = segment_name(id);
    let file = disk.open(&name)?;
    let file_bytes = file.bytes()?.min(FILE_BYTES_MAX);
    let mut bytes = [0; HEADER_BYTES];
    let read = read_up_to(&*file, &mut bytes)?;
    let header = match SegmentHeader::decode(&bytes[..read]) {
        Ok(header) => Some(header),
        Err(BadHeader::Damaged) => None,
        Err(BadHeader::Newer(version)) => return Err(Error::Unsupported { version }),
    };
    let file = Arc::new(Reopened::new(disk, name));
    Ok(Found { id, file, file_bytes, header })
}

fn read_up_to(file: &dyn File, buffer: &mut [u8]) -> io::Result<usize> {
    file.read_at(buffer, 0)
}

/// The store that all segments are of.
fn one_store(found: &[Found]) -> Result<Option<u64>, Error> {
    let mut headers = found.iter().filter_map(|one| one.header.map(|header| (one, header)));
    let Some((_, first)) = headers.next() else {
        // Nothing readable says whose these bytes are: never replaced by an empty store.
        return found.first().map_or(Ok(None), |one| Err(one.corrupt(0)));
    };
    for (one, header) in found.iter().filter_map(|one| one.header.map(|header| (one, header))) {
        let starts_history = one.id != 1 || header.base == 0;
        if header.store_id != first.store_id || header.segment_id != one.id || !starts_history {
            return Err(one.corrupt(0));
        }
    }
    Ok(Some(first.store_id))
}
