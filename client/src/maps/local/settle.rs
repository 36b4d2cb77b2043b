//! What the server makes of own writes: they are settled, taken back, or stamped anew.
//! Knows the oplog; nothing of messages.

use std::collections::BTreeMap;

use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Clock, Hlc, Path, Record},
};

use super::{
    Local,
    oplog::{Own, State},
    turn::{Edit, Fate, OwnFate, Turn},
    write::CEILING_STEP_MS,
};
use crate::{
    kept::StateError,
    maps::{
        replica::{How, MapName, Settled},
        watch::{Cause, Name},
    },
};

impl Local {
    pub(super) fn settled(&mut self, name: &str, settled: &[Settled]) -> Result<(), StateError> {
        let Some(map) = self.maps.get_mut(name) else { return Ok(()) };
        let mut edits = BTreeMap::new();
        for Settled { path, hlc, how } in settled {
            let Some(own) = map.oplog.get(*path).filter(|own| own.is(hlc)) else { continue };
            let (order, stamp) = (own.order, own.stamp);
            // What was sent twice may be answered twice.
            if matches!(own.state, State::Rejected(_)) && *how != How::Durable {
                continue;
            }
            let own = match how {
                How::Durable => OwnFate::Goes,
                How::Rejected(code) => OwnFate::Is { order, state: State::Rejected(*code as i32) },
                // The store need not know: another connection doubts it anyway.
                How::InMemory => {
                    self.seen = self.seen.max(stamp);
                    map.oplog.set_in_memory(*path);
                    continue;
                }
            };
            if matches!(how, How::Durable) {
                self.seen = self.seen.max(stamp);
            }
            edits.insert(*path, Edit::of_own(*path, own));
        }
        let edits = edits.into_values().collect();
        self.take(name, Turn { edits, ..Turn::default() }).map(drop)
    }

    pub(super) fn confirmed(&mut self, name: &str) -> Result<(), StateError> {
        let Some(map) = self.maps.get(name) else { return Ok(()) };
        let gone = |path| Edit::of_own(path, OwnFate::Goes);
        let edits = map.oplog.in_memory().map(gone).collect();
        self.take(name, Turn { edits, ..Turn::default() }).map(drop)
    }

    pub(super) fn reverted(
        &mut self,
        name: &str,
        key: &str,
        server: Option<Record>,
    ) -> Result<(), StateError> {
        let (Some(map), path) = (self.maps.get(name), Path::of(key)) else { return Ok(()) };
        let is_rejected = |own: &Own| matches!(own.state, State::Rejected(_));
        if !map.oplog.get(path).is_some_and(is_rejected) {
            return Ok(());
        }
        let old = map.read(path)?;
        let kept = server.filter(|record| {
            *record.key == *key && !map.is_below_watermark(record.kind, &record.hlc)
        });
        let fate = kept.map_or(Fate::Goes, Fate::Becomes);
        let edit = Edit { path, old, fate, own: OwnFate::Goes, cause: Some(Cause::Reverted) };
        self.take(name, Turn { edits: vec![edit], ..Turn::default() }).map(drop)
    }

    pub(super) fn restamped(
        &mut self,
        refused: &[(MapName, Path, Hlc)],
        server: &Hlc,
        above_ms: u64,
        wall: UnixMillis,
    ) -> Result<(), StateError> {
        let found = self.to_restamp(refused);
        if found.is_empty() {
            return Ok(());
        }
        self.wind_back(&found, server, above_ms);
        for (name, turns) in found {
            let mut edits = Vec::with_capacity(turns.len());
            for (_, path) in turns {
                let Some(old) = self.maps.get(&name).map(|map| map.read(path)).transpose()? else {
                    continue;
                };
                let Some(record) = old.clone() else { continue };
                let hlc = self.clock.now(self.wall.corrected(wall));
                let own = OwnFate::Is { order: self.next_order(), state: State::Waiting };
                let fate = Fate::Becomes(Record { hlc, ..record });
                edits.push(Edit { path, old, fate, own, cause: None });
            }
            // Kept with the records, since it may be lower than what was kept.
            let ceiling = Some(self.clock.last().millis + CEILING_STEP_MS);
            self.take(&name, Turn { edits, ceiling, progress: None })?;
        }
        Ok(())
    }

    /// Which of the writes are still pending, in their order in each map.
    fn to_restamp(&self, refused: &[(MapName, Path, Hlc)]) -> BTreeMap<Name, BTreeMap<u64, Path>> {
        let mut found: BTreeMap<Name, BTreeMap<u64, Path>> = BTreeMap::new();
        for (name, path, hlc) in refused {
            let own = self.maps.get(name).and_then(|map| map.oplog.get(*path));
            if let Some(own) = own.filter(|own| own.is(hlc)) {
                found.entry(name.clone()).or_default().insert(own.order, *path);
            }
        }
        found
    }

    /// Takes the clock back, but not below what others may have seen of this node.
    fn wind_back(
        &mut self,
        found: &BTreeMap<Name, BTreeMap<u64, Path>>,
        server: &Hlc,
        above_ms: u64,
    ) {
        let mut floor = self.seen.max((server.millis, server.counter));
        for (name, map) in &self.maps {
            let restamped = found.get(name);
            let is_restamped = |order| restamped.is_some_and(|turns| turns.contains_key(&order));
            for (_, own) in map.oplog.after(0) {
                if own.stamp.0 <= above_ms && !is_restamped(own.order) {
                    floor = floor.max(own.stamp);
                }
            }
        }
        let (millis, counter) = floor;
        let node = self.clock.last().node.clone();
        self.clock = Clock::resume(node.clone(), Hlc { millis, counter, node });
    }
}
