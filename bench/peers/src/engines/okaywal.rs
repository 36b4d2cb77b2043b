//! okaywal.

use std::{
    io::{self, Read as _},
    path::Path,
    sync::Mutex,
};

use okaywal::{
    Configuration, Entry, EntryId, LogManager, LogPosition, SegmentReader, WriteAheadLog,
};

use super::{Engine, Failure, Reader, Wait, Writer};

/// Bytes of a file made in advance, and when it is checkpointed: in the proportion of the defaults, but larger.
const FILE_BYTES: u32 = 64 << 20;
const CHECKPOINT_BYTES: u64 = 48 << 20;

/// An open log. Where a record is, is its user's to know: here one list per log.
pub struct Okaywal {
    wal: WriteAheadLog,
    places: Vec<Mutex<Vec<LogPosition>>>,
}

/// Reads what is recovered, as its user must, and lets go of what is checkpointed.
#[derive(Debug)]
struct Manager;

struct Appender<'a> {
    engine: &'a Okaywal,
}

struct Lookups<'a> {
    engine: &'a Okaywal,
    found: Vec<u8>,
}

impl LogManager for Manager {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        std::hint::black_box(entry.read_all_chunks()?);
        Ok(())
    }

    fn checkpoint_to(
        &mut self,
        _last: EntryId,
        _entries: &mut SegmentReader,
        _wal: &WriteAheadLog,
    ) -> io::Result<()> {
        Ok(())
    }
}

impl Okaywal {
    /// Opens the log. It knows no buffered writes: that asks here for a log that keeps everything, to be read.
    pub fn open(dir: &Path, wait: Wait, logs: u32) -> Result<Self, Failure> {
        let config = Configuration::default_for(dir.join("okaywal")).preallocate_bytes(FILE_BYTES);
        let config = match wait {
            Wait::Buffered => config.checkpoint_after_bytes(u64::MAX),
            Wait::Durable => config.checkpoint_after_bytes(CHECKPOINT_BYTES),
        };
        let places = (0..logs).map(|_| Mutex::default()).collect();
        Ok(Self { wal: config.open(Manager)?, places })
    }

    fn place(&self, log: u32, seq: u64) -> Result<Option<LogPosition>, Failure> {
        let places = self.places[log as usize].lock().map_err(|_| "another thread panicked")?;
        Ok(places.get(seq as usize - 1).copied())
    }
}

impl Engine for Okaywal {
    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(Appender { engine: self })
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Lookups { engine: self, found: Vec::new() }))
    }

    fn flush(&self) -> Result<(), Failure> {
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        // Every commit waits for the device.
        Ok(())
    }
}

impl Writer for Appender<'_> {
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure> {
        let mut entry = self.engine.wal.begin_entry()?;
        for (log, record) in records {
            let place = entry.write_chunk(record)?.position;
            let places = &self.engine.places[*log as usize];
            places.lock().map_err(|_| "another thread panicked")?.push(place);
        }
        entry.commit()?;
        Ok(())
    }

    fn put(&mut self, _pairs: &[(&[u8], &[u8])]) -> Result<(), Failure> {
        Err("okaywal has no map".into())
    }
}

impl Reader for Lookups<'_> {
    fn read(&mut self, log: u32, seq: u64) -> Result<Option<usize>, Failure> {
        let Some(place) = self.engine.place(log, seq)? else { return Ok(None) };
        self.found.clear();
        let mut chunk = self.engine.wal.read_at(place)?;
        chunk.read_to_end(&mut self.found)?;
        if !chunk.crc_is_valid()? {
            return Err("a chunk is damaged".into());
        }
        Ok(Some(std::hint::black_box(&self.found[..]).len()))
    }

    fn tail(&mut self, log: u32, len: u64, count: u64) -> Result<usize, Failure> {
        let mut bytes = 0;
        for seq in len - count + 1..=len {
            bytes += self.read(log, seq)?.ok_or("a record is not there")?;
        }
        Ok(bytes)
    }

    fn get(&mut self, _key: &[u8]) -> Result<Option<usize>, Failure> {
        Err("okaywal has no map".into())
    }
}
