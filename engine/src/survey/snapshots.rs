//! The snapshots of a directory: each whole, or where it is damaged.
//!
//! Knows files and their checks; nothing of what an image tells.

use std::{ops::Range, sync::Arc};

use super::{bytes::is_gone, damage::Flaw};
use crate::{
    error::Error,
    format::{
        frame::{HEAD_BYTES, padded},
        listing::SnapshotEnd,
        snapshot::{
            self, HEADER_BYTES, PIECE_FIELDS_BYTES, SnapshotHeader, parse_snapshot_name,
            snapshot_name,
        },
    },
    kept::KEPT_MAX,
    recovery::image::{self, Image},
    storage::{Disk, File},
};

/// A snapshot's file.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) file_bytes: u64,
    /// `None` when it is damaged.
    pub(crate) image: Option<Image>,
    /// Where it is damaged.
    pub(crate) flaws: Vec<(Range<u64>, Flaw)>,
}

/// The snapshots of a directory.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// Oldest first: the newest that is whole, the one before it, and damaged ones behind it.
    pub(super) all: Vec<Snapshot>,
    /// Names of those that are older.
    pub(super) surplus: Vec<String>,
}

/// Looks at the snapshots among `names`; `None` when one of them went meanwhile.
///
/// # Errors
/// [`Error::Unsupported`] for one of a newer version, [`Error::Io`].
pub(super) fn look(
    disk: &Arc<dyn Disk>,
    names: &[String],
    store_id: Option<u64>,
) -> Result<Option<Snapshots>, Error> {
    let mut ids: Vec<u64> = names.iter().filter_map(|name| parse_snapshot_name(name)).collect();
    ids.sort_unstable();
    let (mut snapshots, mut behind_image) = (Snapshots::default(), 0);
    for id in ids.into_iter().rev() {
        if behind_image == KEPT_MAX {
            snapshots.surplus.push(snapshot_name(id));
            continue;
        }
        let file = match disk.open(&snapshot_name(id)) {
            Ok(file) => file,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let snapshot = one(&*file, id, store_id.unwrap_or(0))?;
        behind_image += usize::from(behind_image > 0 || snapshot.image.is_some());
        snapshots.all.insert(0, snapshot);
    }
    Ok(Some(snapshots))
}

/// The store that a sound snapshot tells.
pub(super) fn owner(disk: &dyn Disk, names: &[String]) -> Option<u64> {
    let mut headers = names
        .iter()
        .filter(|name| parse_snapshot_name(name).is_some())
        .filter_map(|name| header(&*disk.open(name).ok()?));
    headers.next().map(|header| header.store_id)
}

fn one(file: &dyn File, id: u64, store_id: u64) -> Result<Snapshot, Error> {
    let file_bytes = file.bytes()?;
    let (image, flaws) = match image::read(file, id, store_id) {
        Ok(Some(image)) => (Some(image), Vec::new()),
        Ok(None) => (None, flaws(file, id, file_bytes)),
        Err(Error::Io(error)) => {
            (None, vec![(0..file_bytes, Flaw::Unreadable { kind: error.kind() })])
        }
        Err(Error::CorruptSnapshot { .. }) => {
            let store_id = header(file).map_or(0, |header| header.store_id);
            (None, vec![(0..file_bytes, Flaw::OtherStore { store_id })])
        }
        Err(error) => return Err(error),
    };
    Ok(Snapshot { name: snapshot_name(id), file_bytes, image, flaws })
}

fn header(file: &dyn File) -> Option<SnapshotHeader> {
    let mut bytes = [0; HEADER_BYTES];
    let read = file.read_at(&mut bytes, 0).ok()?;
    SnapshotHeader::decode(&bytes[..read]).ok()
}

/// Where a snapshot is damaged: its header, its end, and else each piece that does not pass.
fn flaws(file: &dyn File, id: u64, file_bytes: u64) -> Vec<(Range<u64>, Flaw)> {
    let flaw = |range| vec![(range, Flaw::Snapshot)];
    let Some(header) = header(file).filter(|header| header.snapshot_id == id) else {
        return flaw(0..HEADER_BYTES as u64);
    };
    let end_bytes = file_bytes.saturating_sub(header.end_at).min(2 << 20);
    let mut bytes = vec![0; end_bytes as usize];
    let read = file.read_at(&mut bytes, header.end_at).unwrap_or(0);
    let Some(end) = SnapshotEnd::decode(&bytes[..read], &header) else {
        return flaw(header.end_at..file_bytes.max(header.end_at));
    };
    let (mut bad, mut left) = (Vec::new(), end.image_bytes as usize);
    for nth in 0..end.pieces() {
        let at = snapshot::piece_at(nth);
        let mut fields = vec![0; padded(left.min(PIECE_FIELDS_BYTES))];
        left = left.saturating_sub(fields.len());
        if !matches!(image::piece(file, &mut fields, header.salt(), at), Ok(Some(_))) {
            bad.push((at..at + (HEAD_BYTES + fields.len()) as u64, Flaw::Snapshot));
        }
    }
    // Each piece passes, but they are not of one writing.
    if bad.is_empty() { flaw(HEADER_BYTES as u64..header.end_at) } else { bad }
}
