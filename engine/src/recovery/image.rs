//! Reads the snapshots of a directory: the newest that is whole, and what the one before it needs.
//!
//! Nothing of a snapshot is used before all of it was checked. Knows files and their checks; what the
//! image tells is put together elsewhere.

use std::collections::BTreeSet;

use super::{load, parallel::on_cores, reopen::Reopened};
use crate::{
    collection::Collection,
    error::Error,
    format::{
        check::Salt,
        frame::{HEAD_BYTES, padded},
        header::BadHeader,
        listing::SnapshotEnd,
        snapshot::{self, HEADER_BYTES, PIECE_FIELDS_BYTES, SnapshotHeader, snapshot_name},
    },
    kept::Kept,
    storage::{Disk, File},
    sync::{Arc, Mutex},
};

/// A snapshot that is whole.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) header: SnapshotHeader,
    pub(super) next_cold: u64,
    pub(crate) kept: Kept,
    pub(crate) collections: Vec<Collection>,
}

/// What the snapshots of a directory are good for.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) image: Option<Image>,
    /// The one before it, if that looks whole: it was not read as a whole.
    pub(super) older: Option<Kept>,
    /// Snapshots newer than the image that cannot be used.
    pub(super) unusable: Vec<u64>,
    /// Why the newest of them could not be read, when the disk failed.
    pub(super) failure: Option<Error>,
}

/// Chooses among the snapshots `ids`, the newest first.
///
/// # Errors
/// [`Error::Unsupported`] for one of a newer version, [`Error::CorruptSnapshot`] for one of another
/// store.
pub(super) fn choose(disk: &Arc<dyn Disk>, ids: &[u64], store_id: u64) -> Result<Chosen, Error> {
    let mut chosen = Chosen::default();
    for (nth, id) in ids.iter().enumerate() {
        let file = Reopened::new(disk, snapshot_name(*id));
        match read(&file, *id, store_id) {
            Ok(Some(image)) => {
                chosen.image = Some(image);
                if let Some(older) = ids.get(nth + 1) {
                    chosen.older = outline(disk, *older, store_id)?;
                }
                break;
            }
            Ok(None) => {}
            // Another snapshot, or all of history, tells the same.
            Err(error @ Error::Io(_)) => drop(chosen.failure.get_or_insert(error)),
            Err(error) => return Err(error),
        }
        chosen.unusable.push(*id);
    }
    Ok(chosen)
}

/// What an older snapshot needs, without a look at its image; `None` when that cannot be read.
fn outline(disk: &Arc<dyn Disk>, id: u64, store_id: u64) -> Result<Option<Kept>, Error> {
    let file = Reopened::new(disk, snapshot_name(id));
    match frame(&file, id, store_id) {
        Ok(found) => Ok(found.map(|(header, end, bytes)| Kept::new(&header, end, bytes))),
        Err(Error::Io(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a snapshot; `None` when it is damaged.
///
/// # Errors
/// [`Error::Unsupported`] for one of a newer version, [`Error::CorruptSnapshot`] for one of another
/// store, [`Error::Io`].
pub(crate) fn read(file: &dyn File, id: u64, store_id: u64) -> Result<Option<Image>, Error> {
    let Some((header, end, file_bytes)) = frame(file, id, store_id)? else { return Ok(None) };
    let Some(bytes) = pieces(file, &header, &end)? else { return Ok(None) };
    let Some(collections) = load::collections(&bytes, end.collections) else {
        return Ok(None);
    };
    let next_cold = end.next_cold;
    let is_clear = has_own_slots(&end);
    let kept = Kept::new(&header, end, file_bytes);
    if kept.replay_segment() == 0 || !is_clear {
        return Ok(None);
    }
    Ok(Some(Image { header, next_cold, kept, collections }))
}

/// Whether each segment has an id and a slot of its own.
fn has_own_slots(end: &SnapshotEnd) -> bool {
    let count = end.segments.len();
    let ids: BTreeSet<u64> = end.segments.iter().map(|listed| listed.id).collect();
    let slots: BTreeSet<u16> = end.segments.iter().map(|listed| listed.slot).collect();
    ids.len() == count && slots.len() == count
}

/// A snapshot's header and end, and the file's length.
fn frame(
    file: &dyn File,
    id: u64,
    store_id: u64,
) -> Result<Option<(SnapshotHeader, SnapshotEnd, u64)>, Error> {
    let mut bytes = [0; HEADER_BYTES];
    let read = file.read_at(&mut bytes, 0)?;
    let header = match SnapshotHeader::decode(&bytes[..read]) {
        Ok(header) => header,
        Err(BadHeader::Damaged) => return Ok(None),
        Err(BadHeader::Newer(version)) => return Err(Error::Unsupported { version }),
    };
    if header.store_id != store_id {
        return Err(Error::CorruptSnapshot { snapshot: id, offset: 0 });
    }
    let file_bytes = file.bytes()?;
    // All segments there can be take a mebibyte.
    let end_bytes = file_bytes.checked_sub(header.end_at).filter(|bytes| *bytes <= 2 << 20);
    let Some(end_bytes) = end_bytes.filter(|_| header.snapshot_id == id) else { return Ok(None) };
    let mut bytes = vec![0; end_bytes as usize];
    let read = file.read_at(&mut bytes, header.end_at)?;
    let end = SnapshotEnd::decode(&bytes[..read], &header);
    // All that an image tells is in units of eight bytes.
    let end = end.filter(|end| end.image_bytes == padded(end.image_bytes as usize) as u64);
    Ok(end.map(|end| (header, end, file_bytes)))
}

/// The whole image, checked; `None` when a piece does not pass.
fn pieces(
    file: &dyn File,
    header: &SnapshotHeader,
    end: &SnapshotEnd,
) -> Result<Option<Vec<u8>>, Error> {
    // The end's check vouches for the length, and the file is as long.
    let mut image = vec![0; end.image_bytes as usize];
    let salt = header.salt();
    let todo = Mutex::new(image.chunks_mut(PIECE_FIELDS_BYTES).enumerate());
    let done = Mutex::new(vec![None; end.pieces() as usize]);
    let failed = Mutex::new(None);
    on_cores(end.image_bytes, || {
        while let Some((nth, fields)) = { todo.lock().next() } {
            let at = snapshot::piece_at(nth as u64);
            match piece(file, fields, salt, at) {
                Ok(check) => done.lock()[nth] = check,
                Err(error) => drop(failed.lock().get_or_insert(error)),
            }
        }
    });
    if let Some(error) = failed.into_inner() {
        return Err(error.into());
    }
    let mut crc = crc32fast::Hasher::new();
    for check in done.into_inner() {
        let Some(check) = check else { return Ok(None) };
        crc.update(&u32::to_le_bytes(check));
    }
    Ok((crc.finalize() == end.pieces_crc).then_some(image))
}

/// Reads the fields of a piece to their place; its check when it passes.
///
/// # Errors
/// Those of the disk.
pub(crate) fn piece(
    file: &dyn File,
    fields: &mut [u8],
    salt: Salt,
    at: u64,
) -> std::io::Result<Option<u32>> {
    debug_assert_eq!(fields.len(), padded(fields.len()));
    let mut head = [0; HEAD_BYTES];
    let read = file.read_at(&mut head, at)? + file.read_at(fields, at + HEAD_BYTES as u64)?;
    let is_whole = read == HEAD_BYTES + fields.len();
    Ok(snapshot::check_piece(&head, fields, salt, at).filter(|_| is_whole))
}
