//! Writes of the application: stamped, put beside what is to be sent, and seen at once.
//! Knows limits and stamps; nothing of what a server makes of them.

use bytes::Bytes;
use syncline_engine::Position;
use syncline_protocol::dialects::maps::{Hlc, Kind, Path, Record};

use super::{
    Local,
    oplog::State,
    turn::{Edit, Fate, OwnFate, Turn},
};
use crate::{
    kept::StateError,
    maps::watch::{Cause, Event},
};

/// How far the clock may go before that is kept again, in milliseconds. After a crash it goes on as
/// much later at most.
pub(super) const CEILING_STEP_MS: u64 = 1000;

/// What is to become of a key.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// It gets a value, for so many milliseconds, or for ever when 0.
    Put {
        value: Bytes,
        ttl_ms: u64,
    },
    Remove,
}

/// A write that is in the store.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) hlc: Hlc,
    /// It is durable when the store is so far.
    pub(crate) position: Position,
}

/// Why a write is not in the store.
#[derive(Debug)]
pub(crate) enum NotWritten {
    /// As many keys wait for the server as may.
    Full,
    /// The map is not open.
    Closed,
    State(StateError),
}

impl From<StateError> for NotWritten {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl Local {
    /// Writes a key of an open map. The caller has checked the sizes.
    pub(crate) fn write(
        &mut self,
        map: &str,
        key: &str,
        write: Write,
        pending_max: usize,
    ) -> Result<Written, NotWritten> {
        let (path, now) = (Path::of(key), self.wall.now());
        let Some(mapped) = self.maps.get(map) else {
            return Err(NotWritten::Closed);
        };
        let waiting: usize = self.maps.values().map(|map| map.oplog.len()).sum();
        if waiting >= pending_max && mapped.oplog.get(path).is_none() {
            return Err(NotWritten::Full);
        }
        let old = mapped.read(path)?;
        if old.as_ref().is_some_and(|old| *old.key != *key) {
            return Err(StateError::new("two keys have one path").into());
        }
        // Who writes has seen what is there, whatever his clock says.
        if let Some(old) = old.as_ref().filter(|old| old.hlc >= *self.clock.last()) {
            self.clock.update(&old.hlc, now);
        }
        let hlc = self.clock.now(now);
        let (kind, value, ttl_ms) = match write {
            Write::Put { value, ttl_ms } => (Kind::Put, value, ttl_ms),
            Write::Remove => (Kind::Remove, Bytes::new(), 0),
        };
        let record = Record { key: key.into(), kind, hlc: hlc.clone(), ttl_ms, value };
        let own = OwnFate::Is { order: self.next_order(), state: State::Waiting };
        let (fate, cause) = (Fate::Becomes(record), Some(Cause::Local));
        let edits = vec![Edit { path, old, fate, own, cause }];
        let ceiling = (hlc.millis >= self.ceiling).then_some(hlc.millis + CEILING_STEP_MS);
        let position = self.take(map, Turn { edits, ceiling, progress: None })?;
        Ok(Written { hlc, position })
    }

    pub(super) fn next_order(&mut self) -> u64 {
        self.last_order += 1;
        self.last_order
    }

    /// Ends the lives that are over: nothing changes in the store, but what shows does.
    pub(crate) fn expire(&mut self) {
        let now = self.wall.now();
        for map in self.maps.values_mut() {
            while let Some(&(end, path)) = map.ends.first().filter(|(end, _)| *end < now.0) {
                map.ends.remove(&(end, path));
                if !self.listened {
                    continue;
                }
                match map.read(path) {
                    Ok(Some(record)) => {
                        self.told.push(Event::expired(&map.name, &record.key, record.value));
                    }
                    Ok(None) => {}
                    Err(error) => self.told.push(Event::StateFailed(error)),
                }
            }
        }
    }

    /// When the next life ends, in milliseconds since the Unix epoch.
    pub(crate) fn next_end(&self) -> Option<u64> {
        self.maps.values().filter_map(|map| Some(map.ends.first()?.0)).min()
    }
}
