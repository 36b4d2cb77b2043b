//! What a client keeps, in a store of the engine: records, own writes that wait for the server, how
//! far each map is. A step is one batch. Knows no connection.
//!
//! Values stay in the store. In memory are a hash of each record, and what waits.

mod forms;
mod load;
mod mapped;
mod merge;
mod oplog;
mod replica;
mod settle;
mod turn;
mod write;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use syncline_engine::{Map, Position, Store};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Clock, Kind, Path, Record},
};

pub(super) use mapped::Mapped;
pub(super) use write::{NotWritten, Write, Written};

use super::{
    clock::WallClock,
    watch::{Event, Name},
};
use crate::kept::StateError;

/// The wall clock, less what it is known to be ahead of the server's. Clones share that.
#[derive(Clone, Debug)]
pub(super) struct Wall {
    clock: WallClock,
    ahead_ms: Arc<AtomicU64>,
}

impl Wall {
    pub(super) fn new(clock: WallClock) -> Self {
        Self { clock, ahead_ms: Arc::default() }
    }

    /// The time of the device, right or wrong.
    pub(super) fn raw(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The time as far as it is known.
    pub(super) fn now(&self) -> UnixMillis {
        self.corrected(self.raw())
    }

    fn correct(&self, ahead_ms: u64) {
        self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
    }

    fn corrected(&self, raw: UnixMillis) -> UnixMillis {
        UnixMillis(raw.0.saturating_sub(self.ahead_ms.load(Ordering::Relaxed)))
    }
}

/// Everything of one store.
#[derive(Debug)]
pub(super) struct Local {
    store: Store,
    meta: Map,
    clock: Clock,
    /// The clock gives nothing from this on, in milliseconds, before a higher one is kept.
    ceiling: u64,
    /// The highest timestamp of this node that a server is known to have.
    seen: (u64, u32),
    wall: Wall,
    maps: BTreeMap<Name, Mapped>,
    last_order: u64,
    /// Where the last batch ends.
    last: Position,
    /// Whether anybody wants to be told.
    listened: bool,
    told: Vec<Event>,
    /// Own writes that are not durable yet: where their batch ends, their map, their bytes.
    fresh: VecDeque<(Position, Name, usize)>,
}

impl Local {
    /// Adds a map that was loaded.
    pub(super) fn open(&mut self, map: Mapped) {
        self.last_order = self.last_order.max(map.oplog.last_order());
        self.seen = self.seen.max(map.seen);
        // It may have been closed a moment ago.
        if map.oplog.len() > 0 && self.store.durable() < map.read_at {
            self.last = self.last.max(map.read_at);
            self.fresh.push_back((self.last, map.name.clone(), 0));
        }
        self.maps.entry(map.name.clone()).or_insert(map);
    }

    /// Forgets a map; what is in the store stays.
    pub(super) fn close(&mut self, map: &str) {
        self.maps.remove(map);
    }

    pub(super) fn wall(&self) -> &Wall {
        &self.wall
    }

    /// Whether own writes are not known to be durable. What came from the server need not be: it
    /// says it again.
    pub(super) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// The end of the last batch, if it is not durable yet.
    pub(super) fn unsynced(&self) -> Option<Position> {
        (self.store.durable() < self.last).then_some(self.last)
    }

    /// Own writes that have become durable since this was last asked: of which map, how many, how
    /// many bytes.
    pub(super) fn became_durable(&mut self) -> BTreeMap<Name, (usize, usize)> {
        let durable = self.store.durable();
        let mut found: BTreeMap<Name, (usize, usize)> = BTreeMap::new();
        let count = self.fresh.partition_point(|(at, ..)| *at <= durable);
        for (_, map, bytes) in self.fresh.drain(..count) {
            let sum = found.entry(map).or_default();
            *sum = (sum.0 + 1, sum.1 + bytes);
        }
        found
    }

    /// Own writes that the server has not answered.
    pub(super) fn unanswered(&self) -> usize {
        self.maps.values().map(|map| map.oplog.unanswered()).sum()
    }

    /// Whether what happens is to be [told](Self::told).
    pub(super) fn listen(&mut self, listened: bool) {
        self.listened = listened;
    }

    /// What has happened since this was last asked.
    pub(super) fn told(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.told)
    }
}

/// The value that a record shows.
fn visible(record: &Record, now: UnixMillis) -> Option<Bytes> {
    (record.kind == Kind::Put && !record.is_expired(now)).then(|| record.value.clone())
}

/// The value of a key. Wants no lock.
pub(super) fn get(records: &Map, key: &str, now: UnixMillis) -> Result<Option<Bytes>, StateError> {
    let record = mapped::read(records, Path::of(key))?;
    Ok(record.filter(|record| *record.key == *key).and_then(|record| visible(&record, now)))
}

/// Every key that has a value, in no order. Wants no lock.
pub(super) fn entries(
    records: &Map,
    now: UnixMillis,
) -> impl Iterator<Item = Result<(Box<str>, Bytes), StateError>> + use<> {
    records.iter().filter_map(move |entry| {
        let record = entry.map_err(StateError::from).and_then(|(_, bytes)| mapped::decode(bytes));
        match record {
            Ok(record) => visible(&record, now).map(|value| Ok((record.key, value))),
            Err(error) => Some(Err(error)),
        }
    })
}

#[cfg(test)]
mod tests;
