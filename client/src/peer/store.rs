//! What a participant keeps, in a store of the engine: one map for each space of a room.
//! Knows bytes; nothing of what they mean.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use syncline_engine::{Batch, Map, Position, Store as Engine};
use syncline_protocol::dialects::peer::store::{Change, Space, Store, StoreFailed};

/// The participant's side of one room in a store of the engine, which rooms and other clients share.
///
/// A change is one batch: all of it is there after a crash, or nothing.
#[derive(Debug)]
pub struct EngineStore {
    engine: Engine,
    /// One for each of [`Space::ALL`], in that order.
    maps: [Map; Space::ALL.len()],
    watermark: Watermark,
}

/// What of a room's changes is on the device. Clones are of the same room.
#[derive(Clone, Debug)]
pub(super) struct Watermark {
    engine: Engine,
    /// Where the last change ends.
    last: Arc<AtomicU64>,
}

impl Watermark {
    /// Where the last change ends, unless it is on the device already.
    pub(super) fn unsynced(&self) -> Option<Position> {
        let last = Position(self.last.load(Ordering::Acquire));
        (self.engine.durable() < last).then_some(last)
    }
}

impl EngineStore {
    /// The place of `room` in a store, made if there is none yet. `room` has at most 128 bytes.
    ///
    /// # Errors
    /// [`StoreFailed`] when the store takes no new collection.
    pub fn open(engine: &Engine, room: &str) -> Result<Self, StoreFailed> {
        let map = |space: Space| engine.map(&format!("peer/{room}/{}", space.name()));
        let [rows, keys, pins, frontier, invites, marks] = Space::ALL.map(map);
        let maps = [
            rows.map_err(failed)?,
            keys.map_err(failed)?,
            pins.map_err(failed)?,
            frontier.map_err(failed)?,
            invites.map_err(failed)?,
            marks.map_err(failed)?,
        ];
        // What another handle wrote a moment ago may not be durable yet.
        let last = Arc::new(AtomicU64::new(engine.appended().0));
        let watermark = Watermark { engine: engine.clone(), last };
        Ok(Self { engine: engine.clone(), maps, watermark })
    }

    pub(super) fn watermark(&self) -> Watermark {
        self.watermark.clone()
    }

    fn map(&self, space: Space) -> Result<&Map, StoreFailed> {
        let index = Space::ALL.iter().position(|known| *known == space);
        let map = index.and_then(|index| self.maps.get(index));
        map.ok_or_else(|| StoreFailed(format!("no space {}", space.name())))
    }
}

impl Store for EngineStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreFailed> {
        self.map(space)?.get(key).map_err(failed)
    }

    fn each(&self, space: Space, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), StoreFailed> {
        for entry in self.map(space)? {
            let (key, value) = entry.map_err(failed)?;
            each(&key, &value);
        }
        Ok(())
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<(), StoreFailed> {
        let mut batch = Batch::new();
        for Change { space, key, value } in &changes {
            let map = self.map(*space)?;
            match value {
                Some(value) => batch.put(map, key, value),
                None => batch.remove(map, key),
            };
        }
        if batch.is_empty() {
            return Ok(());
        }
        let position = self.engine.commit(batch).map_err(failed)?.position();
        self.watermark.last.store(position.0, Ordering::Release);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreFailed> {
        match self.watermark.unsynced() {
            Some(position) => self.engine.wait(position).map_err(failed),
            None => Ok(()),
        }
    }
}

fn failed(error: syncline_engine::Error) -> StoreFailed {
    StoreFailed(error.to_string())
}
