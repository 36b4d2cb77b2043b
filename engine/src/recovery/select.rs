//! Sorts out what a directory holds, given its snapshot: what is listed, replayed, or nobody's.
//!
//! Knows ids and headers; judges no frame and changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    found::{Directory, Found, look_at},
    image::{Chosen, Image},
    leftovers::Leftovers,
};
use crate::{
    error::Error,
    format::header::{HEADER_BYTES, SegmentHeader, is_cold},
    kept::Kept,
    storage::Disk,
};

/// What an opening works with, beside the segments that are replayed.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) image: Option<Image>,
    /// The snapshot before it.
    pub(super) older: Option<Kept>,
    /// The segments that the image needs and that are not replayed.
    pub(super) listed: Vec<Found>,
    pub(super) leftovers: Leftovers,
    /// The newest snapshot that there was, also when it cannot be used.
    pub(super) newest_id: u64,
    /// The largest number of a cold segment that there is, listed or not.
    pub(super) cold_max: u64,
}

impl Selected {
    /// Leaves in the directory the segments to be replayed.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a segment that is missing, or not the one it should be; what kept a
    /// snapshot from being read, when history alone is not complete.
    pub(super) fn new(
        disk: &Arc<dyn Disk>,
        directory: &mut Directory,
        chosen: Chosen,
    ) -> Result<Self, Error> {
        let Chosen { image, older, unusable, failure } = chosen;
        let used = unusable.len() + usize::from(image.is_some()) + usize::from(older.is_some());
        let leftovers = Leftovers {
            unusable,
            surplus: directory.snapshots.iter().skip(used).copied().collect(),
            unfinished: directory.unfinished.clone(),
            segments: Vec::new(),
        };
        let newest_id = directory.snapshots.first().copied().unwrap_or(0);
        let cold_max = directory.cold.iter().copied().max().unwrap_or(0);
        let listed = Vec::new();
        let mut selected = Self { image, older, listed, leftovers, newest_id, cold_max };
        let others = selected.take_others(directory);
        selected.check_replayed(directory).map_err(|error| failure.unwrap_or(error))?;
        selected.take_listed(disk, directory, others)?;
        Ok(selected)
    }

    /// The segment that replaying begins in.
    pub(super) fn replay_segment(&self) -> u64 {
        self.image.as_ref().map_or(1, |image| image.kept.replay_segment())
    }

    /// The position at which that segment begins.
    pub(super) fn begins(&self) -> u64 {
        let listed = self.image.as_ref().and_then(|image| image.kept.listed(self.replay_segment()));
        listed.map_or(0, |listed| listed.base)
    }

    /// Where replaying begins in that segment, in bytes from its start.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when its file ends before.
    pub(super) fn start(&self, directory: &Directory) -> Result<u32, Error> {
        let replay = self.image.as_ref().map_or(0, |image| image.header.replay);
        let offset = (replay - self.begins()).saturating_add(HEADER_BYTES as u64);
        let file_bytes = directory.segments.first().map_or(0, |found| found.file_bytes);
        let start =
            u32::try_from(offset).ok().filter(|_| self.image.is_none() || offset <= file_bytes);
        start.ok_or(Error::Corrupt { segment: self.replay_segment(), offset: file_bytes })
    }

    /// The position before which everything is known to have been durable.
    pub(super) fn durable(&self) -> u64 {
        self.image.as_ref().map_or(0, |image| image.header.as_of)
    }

    fn take_others(&self, directory: &mut Directory) -> BTreeMap<u64, Found> {
        let replay_segment = self.replay_segment();
        let at = directory.segments.partition_point(|found| found.id < replay_segment);
        let replayed = directory.segments.split_off(at);
        let others = std::mem::replace(&mut directory.segments, replayed);
        others.into_iter().map(|found| (found.id, found)).collect()
    }

    fn check_replayed(&self, directory: &Directory) -> Result<(), Error> {
        let ids = directory.segments.iter().chain(&directory.spares).map(|found| found.id);
        let mut expected = self.replay_segment();
        for id in ids.filter(|id| *id >= self.replay_segment()) {
            if id != expected {
                break;
            }
            expected += 1;
        }
        let found = directory.segments.iter().chain(&directory.spares);
        let last = found.map(|found| found.id).max().unwrap_or(0);
        let is_complete = !directory.segments.is_empty() && expected == last + 1;
        if is_complete { Ok(()) } else { Err(Error::Corrupt { segment: expected, offset: 0 }) }
    }

    /// Takes what the image lists; the rest is nobody's. What no index of it points into may have been
    /// deleted since, and may have come back as anything.
    fn take_listed(
        &mut self,
        disk: &Arc<dyn Disk>,
        directory: &Directory,
        mut others: BTreeMap<u64, Found>,
    ) -> Result<(), Error> {
        let mut cold: BTreeSet<u64> = directory.cold.iter().copied().collect();
        let replay_segment = self.replay_segment();
        let Some(image) = &self.image else {
            self.leftovers.segments = cold.into_iter().collect();
            return Ok(());
        };
        let store_id = image.header.store_id;
        let all = image.kept.segments().iter();
        for one in all.filter(|one| one.id < replay_segment || is_cold(one.id)) {
            let found = match others.remove(&one.id) {
                Some(found) => Some(found),
                None if cold.remove(&one.id) => Some(look_at(disk, one.id)?),
                None => None,
            };
            let is_there = found.is_some();
            let header = SegmentHeader { store_id, segment_id: one.id, base: one.base };
            let found = found.filter(|found| {
                found.header == Some(header) && found.file_bytes >= one.data_end.into()
            });
            match found {
                Some(found) => self.listed.push(found),
                None if one.is_referenced => {
                    return Err(Error::Corrupt { segment: one.id, offset: 0 });
                }
                None if is_there
                    && self.older.as_ref().is_none_or(|older| !older.needs(one.id)) =>
                {
                    self.leftovers.segments.push(one.id);
                }
                None => {}
            }
        }
        self.leftovers.segments.extend(others.into_keys().chain(cold));
        Ok(())
    }
}
