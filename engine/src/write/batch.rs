//! The public batch: any number of changes that are atomic together.
//!
//! Knows handles and encoding; nothing of places.

use crate::{
    collection::Collection, error::Error, ids::Seq, log::Log, map::Map, write::encode::Encoded,
};

/// Any number of changes, over any collections of one store, that are atomic together: after a crash
/// all of them are there or none.
///
/// Records are encoded and checksummed as they are added, on the caller's thread. What cannot be
/// committed (a record too large, collections of two stores) is remembered, and
/// [`Store::commit`](crate::Store::commit) returns it. A batch holds at most 256 MiB less 4 KiB, its
/// frames included.
#[derive(Debug, Default)]
pub struct Batch {
    encoded: Encoded,
    /// The store that the collections belong to.
    token: Option<u64>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.encoded.bytes().is_empty()
    }

    /// Length of its frames in bytes: what it takes in the store.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.encoded.bytes().len()
    }

    /// Appends a record to a log. The payload may be empty; it is at most
    /// [`record_bytes_max`](crate::Options::record_bytes_max) long.
    pub fn append(&mut self, log: &Log, payload: &[u8]) {
        self.append_parts(log, &[payload]);
    }

    /// Appends a record whose payload is the parts, one behind the other.
    pub fn append_parts(&mut self, log: &Log, parts: &[&[u8]]) {
        if self.belongs(log.handle.token) {
            self.encoded.append(&log.data, parts, log.handle.options.record_bytes_max);
        }
    }

    /// Drops the records of a log before `seq`, which is at most the next one's. Sequence numbers are
    /// not given again.
    pub fn trim(&mut self, log: &Log, seq: Seq) {
        if self.belongs(log.handle.token) {
            self.encoded.trim(&log.data, seq.0);
        }
    }

    /// Gives a key of a map its value. The key is at most 65,535 bytes; key and value together are at
    /// most [`record_bytes_max`](crate::Options::record_bytes_max). Either may be empty.
    pub fn put(&mut self, map: &Map, key: &[u8], value: &[u8]) {
        if self.belongs(map.handle.token) {
            let hash = map.handle.hash.hash(key);
            self.encoded.put(&map.data, hash, key, value, map.handle.options.record_bytes_max);
        }
    }

    /// Removes a key of a map, if it is there.
    pub fn remove(&mut self, map: &Map, key: &[u8]) {
        if self.belongs(map.handle.token) {
            self.encoded.remove(&map.data, map.handle.hash.hash(key), key);
        }
    }

    /// Ends a log: its records and its name go. A batch that drops a collection holds nothing else
    /// for it.
    pub fn drop_log(&mut self, log: &Log) {
        if self.belongs(log.handle.token) {
            self.encoded.drop_collection(&Collection::Log(log.data.clone()));
        }
    }

    /// Ends a map: its keys and its name go. A batch that drops a collection holds nothing else for
    /// it.
    pub fn drop_map(&mut self, map: &Map) {
        if self.belongs(map.handle.token) {
            self.encoded.drop_collection(&Collection::Map(map.data.clone()));
        }
    }

    /// The encoded frames, finished, for the store with this token. Lent, since moving them costs
    /// more than what is done with a small batch.
    ///
    /// # Errors
    /// Why the batch cannot be committed.
    pub(crate) fn finish(&mut self, token: u64) -> Result<&mut Encoded, Error> {
        if self.token.is_some_and(|own| own != token) {
            return Err(foreign());
        }
        self.encoded.finish()?;
        Ok(&mut self.encoded)
    }

    fn belongs(&mut self, token: u64) -> bool {
        let is_one_store = *self.token.get_or_insert(token) == token;
        if !is_one_store {
            self.encoded.refuse(foreign());
        }
        is_one_store
    }
}

fn foreign() -> Error {
    Error::rejected("a batch is for one store: it has a collection of another")
}
