//! What a room keeps in memory, and what of it a power cut leaves.
//!
//! Knows collections; nothing of what lies in them.

use bytes::Bytes;

use crate::dialect::{Collections, Unreadable, memory::Memory};

/// One change of a room's collections.
#[derive(Clone, Debug)]
enum Change {
    Append(Vec<u8>),
    Trim(u64),
    Version(u64),
    Put(u64, Vec<u8>, Vec<u8>),
    Remove(u64, Vec<u8>),
    DropMap(u64),
}

/// What a command changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(Vec<Change>);

/// A room's collections as the room sees them, and as the device has them.
#[derive(Debug, Default)]
pub(super) struct Disk {
    pub(super) memory: Memory,
    device: Memory,
}

impl Disk {
    /// What a power cut leaves.
    pub(super) fn device(&self) -> &Memory {
        &self.device
    }

    /// These changes have come to the device.
    pub(super) fn sync(&mut self, changes: Changes) {
        let device = &mut self.device;
        for change in changes.0 {
            match change {
                Change::Append(record) => {
                    device.append(&record);
                }
                Change::Trim(seq) => device.trim(seq),
                Change::Version(version) => device.version = version,
                Change::Put(map, key, value) => device.put(map, &key, &value),
                Change::Remove(map, key) => device.remove(map, &key),
                Change::DropMap(map) => device.drop_map(map),
            }
        }
    }

    /// Everything has come to the device.
    pub(super) fn sync_all(&mut self) {
        self.device.clone_from(&self.memory);
    }

    /// What is not on the device is gone.
    pub(super) fn cut(&mut self) {
        self.memory.clone_from(&self.device);
    }
}

/// Collections in memory that note what is changed.
pub(super) struct Noted<'a> {
    pub(super) memory: &'a mut Memory,
    pub(super) changes: Changes,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Noted<'_> {
    fn note(&mut self, change: Change) {
        self.changes.0.push(change);
    }
}

impl Collections for Noted<'_> {
    fn last_seq(&self) -> u64 {
        self.memory.last_seq()
    }

    fn log_records(&self) -> u64 {
        self.memory.log_records()
    }

    fn log_bytes(&self) -> u64 {
        self.memory.log_bytes()
    }

    fn append(&mut self, record: &[u8]) -> u64 {
        self.note(Change::Append(record.to_vec()));
        self.memory.append(record)
    }

    fn trim(&mut self, seq: u64) {
        self.note(Change::Trim(seq));
        self.memory.trim(seq);
    }

    fn version(&self) -> u64 {
        self.memory.version()
    }

    fn next_version(&mut self) -> u64 {
        let version = self.memory.next_version();
        self.note(Change::Version(version));
        version
    }

    fn get(&self, map: u64, key: &[u8]) -> Result<Option<Bytes>, Unreadable> {
        self.memory.get(map, key)
    }

    fn entries(&self, map: u64, each: impl FnMut(&[u8], &[u8])) -> Result<(), Unreadable> {
        self.memory.entries(map, each)
    }

    fn put(&mut self, map: u64, key: &[u8], value: &[u8]) {
        self.note(Change::Put(map, key.to_vec(), value.to_vec()));
        self.memory.put(map, key, value);
    }

    fn remove(&mut self, map: u64, key: &[u8]) {
        self.note(Change::Remove(map, key.to_vec()));
        self.memory.remove(map, key);
    }

    fn drop_map(&mut self, map: u64) {
        self.note(Change::DropMap(map));
        self.memory.drop_map(map);
    }
}
