//! Every engine behind one small trait: logs of records, numbered from 1, and one map. Knows nothing of what is measured.

mod commitlog;
mod fjall;
mod keyed;
mod kind;
mod lmdb;
mod okaywal;
mod raft;
mod redb;
#[cfg(feature = "rocksdb")]
mod rocks;
#[cfg(feature = "sled")]
mod sled;
mod sqlite;
pub mod syncline;

use std::{error::Error, fs, path::Path};

use self::keyed::Keyed;
pub use self::kind::Kind;

/// What an engine's failure is here: the end of the run.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Bytes of the block or page cache of an engine that has one of its own: what is measured fits.
const CACHE_BYTES: usize = 4 << 30;

/// When a write may return.
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

    /// Returns when everything written survives power loss.
    fn sync(&self) -> Result<(), Failure>;

    /// One step of the upkeep that the engine leaves to its caller; `false` when there was nothing to do.
    fn maintain(&self) -> Result<bool, Failure> {
        Ok(false)
    }

    /// Writes an image from which the next open starts; `false` for an engine that has no such thing.
    fn snapshot(&self) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// Writes of one thread. Only one writer writes to a log at a time.
pub trait Writer {
    /// Appends records, each to its log, as one atomic batch.
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure>;

    /// Puts keys with values into the map, as one atomic batch.
    fn put(&mut self, pairs: &[(&[u8], &[u8])]) -> Result<(), Failure>;
}

/// Reads of one thread.
pub trait Reader {
    /// Reads one record and returns its length. `None` when it is not there.
    fn read(&mut self, log: u32, seq: u64) -> Result<Option<usize>, Failure>;

    /// Reads the last `count` records of a log of `len` and returns their bytes.
    fn tail(&mut self, log: u32, len: u64, count: u64) -> Result<usize, Failure>;

    /// Reads the value of a key of the map and returns its length. `None` when it is not there.
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure>;
}

impl Kind {
    /// Opens the engine of this kind in an empty directory, or again in its own.
    pub fn open(self, dir: &Path, wait: Wait, logs: u32) -> Result<Box<dyn Engine>, Failure> {
        fs::create_dir_all(dir)?;
        Ok(match self {
            Self::Syncline => Box::new(syncline::Syncline::open(dir, wait, logs)?),
            Self::Raft => Box::new(raft::Raft::open(dir, wait, logs)?),
            #[cfg(feature = "rocksdb")]
            Self::Rocks => Box::new(Keyed::new(rocks::Rocks::open(dir, wait)?, logs)),
            Self::Fjall => Box::new(Keyed::new(fjall::Fjall::open(dir, wait)?, logs)),
            Self::Lmdb => Box::new(Keyed::new(lmdb::Lmdb::open(dir, wait)?, logs)),
            Self::Redb => Box::new(Keyed::new(redb::Redb::open(dir, wait)?, logs)),
            Self::Sqlite => Box::new(Keyed::new(sqlite::Sqlite::open(dir, wait)?, logs)),
            #[cfg(feature = "sled")]
            Self::Sled => Box::new(Keyed::new(sled::Sled::open(dir, wait)?, logs)),
            Self::Okaywal => Box::new(okaywal::Okaywal::open(dir, wait, logs)?),
            Self::Commitlog => Box::new(commitlog::Commitlog::open(dir)?),
            _ => return Err(format!("{} is not in this build", self.name()).into()),
        })
    }

    /// Opens it for values that are overwritten all the time, as its makers have it then.
    pub fn open_to_overwrite(
        self,
        dir: &Path,
        wait: Wait,
        logs: u32,
    ) -> Result<Box<dyn Engine>, Failure> {
        if self != Self::Syncline {
            return self.open(dir, wait, logs);
        }
        fs::create_dir_all(dir)?;
        Ok(Box::new(syncline::Syncline::open_to_overwrite(dir, wait, logs)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gives_back_what_it_took(kind: Kind, wait: Wait) -> Result<(), Failure> {
        let dir = tempfile::tempdir()?;
        let engine = kind.open(dir.path(), wait, 2)?;
        let (short, long) = ([1; 16], [2; 300]);
        let mut writer = engine.writer();
        writer.append(&[(0, &short), (1, &long), (0, &long)])?;
        writer.append(&[(1, &short)])?;
        engine.flush()?;
        engine.sync()?;
        let mut reader = engine.reader()?;
        assert_eq!(reader.read(0, 1)?, Some(16), "{}", kind.name());
        assert_eq!(reader.read(0, 2)?, Some(300), "{}", kind.name());
        assert_eq!(reader.read(0, 3)?, None, "{}", kind.name());
        assert_eq!(reader.tail(1, 2, 2)?, 316, "{}", kind.name());
        assert_eq!(reader.tail(1, 2, 1)?, 16, "{}", kind.name());
        Ok(())
    }

    fn keeps_the_last_value(kind: Kind, wait: Wait) -> Result<(), Failure> {
        let dir = tempfile::tempdir()?;
        let engine = kind.open(dir.path(), wait, 1)?;
        let mut writer = engine.writer();
        writer.put(&[(b"a", &[1; 16]), (b"b", &[2; 16])])?;
        writer.append(&[(0, &[3; 16])])?;
        writer.put(&[(b"a", &[4; 300])])?;
        engine.sync()?;
        engine.maintain()?;
        engine.snapshot()?;
        let mut reader = engine.reader()?;
        assert_eq!(reader.get(b"a")?, Some(300), "{}", kind.name());
        assert_eq!(reader.get(b"b")?, Some(16), "{}", kind.name());
        assert_eq!(reader.get(b"c")?, None, "{}", kind.name());
        Ok(())
    }

    #[test]
    fn every_engine_gives_back_what_it_took() -> Result<(), Failure> {
        for kind in Kind::available() {
            for wait in [Wait::Buffered, Wait::Durable] {
                if kind.has_reads() {
                    gives_back_what_it_took(kind, wait)?;
                }
                if kind.has_map() {
                    keeps_the_last_value(kind, wait)?;
                }
            }
        }
        Ok(())
    }
}
