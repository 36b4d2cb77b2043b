//! A replica in plain memory: what a store would keep, without one. A kill loses nothing but what a
//! store would not keep.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{
        Clock, Entry, Hlc, Index, Kind, NodeId, Path, Record, fingerprint, hash_of,
        proto::ErrorCode,
    },
};

use crate::{
    kept::StateError,
    maps::replica::{Bounds, How, MapName, Mark, Pending, Replica, Settled},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Offered,
    InMemory,
    Rejected,
}

#[derive(Clone, Debug)]
struct Waiting {
    order: u64,
    path: Path,
    hlc: Hlc,
    state: State,
}

/// One map.
#[derive(Clone, Debug, Default)]
struct Kept {
    records: BTreeMap<Path, Record>,
    index: Index,
    waiting: BTreeMap<Path, Waiting>,
    cursor: Option<Bytes>,
    watermark: Option<Hlc>,
    replacing: bool,
    came: BTreeSet<Path>,
}

impl Kept {
    fn set(&mut self, record: Record) {
        let path = Path::of(&record.key);
        let old = |watermark: &Hlc| record.hlc < *watermark;
        let counted = record.kind == Kind::Put || !self.watermark.as_ref().is_some_and(old);
        self.index.insert(Entry { path, leaf: hash_of(&record), seq: 0, counted });
        self.records.insert(path, record);
    }

    fn remove(&mut self, path: Path) {
        self.index.remove(path);
        self.records.remove(&path);
    }

    fn merge(&mut self, record: Record) {
        let path = Path::of(&record.key);
        self.came.insert(path);
        let order = self.records.get(&path).map(|ours| record.compare(ours));
        if order.is_none_or(std::cmp::Ordering::is_ge) {
            self.waiting.remove(&path);
            self.set(record);
        }
    }

    fn mark(&mut self, mark: Mark) {
        if mark.watermark > self.watermark {
            self.watermark = mark.watermark;
            for record in self.records.values().cloned().collect::<Vec<_>>() {
                self.set(record);
            }
        }
        if mark.cursor.is_some() {
            self.cursor = mark.cursor;
        }
    }
}

/// A replica in plain memory.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    node: NodeId,
    clock: Clock,
    wall_ahead_ms: u64,
    order: u64,
    maps: BTreeMap<MapName, Kept>,
    /// Writes that were refused for good.
    pub(super) refused: Vec<(String, ErrorCode)>,
}

impl Memory {
    pub(super) fn new(node: &str, maps: &[&str]) -> Self {
        let node = NodeId::new(node).unwrap();
        Self {
            clock: Clock::new(node.clone()),
            node,
            wall_ahead_ms: 0,
            order: 0,
            maps: maps.iter().map(|map| (MapName::from(*map), Kept::default())).collect(),
            refused: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, map: &str) {
        self.maps.entry(map.into()).or_default();
    }

    fn kept(&mut self, map: &str) -> &mut Kept {
        self.maps.get_mut(map).unwrap()
    }

    fn stamp(&mut self, map: &str, path: Path, wall: UnixMillis) -> Hlc {
        let wall = UnixMillis(wall.0.saturating_sub(self.wall_ahead_ms));
        let hlc = self.clock.now(wall);
        match self.maps[map].records.get(&path) {
            Some(record) if record.hlc >= hlc => self.clock.update(&record.hlc.clone(), wall),
            _ => hlc,
        }
    }

    /// A write of the application; a removal without a value.
    pub(super) fn write(&mut self, map: &str, key: &str, value: Option<&str>, wall: u64) -> Hlc {
        let path = Path::of(key);
        let hlc = self.stamp(map, path, UnixMillis(wall));
        let kind = if value.is_some() { Kind::Put } else { Kind::Remove };
        let value = Bytes::copy_from_slice(value.unwrap_or_default().as_bytes());
        let record = Record { key: key.into(), kind, hlc: hlc.clone(), ttl_ms: 0, value };
        self.waits(map, record);
        hlc
    }

    fn waits(&mut self, map: &str, record: Record) {
        self.order += 1;
        let (order, path, hlc) = (self.order, Path::of(&record.key), record.hlc.clone());
        let waiting = Waiting { order, path, hlc, state: State::Offered };
        let kept = self.kept(map);
        kept.waiting.insert(path, waiting);
        kept.set(record);
    }

    /// Puts a record here as if it had come from the server.
    pub(super) fn plant(&mut self, map: &str, record: Record) {
        self.kept(map).merge(record);
    }

    /// Loses a record, as a damaged disk would.
    pub(super) fn lose(&mut self, map: &str, key: &str) {
        self.kept(map).remove(Path::of(key));
    }

    /// The process is killed and started again.
    pub(super) fn restart(&mut self) {
        self.doubt();
        self.maps.values_mut().for_each(|kept| kept.came.clear());
        self.wall_ahead_ms = 0;
    }

    pub(super) fn root(&self, map: &str) -> [u8; 16] {
        fingerprint(&self.maps[map].index.root())
    }

    /// The values of a map by their keys.
    pub(super) fn values(&self, map: &str) -> BTreeMap<String, String> {
        let puts = self.maps[map].records.values().filter(|record| record.kind == Kind::Put);
        let text = |record: &Record| String::from_utf8_lossy(&record.value).into_owned();
        puts.map(|record| (record.key.to_string(), text(record))).collect()
    }

    pub(super) fn get(&self, map: &str, key: &str) -> Option<&Record> {
        self.maps[map].records.get(&Path::of(key))
    }

    /// How many writes the server is not known to keep.
    pub(super) fn pending_len(&self) -> usize {
        self.maps.values().map(|kept| kept.waiting.len()).sum()
    }
}

impl Replica for Memory {
    fn node(&self) -> &NodeId {
        &self.node
    }

    fn maps(&self) -> Vec<MapName> {
        self.maps.keys().cloned().collect()
    }

    fn index(&self, map: &str) -> Option<&Index> {
        self.maps.get(map).map(|kept| &kept.index)
    }

    fn record(&self, map: &str, path: Path) -> Result<Option<Record>, StateError> {
        Ok(self.maps.get(map).and_then(|kept| kept.records.get(&path)).cloned())
    }

    fn durable(&self, map: &str, path: Path) -> Result<Option<Record>, StateError> {
        self.record(map, path)
    }

    fn cursor(&self, map: &str) -> Option<Bytes> {
        self.maps.get(map)?.cursor.clone()
    }

    fn watermark(&self, map: &str) -> Option<Hlc> {
        self.maps.get(map)?.watermark.clone()
    }

    fn replacing(&self, map: &str) -> bool {
        self.maps.get(map).is_some_and(|kept| kept.replacing)
    }

    fn pending(&self, map: &str, after: u64, bounds: Bounds) -> Result<Vec<Pending>, StateError> {
        let Some(kept) = self.maps.get(map) else { return Ok(Vec::new()) };
        let offered = |w: &&Waiting| w.state == State::Offered && w.order > after;
        let mut waiting: Vec<&Waiting> = kept.waiting.values().filter(offered).collect();
        waiting.sort_by_key(|waiting| waiting.order);
        let (mut bytes, mut pending) = (0, Vec::new());
        for Waiting { order, path, hlc, .. } in waiting.into_iter().take(bounds.ops_max) {
            let op = kept.records[path].to_op(map);
            bytes += op.key.len() + op.value.len();
            if bytes > bounds.bytes_max && !pending.is_empty() {
                break;
            }
            pending.push(Pending { order: *order, path: *path, hlc: hlc.clone(), op });
        }
        Ok(pending)
    }

    fn unanswered(&self, map: &str) -> usize {
        let waiting = self.maps.get(map).into_iter().flat_map(|kept| kept.waiting.values());
        waiting.filter(|waiting| waiting.state != State::InMemory).count()
    }

    fn rejected(&self, map: &str, keys_max: usize) -> Vec<Box<str>> {
        let Some(kept) = self.maps.get(map) else { return Vec::new() };
        let waiting = kept.waiting.values().filter(|waiting| waiting.state == State::Rejected);
        waiting.map(|w| kept.records[&w.path].key.clone()).take(keys_max).collect()
    }

    fn settle(&mut self, map: &str, settled: &[Settled]) -> Result<(), StateError> {
        let Some(kept) = self.maps.get_mut(map) else { return Ok(()) };
        for Settled { path, hlc, how } in settled {
            let Some(waiting) = kept.waiting.get_mut(path).filter(|w| w.hlc == *hlc) else {
                continue;
            };
            match how {
                How::Durable => drop(kept.waiting.remove(path)),
                How::InMemory => waiting.state = State::InMemory,
                How::Rejected(code) => {
                    waiting.state = State::Rejected;
                    self.refused.push((kept.records[path].key.to_string(), *code));
                }
            }
        }
        Ok(())
    }

    fn confirm(&mut self, map: &str) -> Result<(), StateError> {
        self.kept(map).waiting.retain(|_, waiting| waiting.state != State::InMemory);
        Ok(())
    }

    fn doubt(&mut self) {
        let waiting = self.maps.values_mut().flat_map(|kept| kept.waiting.values_mut());
        for waiting in waiting.filter(|waiting| waiting.state == State::InMemory) {
            waiting.state = State::Offered;
        }
    }

    fn merge(&mut self, map: &str, records: Vec<Record>, mark: Mark) -> Result<(), StateError> {
        for record in &records {
            self.clock.update(&record.hlc, UnixMillis(0));
        }
        let Some(kept) = self.maps.get_mut(map) else { return Ok(()) };
        records.into_iter().for_each(|record| kept.merge(record));
        kept.mark(mark);
        Ok(())
    }

    fn begin_replace(&mut self, map: &str) -> Result<(), StateError> {
        let kept = self.kept(map);
        (kept.cursor, kept.replacing) = (None, true);
        kept.came.clear();
        Ok(())
    }

    fn end_replace(&mut self, map: &str, mark: Mark) -> Result<(), StateError> {
        let kept = self.kept(map);
        let stays = |path: &Path| kept.came.contains(path) || kept.waiting.contains_key(path);
        let gone: Vec<Path> = kept.records.keys().copied().filter(|path| !stays(path)).collect();
        gone.into_iter().for_each(|path| kept.remove(path));
        kept.replacing = false;
        kept.mark(mark);
        Ok(())
    }

    fn revert(&mut self, map: &str, key: &str, server: Option<Record>) -> Result<(), StateError> {
        let path = Path::of(key);
        let kept = self.kept(map);
        if kept.waiting.get(&path).is_some_and(|waiting| waiting.state == State::Rejected) {
            kept.waiting.remove(&path);
            kept.remove(path);
            if let Some(record) = server {
                kept.set(record);
            }
        }
        Ok(())
    }

    fn forget(&mut self, map: &str, paths: &[Path]) -> Result<(), StateError> {
        let kept = self.kept(map);
        for path in paths
            .iter()
            .filter(|path| !kept.waiting.contains_key(path))
            .copied()
            .collect::<Vec<_>>()
        {
            kept.remove(path);
        }
        Ok(())
    }

    fn observe(&mut self, seen: &Hlc, wall: UnixMillis) {
        self.clock.update(seen, UnixMillis(wall.0.saturating_sub(self.wall_ahead_ms)));
    }

    fn correct_wall(&mut self, ahead_ms: u64) {
        self.wall_ahead_ms = ahead_ms;
    }

    fn restamp(
        &mut self,
        refused: &[(MapName, Path, Hlc)],
        server: &Hlc,
        above_ms: u64,
        wall: UnixMillis,
    ) -> Result<(), StateError> {
        let is_refused = |map: &MapName, waiting: &Waiting| {
            refused.iter().any(|(m, p, h)| m == map && *p == waiting.path && *h == waiting.hlc)
        };
        let mut again = Vec::new();
        let mut seen = server.clone();
        for (map, kept) in &self.maps {
            for waiting in kept.waiting.values().filter(|w| w.state != State::Rejected) {
                if is_refused(map, waiting) || waiting.hlc.millis > above_ms {
                    again.push((waiting.order, map.clone(), kept.records[&waiting.path].clone()));
                } else {
                    seen = seen.max(waiting.hlc.clone());
                }
            }
        }
        again.sort_by_key(|(order, ..)| *order);
        self.clock = Clock::resume(self.node.clone(), seen);
        let wall = UnixMillis(wall.0.saturating_sub(self.wall_ahead_ms));
        for (_, map, record) in again {
            let hlc = self.clock.now(wall);
            self.waits(&map, Record { hlc, ..record });
        }
        Ok(())
    }
}
