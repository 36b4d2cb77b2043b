//! LMDB, through heed. The only file with `unsafe`: opening a memory-mapped file is.

use std::{
    fs,
    ops::Bound,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use heed::{
    CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, PutFlags, RoTxn, WithoutTls,
    types::Bytes,
};

use super::{Engine, Failure, Reader, Wait, Writer};

const MAP_BYTES: usize = 16 << 30;

/// An open environment with one database; a key is the log's number and the record's, big-endian.
pub struct Lmdb {
    env: Env<WithoutTls>,
    database: Database<'static, Bytes, Bytes>,
    lens: Vec<AtomicU64>,
}

struct Appender<'a> {
    lmdb: &'a Lmdb,
}

struct Lookups<'a> {
    lmdb: &'a Lmdb,
    txn: RoTxn<'a, WithoutTls>,
}

fn key(log: u32, seq: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&log.to_be_bytes());
    key[4..].copy_from_slice(&seq.to_be_bytes());
    key
}

impl Lmdb {
    /// Opens the environment. Expects it to be new.
    pub fn open(dir: &Path, wait: Wait, logs: u32) -> Result<Self, Failure> {
        let dir = dir.join("lmdb");
        fs::create_dir_all(&dir)?;
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(MAP_BYTES).max_readers(128);
        if wait == Wait::Buffered {
            // SAFETY: without a sync a power cut may corrupt the file; nobody opens it after one.
            unsafe { options.flags(EnvFlags::NO_SYNC) };
        }
        // SAFETY: the directory is new and temporary, so nothing else maps or changes its files.
        let env = unsafe { options.open(&dir)? };
        let created = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
            let database = opener.create_database::<Bytes, Bytes>(txn, None)?;
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(database))
        })?;
        let database = created.commit().ok_or("the database was not created")?;
        Ok(Self { env, database, lens: (0..logs).map(|_| AtomicU64::new(0)).collect() })
    }
}

impl Engine for Lmdb {
    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(Appender { lmdb: self })
    }

    fn reader(&self) -> Result<Box<dyn Reader + '_>, Failure> {
        Ok(Box::new(Lookups { lmdb: self, txn: self.env.read_txn()? }))
    }

    fn flush(&self) -> Result<(), Failure> {
        // Every commit hands its pages to the operating system.
        Ok(())
    }
}

impl Writer for Appender<'_> {
    fn append(&mut self, records: &[(u32, &[u8])]) -> Result<(), Failure> {
        let mut txn = self.lmdb.env.write_txn()?;
        // With a single log the keys ascend, and LMDB can be told so.
        let ascending = self.lmdb.lens.len() == 1;
        for (log, record) in records {
            let seq = self.lmdb.lens[*log as usize].fetch_add(1, Ordering::Relaxed) + 1;
            let flags = if ascending { PutFlags::APPEND } else { PutFlags::empty() };
            self.lmdb.database.put_with_flags(&mut txn, flags, &key(*log, seq), record)?;
        }
        txn.commit()?;
        Ok(())
    }
}

impl Reader for Lookups<'_> {
    fn read(&mut self, log: u32, seq: u64) -> Result<Option<usize>, Failure> {
        let record = self.lmdb.database.get(&self.txn, &key(log, seq))?;
        Ok(record.map(|bytes| std::hint::black_box(bytes).len()))
    }

    fn tail(&mut self, log: u32, len: u64, count: u64) -> Result<usize, Failure> {
        let (from, to) = (key(log, len - count + 1), key(log, len));
        let bounds = (Bound::Included(&from[..]), Bound::Included(&to[..]));
        let mut bytes = 0;
        for record in self.lmdb.database.range(&self.txn, &bounds)? {
            bytes += std::hint::black_box(record?.1).len();
        }
        Ok(bytes)
    }
}
