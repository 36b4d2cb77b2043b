//! The files of a store's directory, and what their headers say.
//!
//! Knows names and headers; opens nothing for writing and looks at no frame.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::Arc,
};

use super::{
    bytes::{FileBytes, is_gone},
    damage::Flaw,
    snapshots::{self, Snapshot},
};
use crate::{
    error::Error,
    format::{
        header::{
            BadHeader, HEADER_BYTES, SegmentHeader, is_cold, parse_segment_name, segment_name,
        },
        snapshot::is_unfinished_name,
    },
    recovery::image::Image,
    storage::{Disk, File},
};

/// What lies behind this is not looked at: offsets have 32 bits, and no segment is nearly as long.
const FILE_BYTES_MAX: u64 = 1 << 31;
/// Missing files that are told one by one.
const MISSING_MAX: usize = 1000;

/// A segment file, or the place of one that is missing.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// Length of the file, or what of it can hold a segment.
    pub(crate) file_bytes: u64,
    /// Where the segment begins in history, by its header.
    pub(crate) base: Option<u64>,
    /// Where its frames end, when a snapshot tells.
    pub(crate) listed_end: Option<u32>,
    /// What is wrong with the file as a whole.
    pub(crate) flaw: Option<Flaw>,
}

impl Entry {
    /// Whether its frames are of this store.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.flaw, None | Some(Flaw::Header))
    }

    pub(crate) fn open(&self, disk: &dyn Disk) -> io::Result<Arc<dyn File>> {
        disk.open(&self.name)
    }
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// In the order of their ids: history, then the cold ones.
    pub(crate) entries: Vec<Entry>,
    /// The snapshots, oldest first.
    pub(crate) snapshots: Vec<Snapshot>,
    /// Names of files that nothing needs, and that the next opening removes.
    pub(crate) leftovers: Vec<String>,
    /// Files made ready and never begun: all zeros, behind all others.
    pub(crate) spares: Vec<Entry>,
    /// `None` when no header tells.
    pub(crate) store_id: Option<u64>,
}

/// A file as it was found, before it is known whose it should be.
struct Found {
    entry: Entry,
    header: Option<SegmentHeader>,
}

impl Directory {
    /// Looks at every segment file; `None` when one of them went meanwhile.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a file of a newer version; [`Error::Io`].
    pub(crate) fn look(disk: &Arc<dyn Disk>) -> Result<Option<Self>, Error> {
        let names = disk.list()?;
        let mut ids: Vec<u64> = names.iter().filter_map(|name| parse_segment_name(name)).collect();
        ids.sort_unstable();
        // The newest first: when a header is there, everything before it has been written.
        let mut found = Vec::new();
        for id in ids.into_iter().rev() {
            match look_at(&**disk, id) {
                Ok(one) => found.push(one),
                Err(Error::Io(error)) if is_gone(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        found.reverse();
        let mut directory = Self::default();
        let cold = found.split_off(found.partition_point(|one| !is_cold(one.entry.id)));
        while let Some(last) = found.pop_if(|last| last.header.is_none()) {
            match renew(&**disk, last)? {
                Renewed::Spare(entry) => directory.spares.insert(0, entry),
                Renewed::Begun(begun) => {
                    found.push(begun);
                    break;
                }
                Renewed::Gone => return Ok(None),
            }
        }
        directory.store_id =
            owner(found.iter().chain(&cold)).or_else(|| snapshots::owner(&**disk, &names));
        let Some(snapshots) = snapshots::look(disk, &names, directory.store_id)? else {
            return Ok(None);
        };
        directory.snapshots = snapshots.all;
        let unfinished = names.into_iter().filter(|name| is_unfinished_name(name));
        directory.leftovers = snapshots.surplus.into_iter().chain(unfinished).collect();
        directory.take(found, cold);
        Ok(Some(directory))
    }

    /// The image that history is replayed over: that of the newest whole snapshot.
    pub(crate) fn image(&self) -> Option<&Image> {
        self.snapshots.iter().rev().find_map(|snapshot| snapshot.image.as_ref())
    }

    /// The segments that are missing: what is replayed, and what an image points into.
    fn missing(&self, found: &[Found], replayed: u64) -> BTreeSet<u64> {
        let images = self.snapshots.iter().filter_map(|snapshot| snapshot.image.as_ref());
        let listed = images.flat_map(|image| image.kept.segments());
        let needed = listed.filter(|listed| listed.is_referenced).map(|listed| listed.id);
        let history = found.iter().filter(|one| !is_cold(one.entry.id));
        // A spare is made behind the newest segment: what is missing before it was one.
        let before_spare = self.spares.first().map(|spare| spare.id.saturating_sub(1));
        let newest = history.map(|one| one.entry.id).max().max(before_spare);
        let newest = newest.or(self.image().map(|_| replayed)).unwrap_or(0);
        let replayed = (replayed..=newest).take(MISSING_MAX + found.len());
        let there: BTreeSet<u64> = found.iter().map(|one| one.entry.id).collect();
        needed.chain(replayed).filter(|id| !there.contains(id)).collect()
    }

    /// Tells whose each file is, and puts in those that are missing.
    fn take(&mut self, mut found: Vec<Found>, cold: Vec<Found>) {
        found.extend(cold);
        let replayed = self.image().map_or(1, |image| image.kept.replay_segment());
        let missing = self.missing(&found, replayed);
        found.extend(missing.into_iter().map(Found::missing));
        found.sort_by_key(|one| one.entry.id);
        for Found { mut entry, header } in found {
            let listed = self.image().and_then(|image| image.kept.listed(entry.id));
            let is_replayed = entry.id >= replayed && !is_cold(entry.id);
            let listed_end = listed.filter(|_| !is_replayed).map(|listed| listed.data_end);
            if entry.flaw.is_none() && listed.is_none() && !is_replayed {
                self.leftovers.push(entry.name);
                continue;
            }
            entry.listed_end = listed_end;
            if entry.flaw.is_some() {
                self.entries.push(entry);
                continue;
            }
            entry.flaw = match header {
                None => Some(Flaw::Header),
                Some(header) if Some(header.store_id) != self.store_id => {
                    Some(Flaw::OtherStore { store_id: header.store_id })
                }
                Some(header) if header.segment_id != entry.id => {
                    Some(Flaw::OtherSegment { id: header.segment_id })
                }
                Some(_) => None,
            };
            if entry.flaw.is_none() {
                entry.base = header.map(|header| header.base);
            }
            self.entries.push(entry);
        }
    }
}

fn look_at(disk: &dyn Disk, id: u64) -> Result<Found, Error> {
    let name = segment_name(id);
    let file = disk.open(&name)?;
    let file_bytes = file.bytes()?.min(FILE_BYTES_MAX);
    let mut bytes = [0; HEADER_BYTES];
    // What the disk does not give back is found and told when the whole file is looked at.
    let read = file.read_at(&mut bytes, 0).unwrap_or(0);
    let header = match SegmentHeader::decode(&bytes[..read]) {
        Ok(header) => Some(header),
        Err(BadHeader::Damaged) => None,
        Err(BadHeader::Newer(version)) => return Err(Error::Unsupported { version }),
    };
    let entry = Entry { id, name, file_bytes, base: None, listed_end: None, flaw: None };
    Ok(Found { entry, header })
}

impl Found {
    fn missing(id: u64) -> Self {
        let (name, flaw) = (segment_name(id), Some(Flaw::Missing));
        let entry = Entry { id, name, file_bytes: 0, base: None, listed_end: None, flaw };
        Self { entry, header: None }
    }
}

enum Renewed {
    Spare(Entry),
    Begun(Found),
    Gone,
}

/// Looks again at a file without a header: it may have begun since.
fn renew(disk: &dyn Disk, found: Found) -> Result<Renewed, Error> {
    let looked = found.entry.open(disk).map_err(Error::from).and_then(|file| {
        let bytes = found.entry.file_bytes;
        match FileBytes::new(file, bytes).used(0, bytes) {
            None => Ok(Renewed::Spare(found.entry)),
            Some(_) => look_at(disk, found.entry.id).map(Renewed::Begun),
        }
    });
    match looked {
        Err(Error::Io(error)) if is_gone(&error) => Ok(Renewed::Gone),
        looked => looked,
    }
}

/// The store that most headers tell; of several the one of the lowest segment.
fn owner<'a>(found: impl Iterator<Item = &'a Found> + Clone) -> Option<u64> {
    let mut times: HashMap<u64, usize> = HashMap::new();
    let stores = || found.clone().filter_map(|one| one.header.map(|header| header.store_id));
    for store_id in stores() {
        *times.entry(store_id).or_default() += 1;
    }
    let most = times.values().copied().max()?;
    stores().find(|store_id| times[store_id] == most)
}
