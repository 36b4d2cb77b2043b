//! syncline-engine.

use std::path::Path;

use syncline_engine::{Batch, Durability, Log, Maintained, Map, Options, Seq, Store};

use super::{Engine, Failure, Reader, Wait, Writer};

const SMALL_SEGMENT_BYTES: u64 = 8 << 20;

/// An open store and its logs.
pub struct Syncline {
    store: Store,
    logs: Vec<Log>,
    map: Map,
    wait: Wait,
    /// It does its upkeep itself.
    has_thread: bool,
}

struct Appender<'a> {
    engine: &'a Syncline,
}

struct Lookups<'a> {
    engine: &'a Syncline,
}

fn options(wait: Wait) -> Options {
    let mut options = Options::default();
    options.durability = match wait {
        Wait::Buffered => Durability::Os,
        Wait::Durable => Durability::Device,
    };
    options
}

/// Opens a store for callers that do not block: it has a thread of its own that writes and syncs.
pub fn open_unblocked(dir: &Path) -> Result<Store, Failure> {
    let mut options = options(Wait::Durable);
    options.committer_thread = true;
    std::fs::create_dir_all(dir)?;
    Ok(Store::open(dir.join("store"), options)?)
}

impl Syncline {
    /// Opens the store and its logs.
    pub fn open(dir: &Path, wait: Wait, logs: u32) -> Result<Self, Failure> {
        Self::open_with(dir, wait, logs, options(wait))
    }

    /// Opens the store with what suits a few hundred megabytes that are overwritten: segments that are a
    /// small part of them, and a thread of its own for upkeep.
    pub fn open_to_overwrite(dir: &Path, wait: Wait, logs: u32) -> Result<Self, Failure> {
        let mut options = options(wait);
        options.segment_bytes = SMALL_SEGMENT_BYTES;
        options.reserve_bytes = SMALL_SEGMENT_BYTES;
        options.maintenance_thread = true;
        Self::open_with(dir, wait, logs, options)
    }

    fn open_with(dir: &Path, wait: Wait, logs: u32, options: Options) -> Result<Self, Failure> {
        let has_thread = options.maintenance_thread;
        let store = Store::open(dir.join("store"), options)?;
        let logs =
            (0..logs).map(|log| store.log(&format!("log/{log}"))).collect::<Result<_, _>>()?;
        let map = store.map("map")?;
        Ok(Self { store, logs, map, wait, has_thread })
    }

    fn commit(&self, batch: Batch) -> Result<(), Failure> {
        let commit = self.store.commit(batch)?;
        if self.wait == Wait::Durable {
            commit.wait()?;
        }
        Ok(())
    }
}

impl Engine for Syncline {
    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(Appender { engine: self })
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Lookups { engine: self }))
    }

    fn flush(&self) -> Result<(), Failure> {
        // Opened with `Durability::Os` this is what the peers' writes are: everything is written, and the
        // device is not waited for.
        self.store.wait(self.store.appended())?;
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        self.store.sync()?;
        Ok(())
    }

    fn maintain(&self) -> Result<bool, Failure> {
        Ok(!self.has_thread && self.store.maintain()? != Maintained::Idle)
    }

    fn snapshot(&self) -> Result<bool, Failure> {
        self.store.snapshot()?;
        Ok(true)
    }
}

impl Writer for Appender<'_> {
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure> {
        let mut batch = Batch::new();
        for (log, record) in records {
            batch.append(&self.engine.logs[*log as usize], record);
        }
        self.engine.commit(batch)
    }

    fn put(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), Failure> {
        let mut batch = Batch::new();
        for (key, value) in pairs {
            batch.put(&self.engine.map, key, value);
        }
        self.engine.commit(batch)
    }
}

impl Reader for Lookups<'_> {
    fn read(&mut self, log: u32, seq: u64) -> Result<Option<usize>, Failure> {
        let record = self.engine.logs[log as usize].get(Seq(seq))?;
        Ok(record.map(|bytes| std::hint::black_box(&bytes[..]).len()))
    }

    fn tail(&mut self, log: u32, len: u64, count: u64) -> Result<usize, Failure> {
        let mut bytes = 0;
        let mut records = self.engine.logs[log as usize].read(Seq(len - count + 1)..);
        while let Some(record) = records.next_ref() {
            bytes += std::hint::black_box(record?.1).len();
        }
        Ok(bytes)
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let value = self.engine.map.get(key)?;
        Ok(value.map(|bytes| std::hint::black_box(&bytes[..]).len()))
    }
}
