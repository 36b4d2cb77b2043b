//! Looks at a store without changing it: what is sound, what is damaged, what a damage took.
//!
//! Unlike recovery it never stops at the first bad place, and holds no lock, so that a writer may go
//! on meanwhile. Knows files and frames; nothing of who asks.

mod bytes;
pub(crate) mod damage;
pub(crate) mod directory;
mod judge;
pub(crate) mod ledger;
pub(crate) mod look;
mod parallel;
pub(crate) mod replay;
pub(crate) mod snapshots;
mod told;
mod walk;

use std::{collections::HashSet, sync::Arc};

use directory::{Directory, Entry};
use look::{Depth, Looked, Subject};

use self::{damage::Damage, snapshots::Snapshot};
use crate::{
    backup::unfinished,
    error::Error,
    format::{
        check::{KeyHash, Salt},
        frame::Kind,
        header::{HEADER_BYTES, is_cold},
    },
    storage::Disk,
    survey::{bytes::is_gone, damage::Torn, parallel::in_parallel},
};

/// How often a directory is looked at again when files of it go meanwhile.
const TRIES: usize = 8;
/// How often a bad place is looked at again, in case a writer was about to fill it.
const LOOKS: usize = 3;

/// A segment, and what it holds.
#[derive(Debug)]
pub(crate) struct Surveyed {
    pub(crate) entry: Entry,
    /// Where it begins in history.
    pub(crate) base: u64,
    pub(crate) looked: Looked,
}

impl Surveyed {
    /// How many sound records it has.
    pub(crate) fn records(&self) -> u64 {
        let told = self.looked.spots.iter().filter(|spot| spot.is_told);
        let bad: HashSet<u64> = told.map(|spot| spot.offset).collect();
        let stretches = self.looked.stretches.iter();
        let items = stretches.flat_map(|one| replay::placed(one.table.items(), one.start));
        let is_mark = |kind| matches!(kind, Kind::Flush | Kind::Close);
        items.filter(|item| !is_mark(item.kind) && !bad.contains(&item.offset.into())).count()
            as u64
    }
}

/// What a directory holds.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) store_id: u64,
    pub(crate) segments: Vec<Surveyed>,
    pub(crate) spares: Vec<Entry>,
    pub(crate) torn: Option<Torn>,
    /// Segment, by its place in the list, and offset from which on nothing counts.
    pub(crate) cut: Option<(usize, u64)>,
    /// Everything that is bad, in the order of the files; what is lost is not told yet.
    pub(crate) damages: Vec<Damage>,
    /// Where each of them is; those behind the last one are in no segment.
    pub(crate) places: Vec<Place>,
    /// Oldest first.
    pub(crate) snapshots: Vec<Snapshot>,
    /// Names of files that nothing needs.
    pub(crate) leftovers: Vec<String>,
}

/// The place of a damage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its segment, by its place in the list.
    pub(crate) nth: usize,
    pub(crate) offset: u64,
    /// Whether frames of which nothing is known may have stood there.
    pub(crate) hides: bool,
    /// Whether a table tells of the frame that stood there.
    pub(crate) is_told: bool,
}

/// How a survey goes.
pub(crate) struct How<'a> {
    /// Whether every byte is read, or what an opening reads.
    pub(crate) is_thorough: bool,
    /// Called with bytes looked at so far and bytes in all.
    pub(crate) progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// Looks at a store.
///
/// # Errors
/// [`Error::Rejected`] when the directory holds none, [`Error::Unsupported`], [`Error::Io`]. Damage is
/// no error.
pub(crate) fn survey(disk: &Arc<dyn Disk>, how: &How<'_>) -> Result<Survey, Error> {
    unfinished::refuse(&**disk)?;
    for _ in 0..TRIES {
        if let Some(survey) = try_survey(disk, how)? {
            return Ok(survey);
        }
    }
    Err(std::io::Error::other("the store's files change faster than they can be read").into())
}

/// `None` when a file went meanwhile.
fn try_survey(disk: &Arc<dyn Disk>, how: &How<'_>) -> Result<Option<Survey>, Error> {
    let Some(directory) = Directory::look(disk)? else { return Ok(None) };
    if directory.entries.is_empty() {
        return Err(Error::rejected("the directory holds no store"));
    }
    let Some(looked) = look_at_all(disk, &directory, how)? else { return Ok(None) };
    let mut looked = looked;
    for _ in 0..LOOKS {
        let bad = judge::judge(&directory, &looked).damaged();
        let mut changed = false;
        for nth in bad {
            let depth = Depth::Bytes;
            let Some(again) = look_at(disk, &directory, nth, depth)? else { return Ok(None) };
            changed |= again.spots != looked[nth].spots;
            looked[nth] = again;
        }
        if !changed {
            break;
        }
    }
    let judged = judge::judge(&directory, &looked);
    Ok(Some(judged.survey(directory, looked)))
}

fn look_at_all(
    disk: &Arc<dyn Disk>,
    directory: &Directory,
    how: &How<'_>,
) -> Result<Option<Vec<Looked>>, Error> {
    let entries = &directory.entries;
    let bytes: Vec<u64> = entries.iter().map(|entry| entry.file_bytes).collect();
    let total = bytes.iter().sum();
    // The newest first: it tells how far the store was durable.
    let newest = entries.partition_point(|entry| !is_cold(entry.id)).checked_sub(1);
    let last = match newest.map(|newest| look_at(disk, directory, newest, Depth::Bytes)) {
        Some(last) => last?,
        None => Some(Looked::new()),
    };
    let Some(last) = last else { return Ok(None) };
    let durable = last.durable.max(directory.image().map_or(0, |image| image.header.as_of));
    let depth = match how.is_thorough {
        true => Depth::Bytes,
        false => Depth::Tables { durable },
    };
    let report = |done: u64| (how.progress)(done, total);
    let looked = in_parallel(&bytes, &report, |nth| match Some(nth) == newest {
        true => Ok(Some(Looked::new())),
        false => look_at(disk, directory, nth, depth),
    })?;
    let mut looked: Option<Vec<Looked>> = looked.into_iter().collect();
    if let (Some(looked), Some(newest)) = (&mut looked, newest) {
        looked[newest] = last;
    }
    Ok(looked)
}

fn look_at(
    disk: &Arc<dyn Disk>,
    directory: &Directory,
    nth: usize,
    depth: Depth,
) -> Result<Option<Looked>, Error> {
    let entry = &directory.entries[nth];
    let Some(store_id) = directory.store_id.filter(|_| entry.is_ours()) else {
        return Ok(Some(Looked::new()));
    };
    let file = match entry.open(&**disk) {
        Ok(file) => file,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let next = directory.entries.get(nth + 1).filter(|next| next.id == entry.id + 1);
    let next = next.and_then(|next| next.base).filter(|_| !is_cold(entry.id));
    let length = entry.base.zip(next).and_then(|(base, next)| next.checked_sub(base));
    let end = length.map(|length| length + HEADER_BYTES as u64);
    let subject = Subject {
        file: &file,
        file_bytes: file.bytes()?.min(entry.file_bytes.max(1 << 31)),
        salt: Salt::new(store_id, entry.id),
        hash: KeyHash::new(store_id),
        base: entry.base,
        expected: end.or(entry.listed_end.map(u64::from)),
    };
    look::look(&subject, depth).map(Some)
}
