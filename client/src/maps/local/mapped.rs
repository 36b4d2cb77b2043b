//! One map of a store: where its records are, and what is held of it in memory. Values are not.
//! Knows collections; nothing of what a step does.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use syncline_engine::{Map, Position, Store};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Entry, Hlc, Index, Kind, NodeId, Path, Record, Stored, StoredRef, hash_of},
};

use super::{
    forms::{self, Kept, Progress},
    oplog::{OpLog, Own},
};
use crate::{kept::StateError, maps::watch::Name};

/// One map of a store.
#[derive(Debug)]
pub(crate) struct Mapped {
    pub(super) name: Name,
    pub(super) records: Map,
    pub(super) pending: Map,
    pub(super) index: Index,
    pub(super) oplog: OpLog,
    pub(super) progress: Progress,
    /// Tombstones, by time: the watermark drops them.
    pub(super) tombstones: BTreeSet<(u64, Path)>,
    /// What has a life, by its end.
    pub(super) ends: BTreeSet<(u64, Path)>,
    /// While what is here is replaced: entries before this place were not in it so far.
    pub(super) replaced_from: u64,
    /// The highest timestamp of this node in a record that the server has.
    pub(super) seen: (u64, u32),
    /// What was read is durable when the store is durable up to here.
    pub(super) read_at: Position,
}

impl Mapped {
    /// Reads a map. Takes a moment for each record that it has: with very many, seconds.
    pub(crate) fn load(store: &Store, name: &str, node: &NodeId) -> Result<Self, StateError> {
        let meta = store.map(forms::META)?;
        let progress = match meta.get(&forms::map_key(name))? {
            Some(bytes) => Progress::decode(&bytes).ok_or_else(StateError::foreign)?,
            None => Progress::default(),
        };
        let mut map = Self {
            name: name.into(),
            records: store.map(&forms::records_name(name))?,
            pending: store.map(&forms::pending_name(name))?,
            index: Index::default(),
            oplog: OpLog::default(),
            progress,
            tombstones: BTreeSet::new(),
            ends: BTreeSet::new(),
            replaced_from: 0,
            seen: (0, 0),
            read_at: Position(0),
        };
        map.load_records(node)?;
        map.read_at = store.appended();
        map.oplog.place(map.read_at);
        Ok(map)
    }

    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// Where the records are.
    pub(crate) fn records(&self) -> &Map {
        &self.records
    }

    fn load_records(&mut self, node: &NodeId) -> Result<(), StateError> {
        let mut kept = HashMap::new();
        for entry in &self.pending {
            let (key, bytes) = entry?;
            let path = Path::from_key(&key).ok_or_else(StateError::foreign)?;
            kept.insert(path, Kept::decode(&bytes).ok_or_else(StateError::foreign)?);
        }
        let records = self.records.clone();
        let mut entries = Vec::with_capacity(usize::try_from(records.len()).unwrap_or(0));
        for entry in &records {
            let (key, bytes) = entry?;
            let path = Path::from_key(&key).ok_or_else(StateError::foreign)?;
            let StoredRef { record, .. } =
                StoredRef::decode(&bytes).ok_or_else(StateError::foreign)?;
            let counted = !self.is_below_watermark(record.kind, &record.hlc);
            let (leaf, seq) = (hash_of(record.clone()), entries.len() as u64 + 1);
            entries.push(Entry { path, leaf, seq, counted });
            self.mark(path, record.kind, &record.hlc, record.expires_at());
            let stamp = (record.hlc.millis, record.hlc.counter);
            match kept.remove(&path) {
                Some(Kept { order, state }) => {
                    self.oplog.set(path, Own { order, stamp, state, position: Position(0) });
                }
                None if record.hlc.node == *node => self.seen = self.seen.max(stamp),
                None => {}
            }
        }
        self.index = Index::from_entries(entries);
        if kept.is_empty() { Ok(()) } else { Err(StateError::foreign()) }
    }

    /// The record of a path.
    pub(super) fn read(&self, path: Path) -> Result<Option<Record>, StateError> {
        if self.index.get(path).is_none() {
            return Ok(None);
        }
        read(&self.records, path)
    }

    pub(super) fn is_below_watermark(&self, kind: Kind, hlc: &Hlc) -> bool {
        kind == Kind::Remove && self.progress.watermark.as_ref().is_some_and(|mark| hlc < mark)
    }

    fn mark(&mut self, path: Path, kind: Kind, hlc: &Hlc, end: Option<UnixMillis>) {
        if kind == Kind::Remove {
            self.tombstones.insert((hlc.millis, path));
        }
        if let Some(end) = end {
            self.ends.insert((end.0, path));
        }
    }

    /// Takes a record in, in memory.
    pub(super) fn insert(&mut self, path: Path, record: &Record) {
        let counted = !self.is_below_watermark(record.kind, &record.hlc);
        let seq = self.index.last_seq() + 1;
        self.index.insert(Entry { path, leaf: hash_of(record), seq, counted });
        self.mark(path, record.kind, &record.hlc, record.expires_at());
    }

    /// Forgets what was known of the record that was there, in memory.
    pub(super) fn unmark(&mut self, path: Path, record: &Record) {
        if record.kind == Kind::Remove {
            self.tombstones.remove(&(record.hlc.millis, path));
        }
        if let Some(end) = record.expires_at() {
            self.ends.remove(&(end.0, path));
        }
    }

    /// Notes that an entry is part of what replaces the map.
    pub(super) fn touch(&mut self, path: Path) {
        if let Some(entry) = self.index.get(path) {
            self.index.insert(Entry { seq: self.index.last_seq() + 1, ..entry });
        }
    }
}

/// The record of a path in a collection of records.
pub(super) fn read(records: &Map, path: Path) -> Result<Option<Record>, StateError> {
    records.get(&path.to_key())?.map(decode).transpose()
}

/// The record that a collection of records has in these bytes.
pub(super) fn decode(bytes: Bytes) -> Result<Record, StateError> {
    Ok(Stored::decode(bytes).ok_or_else(StateError::foreign)?.record)
}
