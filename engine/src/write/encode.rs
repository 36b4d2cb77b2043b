//! A batch as its frames: encoded and checksummed by the caller, before its place is known.
//!
//! Knows frames and collections; nothing of segments, or of how a batch gets its place.

use std::{cell::RefCell, mem, sync::Arc};

use crate::{
    collection::{Collection, LogData, MapData},
    error::Error,
    format::frame::{self, FRAME_BYTES_MAX, HEAD_BYTES, Kind},
    options::{KEY_BYTES_MAX, SEGMENT_BYTES_MAX},
};

/// Longest batch in bytes, its frames' heads included: it has to fit one segment.
pub(crate) const BATCH_BYTES_MAX: usize = SEGMENT_BYTES_MAX as usize - 4096;
/// A buffer above this is not kept for the thread's next batch. A server's batch of a busy turn is below it.
const SPARE_BYTES_MAX: usize = 1 << 20;

thread_local! {
    static SPARE: RefCell<Buffers> = const { RefCell::new(Buffers::new()) };
}

/// Consecutive frames of one collection.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) collection: Collection,
    pub(crate) frames: usize,
    /// How many of them are appends.
    pub(crate) appends: usize,
}

#[derive(Debug)]
struct Buffers {
    bytes: Vec<u8>,
    targets: Vec<Target>,
    hashes: Vec<u64>,
}

impl Buffers {
    const fn new() -> Self {
        Self { bytes: Vec::new(), targets: Vec::new(), hashes: Vec::new() }
    }
}

/// The frames of a batch, one behind the other, and what they are about.
#[derive(Debug)]
pub(crate) struct Encoded {
    buffers: Buffers,
    last_frame: usize,
    appends: usize,
    /// Whether it trims or drops.
    releases: bool,
    /// Ids of the collections that it drops.
    dropped: Vec<u32>,
    /// Why the batch cannot be committed, found while it was built.
    fault: Option<Error>,
}

impl Default for Encoded {
    fn default() -> Self {
        Self {
            buffers: Buffers::new(),
            last_frame: 0,
            appends: 0,
            releases: false,
            dropped: Vec::new(),
            fault: None,
        }
    }
}

impl Drop for Encoded {
    fn drop(&mut self) {
        let mut buffers = mem::replace(&mut self.buffers, Buffers::new());
        if buffers.bytes.capacity() <= SPARE_BYTES_MAX {
            buffers.bytes.clear();
            buffers.targets.clear();
            buffers.hashes.clear();
            // A thread that ends has no next batch.
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                // Many batches are dropped that were never filled.
                if spare.bytes.capacity() < buffers.bytes.capacity() {
                    *spare = buffers;
                }
            });
        }
    }
}

impl Encoded {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffers.bytes
    }

    pub(crate) fn targets(&self) -> &[Target] {
        &self.buffers.targets
    }

    /// The key hashes of the puts and removes, in order.
    pub(crate) fn hashes(&self) -> &[u64] {
        &self.buffers.hashes
    }

    pub(crate) fn appends(&self) -> usize {
        self.appends
    }

    /// The collections that it drops.
    pub(crate) fn drops(&self) -> impl Iterator<Item = &Collection> {
        let is_dropped = |target: &&Target| self.dropped.contains(&target.collection.id());
        let targets = if self.dropped.is_empty() { &[] } else { &self.buffers.targets[..] };
        targets.iter().filter(is_dropped).map(|target| &target.collection)
    }

    /// Whether it may let go of frames that are counted only when it has its place.
    pub(crate) fn releases(&self) -> bool {
        self.releases
    }

    /// The bytes to complete in place, beside what they are about.
    pub(crate) fn split_mut(&mut self) -> (&mut [u8], &[Target], &[u64]) {
        (&mut self.buffers.bytes, &self.buffers.targets, &self.buffers.hashes)
    }

    /// Remembers why the batch cannot be committed; the first reason stays.
    pub(crate) fn refuse(&mut self, error: Error) {
        self.fault.get_or_insert(error);
    }

    /// Marks the end of the batch.
    ///
    /// # Errors
    /// Why it cannot be committed.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if let Some(last) = self.buffers.bytes.get_mut(self.last_frame..)
            && !last.is_empty()
        {
            frame::set_end(last);
        }
        Ok(())
    }

    pub(crate) fn append(&mut self, log: &Arc<LogData>, parts: &[&[u8]], record_bytes_max: usize) {
        if self.keeps(log.id) && self.fits(parts, record_bytes_max) {
            self.appends += 1;
            self.aim_log(log).appends += 1;
            self.frame(Kind::Append, log.id, 0, parts);
        }
    }

    pub(crate) fn trim(&mut self, log: &Arc<LogData>, seq: u64) {
        if self.keeps(log.id) && self.fits(&[&[0; 8]], 8) {
            self.aim_log(log);
            self.releases = true;
            self.frame(Kind::Trim, log.id, 0, &[&seq.to_le_bytes()]);
        }
    }

    pub(crate) fn put(
        &mut self,
        map: &Arc<MapData>,
        hash: u64,
        key: &[u8],
        value: &[u8],
        record_bytes_max: usize,
    ) {
        if let Some(key_bytes) = self.key(key)
            && self.keeps(map.id)
            && self.fits(&[key, value], record_bytes_max)
        {
            self.aim_map(map);
            self.buffers.hashes.push(hash);
            self.frame(Kind::Put, map.id, key_bytes, &[key, value]);
        }
    }

    pub(crate) fn remove(&mut self, map: &Arc<MapData>, hash: u64, key: &[u8]) {
        if let Some(key_bytes) = self.key(key)
            && self.keeps(map.id)
            && self.fits(&[key], KEY_BYTES_MAX)
        {
            self.aim_map(map);
            self.buffers.hashes.push(hash);
            self.frame(Kind::Remove, map.id, key_bytes, &[key]);
        }
    }

    /// Ends a collection. Nothing may follow for it in the same batch.
    pub(crate) fn drop_collection(&mut self, collection: &Collection) {
        let repeated = self.buffers.targets.iter().any(|t| t.collection.id() == collection.id());
        if repeated {
            self.refuse(not_alone());
        } else if self.fits(&[], 0) {
            self.dropped.push(collection.id());
            self.releases = true;
            self.aim(collection.clone());
            self.frame(Kind::Drop, collection.id(), 0, &[]);
        }
    }

    /// Begins a collection, whose name was checked.
    pub(crate) fn create(&mut self, collection: &Collection) {
        let name = collection.name().as_bytes();
        self.aim(collection.clone());
        let kind = [collection.kind().byte()];
        self.frame(Kind::Create, collection.id(), name.len() as u16, &[&kind, name]);
    }

    /// Whether the batch does not drop this collection; if it does, it is refused, since recovery
    /// takes a record of a collection that is gone for damage.
    fn keeps(&mut self, id: u32) -> bool {
        let is_dropped = self.dropped.contains(&id);
        if is_dropped {
            self.refuse(not_alone());
        }
        !is_dropped
    }

    fn key(&mut self, key: &[u8]) -> Option<u16> {
        let key_bytes = u16::try_from(key.len()).ok();
        if key_bytes.is_none() {
            self.refuse(Error::rejected(format!(
                "a key of {} bytes is longer than {KEY_BYTES_MAX}",
                key.len()
            )));
        }
        key_bytes
    }

    /// Whether the record may be added; if not, the batch is refused, before anything is copied.
    fn fits(&mut self, parts: &[&[u8]], record_bytes_max: usize) -> bool {
        if self.fault.is_some() {
            return false;
        }
        let record: usize = parts.iter().map(|part| part.len()).sum();
        // A frame's head and padding are below 32 bytes.
        let batch = self.buffers.bytes.len() + record + 2 * HEAD_BYTES;
        if record > record_bytes_max || record > FRAME_BYTES_MAX - 2 * HEAD_BYTES {
            self.refuse(Error::rejected(format!(
                "a record of {record} bytes is larger than record_bytes_max, {record_bytes_max}"
            )));
        } else if batch > BATCH_BYTES_MAX {
            self.refuse(Error::rejected(format!(
                "the batch is larger than {BATCH_BYTES_MAX} bytes: commit it in pieces"
            )));
        }
        self.fault.is_none()
    }

    fn frame(&mut self, kind: Kind, collection: u32, key_bytes: u16, parts: &[&[u8]]) {
        self.last_frame = self.buffers.bytes.len();
        frame::encode(&mut self.buffers.bytes, kind, collection, key_bytes, parts);
    }

    fn aim_log(&mut self, log: &Arc<LogData>) -> &mut Target {
        let last = self.buffers.targets.last();
        let same = matches!(last, Some(Target { collection: Collection::Log(last), .. })
            if Arc::ptr_eq(last, log));
        if !same {
            self.turn_to(Collection::Log(Arc::clone(log)));
        }
        self.aimed()
    }

    fn aim_map(&mut self, map: &Arc<MapData>) {
        let last = self.buffers.targets.last();
        let same = matches!(last, Some(Target { collection: Collection::Map(last), .. })
            if Arc::ptr_eq(last, map));
        if !same {
            self.turn_to(Collection::Map(Arc::clone(map)));
        }
        self.aimed();
    }

    fn aim(&mut self, collection: Collection) {
        self.turn_to(collection);
        self.aimed();
    }

    /// What follows is about another collection. With the first one the batch takes the spare buffers: one
    /// that is made long before it is filled must not keep them from the one that is.
    fn turn_to(&mut self, collection: Collection) {
        if self.buffers.targets.is_empty() {
            let taken = SPARE.try_with(|spare| spare.replace(Buffers::new()));
            self.buffers = taken.unwrap_or(Buffers::new());
        }
        self.buffers.targets.push(Target { collection, frames: 0, appends: 0 });
    }

    fn aimed(&mut self) -> &mut Target {
        let last = self.buffers.targets.len() - 1;
        let target = &mut self.buffers.targets[last];
        target.frames += 1;
        target
    }
}

fn not_alone() -> Error {
    Error::rejected("a batch that drops a collection has nothing else for it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::log::LogIndex;

    #[test]
    fn a_batch_that_is_never_filled_takes_no_buffers_from_the_one_that_is() {
        let log = Arc::new(LogData::new(1, "log", LogIndex::new(), 0));
        let capacity = |encoded: &Encoded| encoded.buffers.bytes.capacity();
        let filled_with = |bytes: usize| {
            let mut encoded = Encoded::default();
            encoded.append(&log, &[&vec![0; bytes]], 1 << 20);
            encoded
        };
        let (first, early) = (filled_with(10_000), Encoded::default());
        let large = capacity(&first);
        drop(first);
        drop(Encoded::default());
        let second = filled_with(1);
        assert_eq!(capacity(&second), large);
        // Dropped behind it, and smaller.
        let third = filled_with(1);
        assert!(capacity(&third) < large);
        drop((second, third, early));
        assert_eq!(capacity(&filled_with(1)), large);
    }
}
