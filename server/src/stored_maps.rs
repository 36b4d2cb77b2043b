//! The maps of the maps dialect in a store, for whoever looks after it.
//!
//! Reads what the rooms keep; what a record says and what a root is, the dialect knows.

use std::time::{SystemTime, UNIX_EPOCH};

use syncline_engine::{Map, Store};
use syncline_protocol::{
    dialect::UnixMillis,
    dialects::maps::{Answer, Command, Kind, Maps, Path, Record, Stored, StoredRef, is_map_name},
};

use crate::hub::{ApartFailed, Keep, apply_apart, map_name, rooms_with_map};

/// The map of a room that has its records.
const RECORDS_MAP: u64 = 0;

/// A map.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMap {
    /// Its name.
    pub name: String,
    /// Keys that have a value.
    pub keys: u64,
    /// Keys that were removed, and are remembered.
    pub tombstones: u64,
    /// Bytes of the keys and the values.
    pub bytes: u64,
    /// The number of its last change.
    pub last_change: u64,
    /// The root hash, as clients are told.
    pub root: [u8; 16],
}

/// Why a map could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The store's error.
    #[error(transparent)]
    Store(#[from] syncline_engine::Error),
    /// What it keeps could not be read, or makes no sense.
    #[error("the map {0} cannot be read")]
    Unreadable(String),
    /// There is none of this name.
    #[error("there is no map {0}")]
    Missing(String),
}

/// All maps of a store, in the order of their names. Writes nothing; reads every record.
///
/// # Errors
/// A [`MapError`] of the first one that cannot be read.
pub fn list(store: &Store) -> Result<Vec<StoredMap>, MapError> {
    let mut names = rooms_with_map::<Maps>(store, RECORDS_MAP);
    // Not the registry.
    names.retain(|name| is_map_name(name));
    names.into_iter().map(|name| look(store, name)).collect()
}

fn look(store: &Store, name: String) -> Result<StoredMap, MapError> {
    let (mut keys, mut tombstones, mut bytes) = (0, 0, 0);
    for entry in &find(store, &name)? {
        let (_, value) = entry?;
        let record = StoredRef::decode(&value).map(|stored| stored.record);
        let record = record.ok_or_else(|| MapError::Unreadable(name.clone()))?;
        bytes += (record.key.len() + record.value.len()) as u64;
        match record.kind {
            Kind::Put => keys += 1,
            Kind::Remove => tombstones += 1,
        }
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let maps = Maps::default();
    match apply_apart(store, &maps, &name, Command::Position, now, Keep::Nothing) {
        Ok(Answer::Position { cursor, root, .. }) => {
            Ok(StoredMap { name, keys, tombstones, bytes, last_change: cursor.seq, root })
        }
        Err(ApartFailed::Store(error)) => Err(error.into()),
        _ => Err(MapError::Unreadable(name)),
    }
}

/// The record of a key, also when it was removed; `None` when there is none.
///
/// # Errors
/// A [`MapError`].
pub fn get(store: &Store, map: &str, key: &str) -> Result<Option<Record>, MapError> {
    let found = find(store, map)?.get(&Path::of(key).to_key())?;
    let Some(bytes) = found else { return Ok(None) };
    let stored = Stored::decode(bytes).ok_or_else(|| MapError::Unreadable(map.to_owned()))?;
    Ok(Some(stored.record).filter(|record| *record.key == *key))
}

/// Calls `each` with every record of a map, in no order, and the number of its change; until it says
/// false.
///
/// # Errors
/// A [`MapError`] at the first record that cannot be read.
pub fn records(
    store: &Store,
    map: &str,
    mut each: impl FnMut(u64, Record) -> bool,
) -> Result<(), MapError> {
    for entry in &find(store, map)? {
        let (_, value) = entry?;
        let stored = Stored::decode(value).ok_or_else(|| MapError::Unreadable(map.to_owned()))?;
        if !each(stored.seq, stored.record) {
            break;
        }
    }
    Ok(())
}

fn find(store: &Store, name: &str) -> Result<Map, MapError> {
    let found = match is_map_name(name) {
        true => store.find_map(&map_name::<Maps>(name, RECORDS_MAP))?,
        false => None,
    };
    found.ok_or_else(|| MapError::Missing(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use syncline_engine::{Options, storage::sim::SimDisk};
    use syncline_protocol::dialects::maps::Write;

    use super::*;

    /// Counts a key up so many times in one command, and says the numbers of the last changes.
    fn count_up(store: &Store, from: u32, times: u32) -> u64 {
        let record = |counter| Record {
            key: "k".into(),
            kind: Kind::Put,
            hlc: format!("1700000000000:{counter}:n").parse().unwrap(),
            ttl_ms: 0,
            value: [].as_slice().into(),
        };
        let ops = (0..times).map(|n| (n, record(from + n))).collect();
        let command = Command::Write(Write { origin: 0, ops });
        let now = UnixMillis(1_700_000_000_000);
        let answer = apply_apart(store, &Maps::default(), "m", command, now, Keep::Changes);
        assert!(matches!(answer, Ok(Answer::Written(written)) if written.applied == times));
        let mut last = 0;
        records(store, "m", |seq, _| {
            last = seq;
            true
        })
        .unwrap();
        last
    }

    #[test]
    fn no_number_comes_again_however_little_of_a_command_is_stored() {
        let store = Store::open_on(Arc::new(SimDisk::new(1)), Options::default()).unwrap();
        let first = count_up(&store, 0, 60_000);
        let second = count_up(&store, 60_000, 1);
        assert!(second > first, "{second} after {first}");
    }
}
