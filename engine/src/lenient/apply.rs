//! Builds collections and indexes from a history with holes.
//!
//! A record that is lost still has its place in a log's index: it points at the damage, so that reading
//! it is an error and not an end. Knows tables and indexes; nothing of files.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::Arc,
};

use crate::{
    collection::{Collection, LogData, MapData, Names},
    error::Error,
    format::{
        check::KeyHash,
        frame::{APPEND_HEAD_BYTES, Kind, padded},
        header::HEADER_BYTES,
        table::Item,
    },
    index::log::LogIndex,
    lenient::files::Placed,
    location::Location,
    options::SEGMENT_BYTES_MAX,
    segment::frames::Frames,
    survey::{
        Survey,
        damage::Damage,
        ledger::{Known, Ledger, Step},
        replay::{Event, placed},
    },
    write::placing::Released,
    write::release,
};

/// What came of a history.
#[derive(Debug)]
pub(super) struct Indexed {
    pub(super) names: Names,
    pub(super) next_collection_id: u32,
    /// The damages, with what they took.
    pub(super) damages: Vec<Damage>,
    /// Records seen, damaged ones included.
    pub(super) records: u64,
    /// A frame that had to be read is damaged, and was not known to be.
    pub(super) met_damage: bool,
}

/// Goes through history twice: to know what is there in the end, and to index that.
///
/// # Errors
/// Those of the indexes.
pub(super) fn index(placed: &Placed, survey: &Survey) -> Result<Indexed, Error> {
    let image = survey.image();
    let mut ledger = Ledger::new(survey.damages.clone(), image);
    survey.replay(|event| {
        follow(&mut ledger, survey, &event);
        Ok(())
    })?;
    let (known, damages) = ledger.finish();
    let mut applied = Applied::new(placed, survey, &known);
    let mut ledger = Ledger::new(survey.damages.clone(), image);
    survey.replay(|event| {
        let step = follow(&mut ledger, survey, &event);
        applied.take(&event, step)
    })?;
    let mut names = Names::default();
    for collection in std::mem::take(&mut applied.collections).into_values() {
        names.insert(collection, applied.hash);
    }
    let next_collection_id = known.last().map_or(1, |(id, ..)| id + 1);
    let (records, met_damage) = (applied.records, applied.met_damage.get());
    Ok(Indexed { names, next_collection_id, damages, records, met_damage })
}

/// What is built so far.
struct Applied<'a> {
    frames: &'a Frames,
    slots: &'a [u16],
    survey: &'a Survey,
    hash: KeyHash,
    /// Those that are there in the end, by id.
    collections: BTreeMap<u32, Collection>,
    /// Hashes of the keys of damaged frames, as their tables tell them.
    told: HashMap<u64, u64>,
    /// The last place behind which something unknown may be missing.
    hole: Location,
    records: u64,
    met_damage: Cell<bool>,
}

impl<'a> Applied<'a> {
    fn new(placed: &'a Placed, survey: &'a Survey, known: &[(u32, String, Known)]) -> Self {
        let mut collections = BTreeMap::new();
        let imaged = survey.image().map_or(&[][..], |image| &image.collections);
        let imaged: HashMap<u32, &Collection> = imaged.iter().map(|one| (one.id(), one)).collect();
        for (id, name, known) in known {
            if let Some(imaged) = imaged.get(id) {
                collections.insert(*id, Collection::clone(imaged));
                continue;
            }
            let collection = Collection::new(known.kind, *id, name);
            if let Collection::Log(log) = &collection {
                *log.index.write() = LogIndex::starting_at(known.first);
            }
            collections.insert(*id, collection);
        }
        Self {
            frames: &placed.frames,
            slots: &placed.slots,
            survey,
            hash: KeyHash::new(survey.store_id),
            collections,
            told: HashMap::new(),
            hole: Location { slot: 0, offset: HEADER_BYTES as u32 },
            records: 0,
            met_damage: Cell::new(false),
        }
    }

    /// The location of an offset, or the nearest that can be one.
    fn location(&self, nth: usize, offset: u64) -> Location {
        let offset = offset.clamp(HEADER_BYTES as u64, SEGMENT_BYTES_MAX - 8) & !7;
        Location { slot: self.slots[nth], offset: offset as u32 }
    }

    fn take(&mut self, event: &Event<'_>, step: Step) -> Result<(), Error> {
        match event {
            Event::Hole { nth, offset, .. } => self.hole = self.location(*nth, *offset),
            Event::Frame { nth, item, damage, adjacent, .. } => {
                self.records += 1;
                let Step::Take(gap) = step else { return Ok(()) };
                let Some(collection) = self.collections.get(&item.collection).cloned() else {
                    return Ok(());
                };
                let at = self.location(*nth, item.offset.into());
                if damage.is_some() {
                    self.told.insert(at.pack(), item.hash);
                }
                match collection {
                    Collection::Log(log) => {
                        self.log(&log, item, gap, at, *adjacent, damage.is_some());
                    }
                    Collection::Map(map) => self.map(&map, item, at)?,
                }
            }
        }
        Ok(())
    }

    fn log(
        &self,
        log: &Arc<LogData>,
        item: &Item<'_>,
        gap: Range<u64>,
        at: Location,
        adjacent: bool,
        is_damaged: bool,
    ) {
        let mut index = log.index.write();
        for seq in gap {
            if seq >= index.next() {
                index.push_apart(self.hole);
            }
        }
        if item.kind == Kind::Trim {
            drop(index);
            return self.trim(log, item.seq);
        }
        if item.kind != Kind::Append || item.seq < index.next() {
            return;
        }
        if is_damaged {
            return index.push_apart(at);
        }
        let length = item.length as usize;
        index.push(at, padded(length), adjacent);
        log.add_bytes(&index, length.saturating_sub(APPEND_HEAD_BYTES) as i64);
        drop(index);
        self.count(at, length, 1);
    }

    fn trim(&self, log: &Arc<LogData>, seq: u64) {
        let released = {
            let mut index = log.index.write();
            let range = index.first()..seq.min(index.next());
            if range.is_empty() {
                return;
            }
            let mut stretches = Vec::new();
            index.stretches(range.start, range.end, usize::MAX, &mut stretches);
            index.trim(range.end);
            Released::Records(Arc::clone(log), stretches, range)
        };
        release::count(self.frames, vec![released]);
    }

    /// Counts bytes that an index points at, or with a minus does not any more.
    fn count(&self, at: Location, length: usize, sign: i64) {
        if let Ok(segment) = self.frames.segments.at(at.slot) {
            segment.add_live(sign * padded(length) as i64);
        }
    }

    fn map(&self, map: &MapData, item: &Item<'_>, at: Location) -> Result<(), Error> {
        let is_put = match item.kind {
            Kind::Put => true,
            Kind::Remove => false,
            _ => return Ok(()),
        };
        let candidates = map.index.matches(item.hash);
        let held = candidates.iter().find(|held| self.is_same_key(*held, at, item.hash));
        match (held, is_put) {
            (Some(held), true) => drop(map.index.replace(item.hash, held, at)),
            (Some(held), false) => drop(map.index.remove(item.hash, held)),
            (None, true) => map.index.insert(item.hash, at),
            (None, false) => {}
        }
        if let Some(held) = held {
            let length = self.frames.with(held, |frame, _| frame.length).unwrap_or(0);
            self.count(held, length, -1);
        }
        if is_put {
            self.count(at, item.length as usize, 1);
        }
        if map.index.wants_split() {
            map.index.split(|at| Ok::<_, Error>(self.hash_at(at)))?;
        }
        Ok(())
    }

    /// Whether two frames have the same key. A damaged one has that of the hash which its table tells.
    fn is_same_key(&self, one: Location, other: Location, hash: u64) -> bool {
        let key = |at: Location| {
            if self.told.contains_key(&at.pack()) {
                return None;
            }
            let key = self.frames.with(at, |frame, _| frame.key().to_vec());
            self.met_damage.set(self.met_damage.get() | key.is_err());
            key.ok()
        };
        match (key(one), key(other)) {
            (Some(one), Some(other)) => one == other,
            _ => self.hash_at(one) == hash,
        }
    }

    /// The hash of the key at a location, by the frame or by its table.
    fn hash_at(&self, at: Location) -> u64 {
        if let Some(hash) = self.told.get(&at.pack()) {
            return *hash;
        }
        if let Ok(hash) = self.frames.with(at, |frame, _| self.hash.hash(frame.key())) {
            return hash;
        }
        let nth = self.slots.iter().position(|slot| *slot == at.slot);
        let segment = nth.and_then(|nth| self.survey.segments.get(nth));
        let stretches = segment.into_iter().flat_map(|segment| &segment.looked.stretches);
        let mut items = stretches.flat_map(|one| placed(one.table.items(), one.start));
        items.find(|item| item.offset == at.offset).map_or(0, |item| item.hash)
    }
}

/// Follows one event; what to do with it.
fn follow(ledger: &mut Ledger, survey: &Survey, event: &Event<'_>) -> Step {
    match event {
        Event::Hole { damage, .. } => {
            ledger.hole(*damage);
            Step::Skip
        }
        Event::Frame { nth, item, damage, is_imaged, .. } => {
            let entry = &survey.segments[*nth].entry;
            ledger.take(item, *damage, *is_imaged, (&entry.name, entry.id))
        }
    }
}
