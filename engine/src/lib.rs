//! An embedded, append-only, log-structured store of logs and maps.
//!
//! (skeleton: in memory; the real store replaces it behind the same names)

pub mod storage;

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;

/// Place of a record in its log, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq(pub u64);

/// Place in the store's whole history, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(pub u64);

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Power loss: every wait is for a sync to the device.
    Device,
    /// A crash of the process: a wait is for a write to the operating system.
    Os,
}

/// How a store is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// What [`Commit::wait`] waits for.
    pub durability: Durability,
    /// The size of a segment file in bytes.
    pub segment_bytes: u64,
    /// The largest payload, or key and value together, in bytes.
    pub record_bytes_max: usize,
    /// Bytes that may wait in memory for the disk before `commit` blocks.
    pub tail_bytes_max: usize,
    /// Whether a thread of the store's own writes and syncs whatever is committed, at once.
    pub committer_thread: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Device,
            segment_bytes: 64 << 20,
            record_bytes_max: 64 << 20,
            tail_bytes_max: 64 << 20,
            committer_thread: false,
        }
    }
}

/// What went wrong, and who must act.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for what cannot be.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The disk failed.
    #[error("i/o: {0}")]
    Io(Arc<std::io::Error>),
    /// The disk is full.
    #[error("disk full")]
    Full,
    /// A sync failed before: reopen the store.
    #[error("poisoned")]
    Poisoned,
}

/// What opening found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenReport {
    /// Segments found.
    pub segments: u64,
    /// Records found.
    pub records: u64,
    /// Bytes of a torn tail that were cut.
    pub bytes_cut: u64,
    /// How long it took.
    pub elapsed: std::time::Duration,
}

#[derive(Default)]
struct Inner {
    logs: HashMap<String, Log>,
    position: u64,
    watch: Vec<Box<dyn Fn(Result<Position, Error>) + Send + Sync>>,
}

/// A store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Mutex<Inner>>, OpenReport);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// A log of the store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Log(Arc<Mutex<Vec<Bytes>>>, Arc<str>);

/// Any number of changes that are atomic together.
#[derive(Default, Debug)]
pub struct Batch(Vec<(Log, Bytes)>);

/// A batch that has its place.
#[derive(Debug, Clone)]
pub struct Commit {
    store: Store,
    position: Position,
    seqs: Vec<Seq>,
}

/// One record of a log.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its sequence number.
    pub seq: Seq,
    /// Its payload.
    pub payload: Bytes,
}

impl Store {
    /// Opens or creates the store in a directory.
    pub fn open(_dir: impl AsRef<Path>, _options: Options) -> Result<Self, Error> {
        Ok(Self(Arc::default(), OpenReport::default()))
    }
    /// What opening found.
    pub fn report(&self) -> &OpenReport {
        &self.1
    }
    /// The log of this name, created when it does not exist. Names are 1 to 1,024 bytes.
    pub fn log(&self, name: &str) -> Result<Log, Error> {
        let mut inner = self.0.lock();
        Ok(inner
            .logs
            .entry(name.into())
            .or_insert_with(|| Log(Arc::default(), name.into()))
            .clone())
    }
    /// The log of this name, if it exists. Writes nothing.
    pub fn find_log(&self, name: &str) -> Result<Option<Log>, Error> {
        Ok(self.0.lock().logs.get(name).cloned())
    }
    /// Gives the batch its place. Never waits for the disk.
    pub fn commit(&self, batch: Batch) -> Result<Commit, Error> {
        let mut inner = self.0.lock();
        let mut seqs = Vec::new();
        for (log, payload) in batch.0 {
            inner.position += payload.len() as u64 + 32;
            let mut records = log.0.lock();
            records.push(payload);
            seqs.push(Seq(records.len() as u64));
        }
        let position = Position(inner.position);
        for watch in &inner.watch {
            watch(Ok(position));
        }
        Ok(Commit { store: self.clone(), position, seqs })
    }
    /// Everything before this survives what [`Durability`] says.
    pub fn durable(&self) -> Position {
        Position(self.0.lock().position)
    }
    /// Everything before this has its place.
    pub fn appended(&self) -> Position {
        Position(self.0.lock().position)
    }
    /// Calls `watch` each time the durable watermark has moved, and once with the error when the
    /// store is poisoned. It runs on the flushing thread and must be short.
    pub fn on_durable(&self, watch: impl Fn(Result<Position, Error>) + Send + Sync + 'static) {
        self.0.lock().watch.push(Box::new(watch));
    }
    /// Makes everything appended durable.
    pub fn sync(&self) -> Result<Position, Error> {
        Ok(self.durable())
    }
    /// Syncs, marks a clean end and releases the directory's lock.
    pub fn close(self) -> Result<(), Error> {
        Ok(())
    }
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }
    /// Appends a record to a log.
    pub fn append(&mut self, log: &Log, payload: &[u8]) {
        self.0.push((log.clone(), Bytes::copy_from_slice(payload)));
    }
    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Commit {
    /// The position after the batch: durable when [`Store::durable`] has reached it.
    pub fn position(&self) -> Position {
        self.position
    }
    /// The sequence numbers of its appends, in order.
    pub fn seqs(&self) -> &[Seq] {
        &self.seqs
    }
    /// Returns when the batch is durable.
    pub fn wait(&self) -> Result<(), Error> {
        let _ = &self.store;
        Ok(())
    }
}

impl Log {
    /// The log's name.
    pub fn name(&self) -> &str {
        &self.1
    }
    /// The sequence number that the next append gets.
    pub fn next_seq(&self) -> Seq {
        Seq(self.0.lock().len() as u64 + 1)
    }
    /// The sequence number of the first record kept.
    pub fn first_seq(&self) -> Seq {
        Seq(1)
    }
    /// Payload bytes of the records kept.
    pub fn bytes(&self) -> u64 {
        self.0.lock().iter().map(|r| r.len() as u64).sum()
    }
    /// One record.
    pub fn get(&self, seq: Seq) -> Result<Option<Bytes>, Error> {
        Ok(self.0.lock().get((seq.0 - 1) as usize).cloned())
    }
    /// The records of a range, in order.
    pub fn read(&self, range: impl std::ops::RangeBounds<Seq>) -> LogReader {
        let next = match range.start_bound() {
            std::ops::Bound::Included(s) => s.0,
            std::ops::Bound::Excluded(s) => s.0 + 1,
            std::ops::Bound::Unbounded => 1,
        };
        LogReader { log: self.clone(), next }
    }
}

/// Reads a log in order. Sees what is appended while it reads.
#[derive(Debug)]
pub struct LogReader {
    log: Log,
    next: u64,
}

impl Iterator for LogReader {
    type Item = Result<Record, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        let payload = self.log.0.lock().get(self.next as usize - 1)?.clone();
        self.next += 1;
        Some(Ok(Record { seq: Seq(self.next - 1), payload }))
    }
}
