//! commitlog.

use std::{path::Path, sync::Mutex};

use commitlog::{CommitLog, LogOptions, message::MessageBuf};

use super::{Engine, Failure, Reader, Writer};

/// An open log: the only one of its directory.
pub struct Commitlog {
    log: Mutex<CommitLog>,
}

struct Appender<'a> {
    engine: &'a Commitlog,
    batch: MessageBuf,
}

impl Commitlog {
    /// Opens the log.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let log = CommitLog::new(LogOptions::new(dir.join("commitlog")))?;
        Ok(Self { log: Mutex::new(log) })
    }
}

impl Engine for Commitlog {
    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(Appender { engine: self, batch: MessageBuf::default() })
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, Failure> {
        Err("commitlog is measured for appends only".into())
    }

    fn flush(&self) -> Result<(), Failure> {
        // Every append hands its batch to the operating system.
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        Err("commitlog has no sync".into())
    }
}

impl Writer for Appender<'_> {
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure> {
        self.batch.clear();
        for (_, record) in records {
            self.batch.push(record).map_err(|error| format!("{error:?}"))?;
        }
        let mut log = self.engine.log.lock().map_err(|_| "another writer panicked")?;
        log.append(&mut self.batch)?;
        Ok(())
    }

    fn put(&mut self, _pairs: &[(&[u8], &[u8])]) -> Result<(), Failure> {
        Err("commitlog has no map".into())
    }
}
