//! The reconciler's view of the store. Knows which step is where.

use bytes::Bytes;
use prost::Message as _;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Hlc, Index, NodeId, Path, Record},
};

use super::{Local, oplog::State};
use crate::{
    kept::StateError,
    maps::replica::{Bounds, MapName, Mark, Pending, Replica, Settled},
};

impl Replica for Local {
    fn node(&self) -> &NodeId {
        self.node_id()
    }

    fn maps(&self) -> Vec<MapName> {
        self.maps.keys().cloned().collect()
    }

    fn index(&self, map: &str) -> Option<&Index> {
        self.maps.get(map).map(|map| &map.index)
    }

    fn record(&self, map: &str, path: Path) -> Result<Option<Record>, StateError> {
        self.maps.get(map).map_or(Ok(None), |map| map.read(path))
    }

    fn durable(&self, map: &str, path: Path) -> Result<Option<Record>, StateError> {
        let own = self.maps.get(map).and_then(|map| map.oplog.get(path));
        let is_fresh = own.is_some_and(|own| own.position > self.store.durable());
        if is_fresh { Ok(None) } else { self.record(map, path) }
    }

    fn cursor(&self, map: &str) -> Option<Bytes> {
        self.maps.get(map)?.progress.cursor.clone()
    }

    fn watermark(&self, map: &str) -> Option<Hlc> {
        self.maps.get(map)?.progress.watermark.clone()
    }

    fn replacing(&self, map: &str) -> bool {
        self.maps.get(map).is_some_and(|map| map.progress.replacing)
    }

    fn pending(&self, name: &str, after: u64, bounds: Bounds) -> Result<Vec<Pending>, StateError> {
        let Some(map) = self.maps.get(name) else { return Ok(Vec::new()) };
        let durable = self.store.durable();
        let (mut found, mut bytes) = (Vec::new(), 0);
        for (path, own) in map.oplog.after(after) {
            if own.position > durable {
                break;
            }
            if own.state != State::Waiting {
                continue;
            }
            let Some(record) = map.read(path)? else { continue };
            let (hlc, op) = (record.hlc.clone(), record.to_op(name));
            bytes += op.encoded_len();
            if found.len() >= bounds.ops_max || (bytes > bounds.bytes_max && !found.is_empty()) {
                break;
            }
            found.push(Pending { order: own.order, path, hlc, op });
        }
        Ok(found)
    }

    fn unanswered(&self, map: &str) -> usize {
        self.maps.get(map).map_or(0, |map| map.oplog.unanswered())
    }

    fn rejected(&self, name: &str, keys_max: usize) -> Vec<Box<str>> {
        let Some(map) = self.maps.get(name) else { return Vec::new() };
        let records = map.oplog.rejected().filter_map(|path| map.read(path).ok().flatten());
        records.map(|record| record.key).take(keys_max).collect()
    }

    fn settle(&mut self, map: &str, settled: &[Settled]) -> Result<(), StateError> {
        self.settled(map, settled)
    }

    fn confirm(&mut self, map: &str) -> Result<(), StateError> {
        self.confirmed(map)
    }

    fn doubt(&mut self) {
        self.maps.values_mut().for_each(|map| map.oplog.doubt());
    }

    fn merge(&mut self, map: &str, records: Vec<Record>, mark: Mark) -> Result<(), StateError> {
        self.merged(map, records, mark)
    }

    fn begin_replace(&mut self, map: &str) -> Result<(), StateError> {
        self.replace_begun(map)
    }

    fn end_replace(&mut self, map: &str, mark: Mark) -> Result<(), StateError> {
        self.replace_ended(map, mark)
    }

    fn revert(&mut self, map: &str, key: &str, server: Option<Record>) -> Result<(), StateError> {
        self.reverted(map, key, server)
    }

    fn forget(&mut self, map: &str, paths: &[Path]) -> Result<(), StateError> {
        self.dropped(map, paths)
    }

    fn observe(&mut self, seen: &Hlc, wall: UnixMillis) {
        self.clock.update(seen, self.wall.corrected(wall));
    }

    fn correct_wall(&mut self, ahead_ms: u64) {
        self.wall.correct(ahead_ms);
    }

    fn restamp(
        &mut self,
        refused: &[(MapName, Path, Hlc)],
        server: &Hlc,
        above_ms: u64,
        wall: UnixMillis,
    ) -> Result<(), StateError> {
        self.restamped(refused, server, above_ms, wall)
    }
}
