//! syncline-engine.

use std::path::Path;

use syncline_engine::{Batch, Durability, Log, Options, Seq, Store};

use super::{Engine, Failure, Reader, Wait, Writer};

/// An open store and its logs.
pub struct Syncline {
    store: Store,
    logs: Vec<Log>,
    wait: Wait,
}

struct Appender<'a> {
    engine: &'a Syncline,
}

struct Lookups<'a> {
    engine: &'a Syncline,
}

/// Opens the store in a directory with the settings that are measured.
pub fn open_store(dir: &Path, wait: Wait) -> Result<Store, Failure> {
    let mut options = Options::default();
    options.durability = match wait {
        Wait::Buffered => Durability::Os,
        Wait::Durable => Durability::Device,
    };
    std::fs::create_dir_all(dir)?;
    Ok(Store::open(dir.join("store"), options)?)
}

impl Syncline {
    /// Opens the store and its logs.
    pub fn open(dir: &Path, wait: Wait, logs: u32) -> Result<Self, Failure> {
        let store = open_store(dir, wait)?;
        let logs =
            (0..logs).map(|log| store.log(&format!("log/{log}"))).collect::<Result<_, _>>()?;
        Ok(Self { store, logs, wait })
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
}

impl Writer for Appender<'_> {
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure> {
        let mut batch = Batch::new();
        for (log, record) in records {
            batch.append(&self.engine.logs[*log as usize], record);
        }
        let commit = self.engine.store.commit(batch)?;
        if self.engine.wait == Wait::Durable {
            commit.wait()?;
        }
        Ok(())
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
}
