//! Rebuilds collections and indexes from the tables of the segments, in their order.
//!
//! Knows tables and indexes; nothing of files. Payloads are read only to compare keys.

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
    sync::{Arc, atomic::Ordering},
    write::placing::Released,
    write::release,
};

/// What is rebuilt so far.
#[derive(Debug)]
pub(super) struct Applied<'a> {
    frames: &'a Frames,
    hash: KeyHash,
    /// Collections by id, from 1.
    collections: Vec<Collection>,
    /// Records seen.
    pub(super) records: u64,
}

impl<'a> Applied<'a> {
    pub(super) fn new(frames: &'a Frames, hash: KeyHash) -> Self {
        Self { frames, hash, collections: Vec::new(), records: 0 }
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
            if matches!(item.kind, Kind::Flush | Kind::Close) {
                before = None;
                continue;
            }
            let adjacent = before == Some((Kind::Append, item.collection));
            let kept = self.item(segment, &item, adjacent)?;
            live += if kept { padded(item.length as usize) as i64 } else { 0 };
            before = Some((item.kind, item.collection));
            self.records += 1;
        }
        segment.add_live(live);
        Ok(())
    }

    /// Applies one record; whether an index points at it now.
    fn item(&mut self, segment: &Segment, item: &Item<'_>, adjacent: bool) -> Result<bool, Error> {
        let bad = || segment.corrupt(item.offset);
        if u64::from(item.offset) >= SEGMENT_BYTES_MAX {
            return Err(bad());
        }
        if item.kind == Kind::Create {
            return self.create(item).map(|()| false).ok_or_else(bad);
        }
        let at = (item.collection as usize).checked_sub(1).ok_or_else(bad)?;
        let collection = self.collections.get(at).ok_or_else(bad)?.clone();
        if collection.is_dropped() {
            return Err(bad());
        }
        let location = Location { slot: segment.slot, offset: item.offset };
        match (&collection, item.kind) {
            (Collection::Log(log), Kind::Append) => {
                append(log, item, location, adjacent).ok_or_else(bad)?;
            }
            (Collection::Log(log), Kind::Trim) => {
                let in_range = item.seq <= log.index.read().next();
                in_range.then(|| self.trim(log, item.seq)).ok_or_else(bad)?;
            }
            (Collection::Log(log), Kind::Drop) => {
                let next = log.index.read().next();
                self.trim(log, next);
                log.dropped.store(true, Ordering::Release);
            }
            (Collection::Map(map), Kind::Put | Kind::Remove) => self.key(map, item, location)?,
            (Collection::Map(map), Kind::Drop) => {
                release::count(self.frames, vec![Released::Puts(map.index.take())]);
                map.dropped.store(true, Ordering::Release);
            }
            _ => return Err(bad()),
        }
        Ok(matches!(item.kind, Kind::Append | Kind::Put))
    }

    fn create(&mut self, item: &Item<'_>) -> Option<()> {
        let (kind, name) = item.fields.split_first()?;
        let kind = CollectionKind::from_byte(*kind)?;
        let name = std::str::from_utf8(name).ok()?;
        let is_next = item.collection as usize == self.collections.len() + 1;
        is_next.then(|| self.collections.push(Collection::new(kind, item.collection, name)))
    }

    fn trim(&self, log: &Arc<LogData>, seq: u64) {
        let released = {
            let mut index = log.index.write();
            let range = index.first()..seq;
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
            map.index.split(hash_at)?;
        }
        Ok(())
    }

    /// The names, and the id that the next collection gets.
    pub(super) fn finish(self) -> (Names, u32) {
        let mut names = Names::default();
        let next = self.collections.len() as u32 + 1;
        for collection in self.collections {
            if !collection.is_dropped() {
                names.insert(collection, self.hash);
            }
        }
        (names, next)
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
