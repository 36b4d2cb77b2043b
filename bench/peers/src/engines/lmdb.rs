//! LMDB, through heed. The only file with `unsafe`: opening a memory-mapped file is.

use std::{fs, ops::Bound, path::Path};

use heed::{
    CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, PutFlags, RoTxn, WithoutTls,
    types::Bytes,
};

use super::{
    Failure, Wait,
    keyed::{Hand, Ordered, Pairs, View},
};

const MAP_BYTES: usize = 16 << 30;

/// An open environment with one database.
pub struct Lmdb {
    env: Env<WithoutTls>,
    database: Database<'static, Bytes, Bytes>,
}

/// One read transaction.
pub struct Lookups<'a> {
    lmdb: &'a Lmdb,
    txn: RoTxn<'a, WithoutTls>,
}

impl Lmdb {
    /// Opens the environment.
    pub fn open(dir: &Path, wait: Wait) -> Result<Self, Failure> {
        let dir = dir.join("lmdb");
        fs::create_dir_all(&dir)?;
        let mut options = EnvOpenOptions::new().read_txn_without_tls();
        options.map_size(MAP_BYTES).max_readers(128);
        if wait == Wait::Buffered {
            // SAFETY: without a sync a power cut may corrupt the file; nobody opens it after one.
            unsafe { options.flags(EnvFlags::NO_SYNC) };
        }
        // SAFETY: the directory is temporary and ours, so nothing else maps or changes its files.
        let env = unsafe { options.open(&dir)? };
        let created = env.create_databases_and_commit(env.write_txn()?, |opener, txn| {
            let database = opener.create_database::<Bytes, Bytes>(txn, None)?;
            Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(database))
        })?;
        let database = created.commit().ok_or("the database was not created")?;
        Ok(Self { env, database })
    }
}

impl Ordered for Lmdb {
    type View<'a> = Lookups<'a>;
    type Hand<'a> = &'a Lmdb;

    fn hand(&self) -> &Lmdb {
        self
    }

    fn view(&self) -> Result<Lookups<'_>, Failure> {
        Ok(Lookups { lmdb: self, txn: self.env.read_txn()? })
    }

    fn flush(&self) -> Result<(), Failure> {
        // Every commit hands its pages to the operating system.
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        Ok(self.env.force_sync()?)
    }
}

impl Hand for &Lmdb {
    fn write(&mut self, pairs: &mut Pairs<'_>, last: bool) -> Result<(), Failure> {
        let mut txn = self.env.write_txn()?;
        // LMDB can be told that keys ascend.
        let flags = if last { PutFlags::APPEND } else { PutFlags::empty() };
        for (key, value) in pairs {
            self.database.put_with_flags(&mut txn, flags, key.as_ref(), value)?;
        }
        txn.commit()?;
        Ok(())
    }
}

impl View for Lookups<'_> {
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let value = self.lmdb.database.get(&self.txn, key)?;
        Ok(value.map(|bytes| std::hint::black_box(bytes).len()))
    }

    fn range(&mut self, from: &[u8], to: &[u8]) -> Result<usize, Failure> {
        let bounds = (Bound::Included(from), Bound::Included(to));
        let mut bytes = 0;
        for pair in self.lmdb.database.range(&self.txn, &bounds)? {
            bytes += std::hint::black_box(pair?.1).len();
        }
        Ok(bytes)
    }
}
