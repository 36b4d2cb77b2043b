//! What a store should hold, as plain collections, and how a batch changes it.

use std::collections::BTreeMap;

/// The logs a world has, by number.
pub(crate) const LOGS: [&str; 4] =
    ["doc", "doc/2", "\u{1f600} log", "a long name of a log, longer than most"];
/// The maps a world has, by number.
pub(crate) const MAPS: [&str; 2] = ["settings", "workspace/\0"];

/// The keys a map may have.
pub(crate) fn keys() -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = (0..8_u8).map(|n| vec![b'k', n]).collect();
    keys.extend([vec![], vec![0], vec![0xff, 0xfe], vec![b'x'; 300]]);
    keys
}

/// One change of a batch. Collections are numbers of [`LOGS`] and [`MAPS`].
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Append { log: usize, payload: Vec<u8> },
    Trim { log: usize, before: u64 },
    DropLog { log: usize },
    Put { map: usize, key: Vec<u8>, value: Vec<u8> },
    Remove { map: usize, key: Vec<u8> },
    DropMap { map: usize },
}

impl Change {
    /// Whether one batch may have both: one that drops a collection has nothing else for it.
    pub(crate) fn goes_with(&self, other: &Self) -> bool {
        let is_drop = |one: &Self| matches!(one, Self::DropLog { .. } | Self::DropMap { .. });
        self.collection() != other.collection() || !(is_drop(self) || is_drop(other))
    }

    fn collection(&self) -> (bool, usize) {
        match self {
            Self::Append { log, .. } | Self::Trim { log, .. } | Self::DropLog { log } => {
                (true, *log)
            }
            Self::Put { map, .. } | Self::Remove { map, .. } | Self::DropMap { map } => {
                (false, *map)
            }
        }
    }
}

/// A log: its records from `first` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogModel {
    pub(crate) first: u64,
    pub(crate) records: Vec<Vec<u8>>,
}

impl Default for LogModel {
    fn default() -> Self {
        Self { first: 1, records: Vec::new() }
    }
}

impl LogModel {
    pub(crate) fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    fn trim(&mut self, before: u64) {
        let gone = before.clamp(self.first, self.next()) - self.first;
        self.records.drain(..gone as usize);
        self.first += gone;
    }
}

pub(crate) type MapModel = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store. A collection that was never created, or dropped, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) logs: [Option<LogModel>; LOGS.len()],
    pub(crate) maps: [Option<MapModel>; MAPS.len()],
}

impl Model {
    /// Applies one change; the collection it is about exists.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Append { log, payload } => self.log(*log).records.push(payload.clone()),
            Change::Trim { log, before } => self.log(*log).trim(*before),
            Change::DropLog { log } => self.logs[*log] = None,
            Change::Put { map, key, value } => {
                self.map(*map).insert(key.clone(), value.clone());
            }
            Change::Remove { map, key } => {
                self.map(*map).remove(key);
            }
            Change::DropMap { map } => self.maps[*map] = None,
        }
    }

    pub(crate) fn log(&mut self, log: usize) -> &mut LogModel {
        self.logs[log].get_or_insert_default()
    }

    pub(crate) fn map(&mut self, map: usize) -> &mut MapModel {
        self.maps[map].get_or_insert_default()
    }
}
