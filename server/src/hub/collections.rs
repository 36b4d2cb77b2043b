//! The collections of one room during a turn: the engine's, and what the turn changes of them.
//!
//! Reads see both. Nothing is committed here, and nothing here knows who asked.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use syncline_engine::{Batch, Error, Log, Map, Position, Seq, Store};
use syncline_protocol::dialect::{Collections, Dialect, Unreadable};

use super::{
    names::{log_name, map_name},
    overlay::Overlay,
};

/// Versions that a room may give for each byte of the store's history. A version must not come again
/// after a restart, so it begins at what the history's length allows; a commit is at least 24 bytes
/// long, and so makes room for more versions than a turn has commands.
const VERSIONS_PER_BYTE: u64 = 256;

/// As many records are read to know how many bytes go when they are trimmed.
const RECORDS_READ_MAX: u64 = 64;

/// How far a room has come, counting what is not committed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// The first record kept; that of the next one when there is none.
    pub(super) first_seq: u64,
    /// The last sequence number given.
    pub(super) last_seq: u64,
    /// Payload bytes of the log.
    pub(super) bytes: u64,
}

impl Numbers {
    /// Those of a room of which all that the store has is committed.
    pub(super) fn of(log: Option<&Log>) -> Self {
        let next = log.map_or(1, |log| log.next_seq().0);
        Self {
            first_seq: log.map_or(next, |log| log.first_seq().0),
            last_seq: next - 1,
            bytes: log.map_or(0, Log::bytes),
        }
    }
}

/// A version that is not below any that was given while the store's history was no longer.
pub(super) fn first_version(appended: Position) -> u64 {
    appended.0.saturating_mul(VERSIONS_PER_BYTE)
}

/// The maps of a room that were asked for, and whether they exist: nobody but the room's owner makes
/// or ends them.
#[derive(Debug, Default)]
pub(super) struct Maps {
    known: RefCell<Vec<(u64, Option<Map>)>>,
}

impl Maps {
    fn find(&self, number: u64, find: impl FnOnce() -> Found) -> Found {
        let mut known = self.known.borrow_mut();
        if let Some((_, map)) = known.iter().find(|(known, _)| *known == number) {
            return Ok(map.clone());
        }
        let map = find()?;
        known.push((number, map.clone()));
        Ok(map)
    }

    /// Must be called for what was made or ended elsewhere.
    fn forget(&self, number: u64) {
        self.known.borrow_mut().retain(|(known, _)| *known != number);
    }
}

type Found = Result<Option<Map>, Error>;

/// Writes what a turn changed in the maps of a room into its batch.
///
/// # Errors
/// When a new map cannot be made.
pub(super) fn write_maps<D: Dialect>(
    overlay: Overlay,
    batch: &mut Batch,
    store: &Store,
    room: &str,
    maps: &Maps,
) -> Result<(), Error> {
    for (number, changes) in overlay.into_maps() {
        let name = map_name::<D>(room, number);
        let found = maps.find(number, || store.find_map(&name))?;
        if changes.dropped {
            if let Some(map) = found {
                batch.drop_map(&map);
            }
            maps.forget(number);
            continue;
        }
        let puts = changes.keys.values().any(Option::is_some);
        let map = match found {
            Some(map) => map,
            // There is nothing to remove from a map that is not there.
            None if !puts => continue,
            None => {
                maps.forget(number);
                store.map(&name)?
            }
        };
        for (key, value) in &changes.keys {
            match value {
                Some(value) => batch.put(&map, key, value),
                None => batch.remove(&map, key),
            }
        }
    }
    Ok(())
}

/// What a room's commands see as their collections.
pub(super) struct RoomCollections<'a, D> {
    pub(super) dialect: std::marker::PhantomData<D>,
    pub(super) store: &'a Store,
    pub(super) room: &'a str,
    /// The log, once it has records.
    pub(super) log: &'a mut Option<Log>,
    pub(super) maps: &'a Maps,
    pub(super) numbers: &'a mut Numbers,
    /// The last record that is durable, where the room writes behind.
    pub(super) durable_seq: u64,
    pub(super) version: &'a Cell<u64>,
    pub(super) overlay: &'a mut Overlay,
    pub(super) batch: &'a mut Batch,
    /// Why the batch cannot be committed, if something could not be made.
    pub(super) fault: &'a mut Option<Error>,
    /// A part of the log was trimmed: how many bytes are left is known when that is committed.
    pub(super) trimmed: &'a mut bool,
    /// Something was written.
    pub(super) has_written: bool,
}

impl<D: Dialect> RoomCollections<'_, D> {
    /// The log to write to; made when there is none. A failure is remembered.
    fn log(&mut self) -> Option<&Log> {
        if self.log.is_none() {
            match self.store.log(&log_name::<D>(self.room)) {
                Ok(log) => *self.log = Some(log),
                Err(error) => {
                    self.fault.get_or_insert(error);
                }
            }
        }
        self.log.as_ref()
    }

    /// The payload bytes of the records before `seq`, where the turn shall not end for them: they are
    /// few, and all of them are committed.
    fn bytes_before(&self, seq: u64) -> Option<u64> {
        let (first, log) = (self.numbers.first_seq, self.log.as_ref()?);
        let are_few = seq - first <= RECORDS_READ_MAX;
        if !D::WRITES_BEHIND || *self.trimmed || !are_few || Seq(seq) > log.next_seq() {
            return None;
        }
        let mut records = log.read(Seq(first)..Seq(seq));
        let mut bytes = 0;
        while let Some(record) = records.next_ref() {
            bytes += record.ok()?.1.len() as u64;
        }
        Some(bytes)
    }

    fn map(&self, number: u64) -> Result<Option<Map>, Unreadable> {
        let find = || self.store.find_map(&map_name::<D>(self.room, number));
        self.maps.find(number, find).map_err(|error| unreadable(&error))
    }
}

fn unreadable(error: &Error) -> Unreadable {
    tracing::error!(%error, "what a room keeps cannot be read");
    Unreadable
}

impl<D: Dialect> Collections for RoomCollections<'_, D> {
    fn last_seq(&self) -> u64 {
        self.numbers.last_seq
    }

    fn durable_seq(&self) -> u64 {
        // What others tell waits until all of it is durable.
        if D::WRITES_BEHIND { self.durable_seq } else { self.numbers.last_seq }
    }

    fn log_records(&self) -> u64 {
        self.numbers.last_seq + 1 - self.numbers.first_seq
    }

    fn log_bytes(&self) -> u64 {
        self.numbers.bytes
    }

    fn append(&mut self, record: &[u8]) -> u64 {
        self.append_parts(&[record])
    }

    fn append_parts(&mut self, parts: &[&[u8]]) -> u64 {
        self.has_written = true;
        if self.log.is_none() {
            self.log();
        }
        if let Some(log) = &*self.log {
            self.batch.append_parts(log, parts);
        }
        self.numbers.last_seq += 1;
        self.numbers.bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        self.numbers.last_seq
    }

    fn trim(&mut self, seq: u64) {
        let end = self.numbers.last_seq + 1;
        assert!(seq <= end, "a log is trimmed to its end at most");
        if seq <= self.numbers.first_seq {
            return;
        }
        self.has_written = true;
        if let Some(log) = self.log.clone() {
            self.batch.trim(&log, Seq(seq));
        }
        let bytes = self.bytes_before(seq);
        self.numbers.first_seq = seq;
        if seq == end {
            self.numbers.bytes = 0;
        } else if let Some(bytes) = bytes {
            self.numbers.bytes -= bytes;
        } else {
            *self.trimmed = true;
        }
    }

    fn version(&self) -> u64 {
        self.version.get()
    }

    fn next_version(&mut self) -> u64 {
        self.version.set(self.version.get() + 1);
        self.version.get()
    }

    fn get(&self, map: u64, key: &[u8]) -> Result<Option<Bytes>, Unreadable> {
        if let Some(changed) = self.overlay.get(map, key) {
            return Ok(changed);
        }
        match self.map(map)? {
            Some(map) => map.get(key).map_err(|error| unreadable(&error)),
            None => Ok(None),
        }
    }

    fn entries(&self, map: u64, mut each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable> {
        let changes = self.overlay.changes(map);
        if changes.is_some_and(|changes| changes.dropped) {
            return Ok(());
        }
        if let Some(map) = self.map(map)? {
            for entry in &map {
                let (key, value) = entry.map_err(|error| unreadable(&error))?;
                if changes.is_none_or(|changes| !changes.keys.contains_key(&key[..])) {
                    each(&key, &value);
                }
            }
        }
        for (key, value) in changes.iter().flat_map(|changes| &changes.keys) {
            if let Some(value) = value {
                each(key, value);
            }
        }
        Ok(())
    }

    fn put(&mut self, map: u64, key: &[u8], value: &[u8]) {
        self.has_written = true;
        self.overlay.put(map, key, value);
    }

    fn remove(&mut self, map: u64, key: &[u8]) {
        self.has_written = true;
        self.overlay.remove(map, key);
    }

    fn drop_map(&mut self, map: u64) {
        self.has_written = true;
        self.overlay.drop_map(map);
    }
}
