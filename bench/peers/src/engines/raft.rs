//! raft-engine.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use protobuf::well_known_types::BytesValue;
use raft_engine::{Config, Engine as RaftEngine, LogBatch, MessageExt, ReadableSize};

use super::{Engine, Failure, Reader, Wait, Writer};

/// A record as raft-engine wants it: a protobuf message that knows its number, here in its first eight bytes.
#[derive(Clone, Copy)]
struct Entry;

impl MessageExt for Entry {
    type Entry = BytesValue;

    fn index(entry: &BytesValue) -> u64 {
        entry.value.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// An open engine; a log is a region, numbered from 1.
pub struct Raft {
    engine: RaftEngine,
    sync: bool,
    /// The number of records of each log.
    lens: Vec<AtomicU64>,
}

struct Appender<'a> {
    raft: &'a Raft,
    batch: LogBatch,
}

struct Lookups<'a> {
    raft: &'a Raft,
    found: Vec<BytesValue>,
}

/// The map is spread over so many regions behind those of the logs, so that a purge moves it in parts.
const MAP_REGIONS: u64 = 1024;

fn region(log: u32) -> u64 {
    u64::from(log) + 1
}

fn region_of(key: &[u8]) -> u64 {
    let sum = key.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    (1 << 32) + 1 + sum % MAP_REGIONS
}

impl Raft {
    /// Opens the engine.
    pub fn open(dir: &Path, wait: Wait, logs: u32) -> Result<Self, Failure> {
        let config = Config {
            dir: dir.join("raft").to_string_lossy().into_owned(),
            batch_compression_threshold: ReadableSize(0),
            // The default, 10 GB, would let the overwrite run grow to that.
            purge_threshold: ReadableSize::mb(512),
            ..Config::default()
        };
        let engine = RaftEngine::open(config)?;
        let lens = (0..logs)
            .map(|log| AtomicU64::new(engine.last_index(region(log)).unwrap_or(0)))
            .collect();
        Ok(Self { engine, sync: wait == Wait::Durable, lens })
    }
}

impl Engine for Raft {
    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(Appender { raft: self, batch: LogBatch::default() })
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Lookups { raft: self, found: Vec::new() }))
    }

    fn flush(&self) -> Result<(), Failure> {
        // Every write hands its batch to the operating system.
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        Ok(self.engine.sync()?)
    }

    fn maintain(&self) -> Result<bool, Failure> {
        // No log is ever trimmed here, so what it says about logs that should be is of no use.
        self.engine.purge_expired_files()?;
        Ok(false)
    }
}

impl Writer for Appender<'_> {
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure> {
        let mut entries = Vec::with_capacity(records.len());
        for run in records.chunk_by(|a, b| a.0 == b.0) {
            let log = run[0].0;
            let len = &self.raft.lens[log as usize];
            entries.clear();
            for (_, record) in run {
                let seq = len.load(Ordering::Relaxed) + 1;
                len.store(seq, Ordering::Relaxed);
                let mut entry = BytesValue { value: record.to_vec(), ..BytesValue::default() };
                entry.value[..8].copy_from_slice(&seq.to_le_bytes());
                entries.push(entry);
            }
            self.batch.add_entries::<Entry>(region(log), &entries)?;
        }
        self.raft.engine.write(&mut self.batch, self.raft.sync)?;
        Ok(())
    }

    fn put(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), Failure> {
        for (key, value) in pairs {
            self.batch.put(region_of(key), key.to_vec(), value.to_vec())?;
        }
        self.raft.engine.write(&mut self.batch, self.raft.sync)?;
        Ok(())
    }
}

impl Reader for Lookups<'_> {
    fn read(&mut self, log: u32, seq: u64) -> Result<Option<usize>, Failure> {
        let entry = self.raft.engine.get_entry::<Entry>(region(log), seq)?;
        Ok(entry.map(|entry| std::hint::black_box(&entry.value[..]).len()))
    }

    fn tail(&mut self, log: u32, len: u64, count: u64) -> Result<usize, Failure> {
        self.found.clear();
        let (from, to) = (len - count + 1, len + 1);
        self.raft.engine.fetch_entries_to::<Entry>(region(log), from, to, None, &mut self.found)?;
        Ok(self.found.iter().map(|entry| std::hint::black_box(&entry.value[..]).len()).sum())
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let value = self.raft.engine.get(region_of(key), key);
        Ok(value.map(|value| std::hint::black_box(&value[..]).len()))
    }
}
