//! The collections of an open store: their ids, names and indexes.
//!
//! Knows indexes; nothing of frames, or of who changes them.

use hashbrown::HashTable;

use crate::{
    format::check::KeyHash,
    index::log::LogIndex,
    index::map::MapIndex,
    sync::{
        Arc, RwLock, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// What a collection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Records with consecutive sequence numbers.
    Log,
    /// Unordered keys with values.
    Map,
}

impl Kind {
    /// The byte that stands for it on disk.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Map => 2,
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Log),
            2 => Some(Self::Map),
            _ => None,
        }
    }
}

/// A log.
#[derive(Debug)]
pub(crate) struct LogData {
    pub(crate) index: RwLock<LogIndex>,
    bytes: AtomicU64,
    pub(crate) name: Box<str>,
    pub(crate) id: u32,
    pub(crate) dropped: AtomicBool,
}

impl LogData {
    /// The log with this index, whose records have so many payload bytes.
    pub(crate) fn new(id: u32, name: &str, index: LogIndex, payload_bytes: u64) -> Self {
        Self {
            index: RwLock::new(index),
            bytes: AtomicU64::new(payload_bytes),
            name: name.into(),
            id,
            dropped: AtomicBool::new(false),
        }
    }

    /// Payload bytes of the records kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts payload bytes that came, or with a minus went. The index lent is the proof that its
    /// write lock is held, which makes this a plain addition.
    pub(crate) fn add_bytes(&self, _locked: &RwLockWriteGuard<'_, LogIndex>, bytes: i64) {
        // What goes is counted by records' heads, which damage may have made larger than they were.
        self.bytes.store(self.bytes().saturating_add_signed(bytes), Ordering::Relaxed);
    }
}

/// A map.
#[derive(Debug)]
pub(crate) struct MapData {
    pub(crate) index: MapIndex,
    pub(crate) name: Box<str>,
    pub(crate) id: u32,
    pub(crate) dropped: AtomicBool,
}

impl MapData {
    /// The map with this index.
    pub(crate) fn new(id: u32, name: &str, index: MapIndex) -> Self {
        Self { index, name: name.into(), id, dropped: AtomicBool::new(false) }
    }
}

/// A log or a map.
#[derive(Clone, Debug)]
pub(crate) enum Collection {
    Log(Arc<LogData>),
    Map(Arc<MapData>),
}

impl Collection {
    pub(crate) fn new(kind: Kind, id: u32, name: &str) -> Self {
        match kind {
            Kind::Log => Self::Log(Arc::new(LogData::new(id, name, LogIndex::new(), 0))),
            Kind::Map => Self::Map(Arc::new(MapData::new(id, name, MapIndex::new()))),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Log(_) => Kind::Log,
            Self::Map(_) => Kind::Map,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Log(log) => &log.name,
            Self::Map(map) => &map.name,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        match self {
            Self::Log(log) => log.id,
            Self::Map(map) => map.id,
        }
    }

    pub(crate) fn dropped(&self) -> &AtomicBool {
        match self {
            Self::Log(log) => &log.dropped,
            Self::Map(map) => &map.dropped,
        }
    }

    /// Whether a batch that dropped it has its place.
    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped().load(Ordering::Acquire)
    }
}

/// The collections of a store by name. Logs and maps are apart only to save a word for each.
#[derive(Debug, Default)]
pub(crate) struct Names {
    logs: HashTable<Arc<LogData>>,
    maps: HashTable<Arc<MapData>>,
}

impl Names {
    pub(crate) fn find(&self, name: &str, hash: KeyHash) -> Option<Collection> {
        let key = hash.hash(name.as_bytes());
        let log = self.logs.find(key, |log| &*log.name == name).cloned().map(Collection::Log);
        log.or_else(|| self.maps.find(key, |map| &*map.name == name).cloned().map(Collection::Map))
            .filter(|found| !found.is_dropped())
    }

    pub(crate) fn insert(&mut self, collection: Collection, hash: KeyHash) {
        self.remove_dropped(collection.name(), hash);
        let key = hash.hash(collection.name().as_bytes());
        match collection {
            Collection::Log(log) => {
                self.logs.insert_unique(key, log, |log| hash.hash(log.name.as_bytes()));
            }
            Collection::Map(map) => {
                self.maps.insert_unique(key, map, |map| hash.hash(map.name.as_bytes()));
            }
        }
    }

    /// Forgets the collection of this name if it was dropped.
    pub(crate) fn remove_dropped(&mut self, name: &str, hash: KeyHash) {
        let key = hash.hash(name.as_bytes());
        let is_gone =
            |found: &str, dropped: &AtomicBool| found == name && dropped.load(Ordering::Acquire);
        if let Ok(entry) = self.logs.find_entry(key, |log| is_gone(&log.name, &log.dropped)) {
            entry.remove();
        }
        if let Ok(entry) = self.maps.find_entry(key, |map| is_gone(&map.name, &map.dropped)) {
            entry.remove();
        }
    }

    /// Every collection, in no order.
    pub(crate) fn all(&self) -> Vec<Collection> {
        let logs = self.logs.iter().cloned().map(Collection::Log);
        let maps = self.maps.iter().cloned().map(Collection::Map);
        logs.chain(maps).filter(|collection| !collection.is_dropped()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::Location;

    /// An `Arc`'s two counts.
    const COUNTS_BYTES: usize = 16;
    /// What a name costs in a hash table that has just doubled: a pointer and a byte for each slot,
    /// of which seven in sixteen are taken.
    const SLOT_BYTES: usize = (8 + 1) * 16 / 7;

    #[test]
    fn a_log_of_twenty_records_takes_less_than_300_bytes() {
        let name = "room-00042";
        let Collection::Log(log) = Collection::new(Kind::Log, 1, name) else { panic!("a log") };
        let mut index = log.index.write();
        for n in 0..20 {
            // Apart from each other, as when many logs take turns.
            index.push(Location { slot: 0, offset: 64 + n * 4096 }, 80, false);
        }
        let own = COUNTS_BYTES + size_of::<LogData>() + name.len() + SLOT_BYTES;
        let bytes = own + index.heap_bytes();
        assert!(bytes <= 300, "{bytes} bytes");
    }

    #[test]
    fn what_is_dropped_is_forgotten() {
        let disk = crate::storage::sim::SimDisk::new(1);
        let store = crate::Store::open_on(Arc::new(disk), crate::Options::default()).unwrap();
        for _ in 0..20 {
            let (log, map) = (store.log("log").unwrap(), store.map("map").unwrap());
            let mut batch = crate::Batch::new();
            batch.drop_log(&log);
            batch.drop_map(&map);
            store.commit(batch).unwrap();
        }
        let names = store.handle.names.read();
        assert_eq!((names.logs.len(), names.maps.len()), (0, 0));
    }

    #[test]
    fn a_dropped_name_is_free_and_a_kept_one_is_found() {
        let (hash, mut names) = (KeyHash::new(1), Names::default());
        let (old, kept) = (Collection::new(Kind::Log, 1, "a"), Collection::new(Kind::Map, 2, "b"));
        names.insert(old.clone(), hash);
        names.insert(kept, hash);
        assert_eq!(names.find("a", hash).unwrap().id(), 1);
        old.dropped().store(true, Ordering::Release);
        assert!(names.find("a", hash).is_none());
        names.insert(Collection::new(Kind::Map, 3, "a"), hash);
        assert_eq!(names.find("a", hash).unwrap().kind(), Kind::Map);
        assert_eq!(names.all().len(), 2);
    }
}
