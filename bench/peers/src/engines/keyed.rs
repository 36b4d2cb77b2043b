//! Logs and a map over a store of ordered keys: the same layout for every such engine.
//!
//! A record's key is a letter, its log's number and its own, big-endian; a map's key is another letter and the key.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Engine, Failure, Reader, Writer};

const KEY_BYTES_MAX: usize = 72;

/// A key, in place.
#[derive(Clone, Copy)]
pub struct Key {
    bytes: [u8; KEY_BYTES_MAX],
    len: usize,
}

impl Key {
    fn of_record(log: u32, seq: u64) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX];
        // Behind the map's letter, so that the records of a single log always go to the end.
        bytes[0] = b'l';
        bytes[1..5].copy_from_slice(&log.to_be_bytes());
        bytes[5..13].copy_from_slice(&seq.to_be_bytes());
        Self { bytes, len: 13 }
    }

    fn of_map(key: &[u8]) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes[0] = b'k';
        bytes[1..=key.len()].copy_from_slice(key);
        Self { bytes, len: key.len() + 1 }
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What is written as one atomic batch.
pub type Pairs<'p> = dyn Iterator<Item = (Key, &'p [u8])> + 'p;

/// A store of ordered keys.
pub trait Ordered: Send + Sync {
    /// What one thread reads with.
    type View<'a>: View
    where
        Self: 'a;
    /// What one thread writes with.
    type Hand<'a>: Hand
    where
        Self: 'a;

    /// For a thread that writes.
    fn hand(&self) -> Self::Hand<'_>;

    /// A view of what was written before.
    fn view(&self) -> Result<Self::View<'_>, Failure>;

    /// Returns when everything written has been handed to the operating system.
    fn flush(&self) -> Result<(), Failure>;

    /// Returns when everything written survives power loss.
    fn sync(&self) -> Result<(), Failure>;
}

/// Writes of one thread.
pub trait Hand {
    /// Writes one atomic batch. `last`: its keys ascend and are larger than all keys that are there.
    fn write(&mut self, pairs: &mut Pairs<'_>, last: bool) -> Result<(), Failure>;
}

/// Reads of one thread.
pub trait View {
    /// The length of a key's value.
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure>;

    /// The bytes of all values from one key to another, both included.
    fn range(&mut self, from: &[u8], to: &[u8]) -> Result<usize, Failure>;
}

/// Logs and a map in such a store. Appends only to a new one.
pub struct Keyed<O> {
    store: O,
    lens: Vec<AtomicU64>,
}

struct Pen<'a, H> {
    hand: H,
    lens: &'a [AtomicU64],
}

struct Lookups<V>(V);

impl<O: Ordered> Keyed<O> {
    /// With so many logs.
    pub fn new(store: O, logs: u32) -> Self {
        Self { store, lens: (0..logs).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl<O: Ordered> Engine for Keyed<O> {
    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(Pen { hand: self.store.hand(), lens: &self.lens })
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Lookups(self.store.view()?)))
    }

    fn flush(&self) -> Result<(), Failure> {
        self.store.flush()
    }

    fn sync(&self) -> Result<(), Failure> {
        self.store.sync()
    }
}

impl<H: Hand> Writer for Pen<'_, H> {
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure> {
        let lens = self.lens;
        let mut pairs = records.iter().map(|(log, record)| {
            let seq = lens[*log as usize].fetch_add(1, Ordering::Relaxed) + 1;
            (Key::of_record(*log, seq), *record)
        });
        self.hand.write(&mut pairs, lens.len() == 1)
    }

    fn put(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), Failure> {
        if pairs.iter().any(|(key, _)| key.len() >= KEY_BYTES_MAX) {
            return Err("a key is too long".into());
        }
        let mut pairs = pairs.iter().map(|(key, value)| (Key::of_map(key), *value));
        self.hand.write(&mut pairs, false)
    }
}

impl<V: View> Reader for Lookups<V> {
    fn read(&mut self, log: u32, seq: u64) -> Result<Option<usize>, Failure> {
        self.0.get(Key::of_record(log, seq).as_ref())
    }

    fn tail(&mut self, log: u32, len: u64, count: u64) -> Result<usize, Failure> {
        let (from, to) = (Key::of_record(log, len - count + 1), Key::of_record(log, len));
        self.0.range(from.as_ref(), to.as_ref())
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        self.0.get(Key::of_map(key).as_ref())
    }
}
