//! Every engine behind one small trait: logs of records, numbered from 1, that can be appended to and read.

mod commitlog;
mod lmdb;
mod raft;
pub mod syncline;

use std::{error::Error, fs, path::Path};

/// What an engine's failure is here: the end of the run.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// syncline-engine.
    Syncline,
    /// raft-engine.
    Raft,
    /// commitlog.
    Commitlog,
    /// LMDB, through heed.
    Lmdb,
    /// A preallocated file, written and synced.
    Disk,
}

/// When an append may return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// When the engine has it. [`Engine::flush`] hands everything to the operating system.
    Buffered,
    /// When it survives power loss.
    Durable,
}

/// An open engine. Logs are numbered from 0, and all there from the beginning.
pub trait Engine: Send + Sync {
    /// What one thread writes with.
    fn writer(&self) -> Box<dyn Writer + '_>;

    /// What one thread reads with. Sees what was written before it was made.
    fn reader(&self) -> Result<Box<dyn Reader + '_>, Failure>;

    /// Returns when everything written has been handed to the operating system.
    fn flush(&self) -> Result<(), Failure>;
}

/// Writes of one thread. Only one writer writes to a log at a time.
pub trait Writer {
    /// Appends records, each to its log, as one atomic batch.
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure>;
}

/// Reads of one thread.
pub trait Reader {
    /// Reads one record and returns its length. `None` when it is not there.
    fn read(&mut self, log: u32, seq: u64) -> Result<Option<usize>, Failure>;

    /// Reads the last `count` records of a log of `len` and returns their bytes.
    fn tail(&mut self, log: u32, len: u64, count: u64) -> Result<usize, Failure>;
}

impl Kind {
    /// The engine's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syncline => "syncline",
            Self::Raft => "raft-engine",
            Self::Commitlog => "commitlog",
            Self::Lmdb => "LMDB",
            Self::Disk => "raw disk",
        }
    }

    /// The settings it runs with, and what they promise.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Syncline => {
                "syncline-engine, defaults. Buffered: `commit` with durability `Os`, and one `wait` for all of it at the end. \
                 Durable: `commit` and `wait` with durability `Device`. Every read checks its CRC"
            }
            Self::Raft => {
                "raft-engine 0.4, defaults but compression off (the payload does not compress). Buffered: \
                 `write(batch, sync = false)`. Durable: `sync = true`. Reads check the CRC of their block"
            }
            Self::Commitlog => {
                "commitlog 0.2, defaults. Buffered only: it has no sync. One log per directory"
            }
            Self::Lmdb => {
                "LMDB through heed 0.23. Buffered: NO_SYNC. Durable: defaults, one transaction per append. \
                 One read transaction per thread. No checksums"
            }
            Self::Disk => "a file of written zeros, 256 B at a time, `pwrite` and `fdatasync`",
        }
    }

    /// Opens the engine of this kind in an empty directory, or again in its own.
    pub fn open(self, dir: &Path, wait: Wait, logs: u32) -> Result<Box<dyn Engine>, Failure> {
        fs::create_dir_all(dir)?;
        Ok(match self {
            Self::Syncline => Box::new(syncline::Syncline::open(dir, wait, logs)?),
            Self::Raft => Box::new(raft::Raft::open(dir, wait, logs)?),
            Self::Commitlog => Box::new(commitlog::Commitlog::open(dir)?),
            Self::Lmdb => Box::new(lmdb::Lmdb::open(dir, wait, logs)?),
            Self::Disk => return Err("the disk is no engine".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINES: [Kind; 3] = [Kind::Syncline, Kind::Raft, Kind::Lmdb];

    #[test]
    fn every_engine_gives_back_what_it_took() -> Result<(), Failure> {
        for kind in ENGINES {
            for wait in [Wait::Buffered, Wait::Durable] {
                let dir = tempfile::tempdir()?;
                let engine = kind.open(dir.path(), wait, 2)?;
                let (short, long) = ([1; 16], [2; 300]);
                let mut writer = engine.writer();
                writer.append(&[(0, &short), (1, &long), (0, &long)])?;
                writer.append(&[(1, &short)])?;
                engine.flush()?;
                let mut reader = engine.reader()?;
                assert_eq!(reader.read(0, 1)?, Some(16), "{}", kind.name());
                assert_eq!(reader.read(0, 2)?, Some(300), "{}", kind.name());
                assert_eq!(reader.read(0, 3)?, None, "{}", kind.name());
                assert_eq!(reader.tail(1, 2, 2)?, 316, "{}", kind.name());
                assert_eq!(reader.tail(1, 2, 1)?, 16, "{}", kind.name());
            }
        }
        Ok(())
    }
}
