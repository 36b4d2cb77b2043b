//! Rebuilds collections and indexes from the tables of the segments, in their order.
//!
//! Knows tables and indexes; nothing of files. Payloads are read only to compare keys.

use hashbrown::HashMap;

use crate::{
    collection::{Collection, Kind as CollectionKind, LogData, MapData, Names},
    error::Error,
    format::{
        check::KeyHash,
        frame::{APPEND_HEAD_BYTES, Kind, padded},
        table::{Item, Table},
    },
    location::Location,
    options::SEGMENT_BYTES_MAX,
    read::resolve,
    segment::file::Segment,
    segment::frames::Frames,
    sync::Arc,
    write::placing::Released,
    write::release,
};

/// What the indexes begin with: nothing, or the image of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Start {
    /// What is before this position is in the image.
    pub(super) replay: u64,
    /// What is before this one may be in the image already.
    pub(super) as_of: u64,
    /// Live bytes of the segments as of then, by slot.
    pub(super) live: Vec<(u16, u64)>,
    pub(super) collections: Vec<Collection>,
    pub(super) next_collection_id: u32,
}

/// What is rebuilt so far.
#[derive(Debug)]
pub(super) struct Applied<'a> {
    frames: &'a Frames,
    hash: KeyHash,
    /// Collections that were not dropped, by id.
    collections: HashMap<u32, Collection>,
    next_collection_id: u32,
    replay: u64,
    as_of: u64,
    /// Live bytes of the segments, until they are set.
    live: Vec<(u16, u64)>,
    /// Records applied.
    pub(super) records: u64,
}

impl<'a> Applied<'a> {
    pub(super) fn new(frames: &'a Frames, hash: KeyHash, start: Start) -> Self {
        let collections = start.collections.into_iter();
        Self {
            frames,
            hash,
            collections: collections.map(|one| (one.id(), one)).collect(),
            next_collection_id: start.next_collection_id.max(1),
            replay: start.replay,
            as_of: start.as_of,
            live: start.live,
            records: 0,
        }
    }

    /// Applies one segment's table.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the records do not follow from those before; those of reading a
    /// frame, to compare keys.
    pub(super) fn segment(&mut self, segment: &Segment, table: &Table) -> Result<(), Error> {
        let (mut live, mut before) = (0, None);
        for item in table.items() {
            let item = item.map_err(|_| segment.corrupt(0))?;
            let position = segment.position(item.offset);
            if matches!(item.kind, Kind::Flush | Kind::Close) || position < self.replay {
                before = None;
                continue;
            }
            if position >= self.as_of && !self.live.is_empty() {
                self.set_live();
                live = 0;
            }
            let adjacent = before == Some((Kind::Append, item.collection));
            let kept = self.item(segment, &item, adjacent, position < self.as_of)?;
            live += if kept { padded(item.length as usize) as i64 } else { 0 };
            before = Some((item.kind, item.collection));
            self.records += 1;
        }
        segment.add_live(live);
        Ok(())
    }

    /// What was counted so far may have been counted in the image too: its count is the right one.
    fn set_live(&mut self) {
        for (slot, bytes) in self.live.drain(..) {
            if let Ok(segment) = self.frames.segments.at(slot) {
                segment.set_live(bytes);
            }
        }
    }

    /// Applies one record, which the image may have already when `is_imaged`; whether an index points
    /// at it now.
    fn item(
        &mut self,
        segment: &Segment,
        item: &Item<'_>,
        adjacent: bool,
        is_imaged: bool,
    ) -> Result<bool, Error> {
        let bad = || segment.corrupt(item.offset);
        if u64::from(item.offset) >= SEGMENT_BYTES_MAX {
            return Err(bad());
        }
        if item.kind == Kind::Create {
            return self.create(item).map(|()| false).ok_or_else(bad);
        }
        let Some(collection) = self.collections.get(&item.collection) else {
            // It was dropped before the image came to it.
            return if is_imaged { Ok(false) } else { Err(bad()) };
        };
        let location = Location { slot: segment.slot, offset: item.offset };
        match (collection, item.kind) {
            (Collection::Log(log), Kind::Append) => {
                if is_imaged && item.seq < log.index.read().next() {
                    return Ok(false);
                }
                append(log, item, location, adjacent).ok_or_else(bad)?;
            }
            (Collection::Log(log), Kind::Trim) => {
                let in_range = item.seq <= log.index.read().next();
                in_range.then(|| self.trim(log, item.seq)).ok_or_else(bad)?;
            }
            (Collection::Log(log), Kind::Drop) => {
                let next = log.index.read().next();
                self.trim(log, next);
                self.collections.remove(&item.collection);
            }
            (Collection::Map(map), Kind::Put | Kind::Remove) => self.key(map, item, location)?,
            (Collection::Map(map), Kind::Drop) => {
                release::count(self.frames, vec![Released::Puts(map.index.take())]);
                self.collections.remove(&item.collection);
            }
            _ => return Err(bad()),
        }
        Ok(matches!(item.kind, Kind::Append | Kind::Put))
    }

    /// Ids are consecutive, and never given again: what was created before a snapshot is in its image.
    fn create(&mut self, item: &Item<'_>) -> Option<()> {
        let (kind, name) = item.fields.split_first()?;
        let kind = CollectionKind::from_byte(*kind)?;
        let name = std::str::from_utf8(name).ok()?;
        if item.collection != self.next_collection_id {
            return None;
        }
        self.next_collection_id = item.collection.checked_add(1)?;
        self.collections.insert(item.collection, Collection::new(kind, item.collection, name));
        Some(())
    }

    fn trim(&self, log: &Arc<LogData>, seq: u64) {
        let released = {
            let mut index = log.index.write();
            let range = index.first()..seq.max(index.first());
            let mut stretches = Vec::new();
            index.stretches(range.start, range.end, usize::MAX, &mut stretches);
            index.trim(seq);
            Released::Records(Arc::clone(log), stretches, range)
        };
        release::count(self.frames, vec![released]);
    }

    /// Points a key at its new frame. Hashes may be equal where keys are not: only then, or when the
    /// key is there already, frames are read.
    fn key(&self, map: &MapData, item: &Item<'_>, location: Location) -> Result<(), Error> {
        let is_put = item.kind == Kind::Put;
        let mut held = None;
        if map.index.matches(item.hash).iter().next().is_some() {
            let key = self.frames.with(location, |frame, _| frame.key().to_vec())?;
            held = resolve::held(self.frames, map, item.hash, &key)?;
        }
        if let Some(held) = held {
            self.frames.segments.at(held.location.slot)?.add_live(-(held.bytes as i64));
        }
        match (held, is_put) {
            (Some(held), true) => {
                map.index.replace(item.hash, held.location, location);
            }
            (Some(held), false) => {
                map.index.remove(item.hash, held.location);
            }
            (None, true) => map.index.insert(item.hash, location),
            (None, false) => {}
        }
        if map.index.wants_split() {
            let hash_at = |at| self.frames.with(at, |frame, _| self.hash.hash(frame.key()));
            // A frame that cannot be read leaves the map in one piece, and is told when it is read.
            let _ = map.index.split(hash_at);
        }
        Ok(())
    }

    /// The names, and the id that the next collection gets.
    pub(super) fn finish(mut self) -> (Names, u32) {
        self.set_live();
        let mut names = Names::default();
        for collection in self.collections.into_values() {
            names.insert(collection, self.hash);
        }
        (names, self.next_collection_id)
    }
}

fn append(log: &LogData, item: &Item<'_>, location: Location, adjacent: bool) -> Option<()> {
    let mut index = log.index.write();
    if index.next() != item.seq {
        return None;
    }
    index.push(location, padded(item.length as usize), adjacent);
    let payload_bytes = (item.length as usize).checked_sub(APPEND_HEAD_BYTES)?;
    log.add_bytes(&index, payload_bytes as i64);
    Some(())
}
