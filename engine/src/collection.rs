//! The collections of an open store: their ids, names and indexes.
//!
//! Knows indexes; nothing of frames, or of who changes them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use hashbrown::HashTable;
use parking_lot::{RwLock, RwLockWriteGuard};

use crate::{format::check::KeyHash, index::log::LogIndex, index::map::MapIndex};

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
    /// Payload bytes of the records kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts payload bytes that came, or with a minus went. The index lent is the proof that its
    /// write lock is held, which makes this a plain addition.
    pub(crate) fn add_bytes(&self, _locked: &RwLockWriteGuard<'_, LogIndex>, bytes: i64) {
        self.bytes.store(self.bytes().wrapping_add_signed(bytes), Ordering::Relaxed);
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

/// A log or a map.
#[derive(Clone, Debug)]
pub(crate) enum Collection {
    Log(Arc<LogData>),
    Map(Arc<MapData>),
}

impl Collection {
    pub(crate) fn new(kind: Kind, id: u32, name: &str) -> Self {
        let (name, dropped) = (Box::from(name), AtomicBool::new(false));
        match kind {
            Kind::Log => {
                let (index, bytes) = (RwLock::new(LogIndex::new()), AtomicU64::new(0));
                Self::Log(Arc::new(LogData { index, bytes, name, id, dropped }))
            }
            Kind::Map => Self::Map(Arc::new(MapData { index: MapIndex::new(), name, id, dropped })),
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
