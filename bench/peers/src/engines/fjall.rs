//! fjall.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{
    CACHE_BYTES, Failure, Wait,
    keyed::{Hand, Ordered, Pairs, View},
};

/// An open database with one keyspace.
pub struct Fjall {
    database: Database,
    keyspace: Keyspace,
    persist: PersistMode,
}

impl Fjall {
    /// Opens the database.
    pub fn open(dir: &Path, wait: Wait) -> Result<Self, Failure> {
        let database =
            Database::builder(dir.join("fjall")).cache_size(CACHE_BYTES as u64).open()?;
        let keyspace = database.keyspace("all", KeyspaceCreateOptions::default)?;
        let persist = match wait {
            Wait::Buffered => PersistMode::Buffer,
            Wait::Durable => PersistMode::SyncData,
        };
        Ok(Self { database, keyspace, persist })
    }
}

impl Ordered for Fjall {
    type View<'a> = &'a Keyspace;
    type Hand<'a> = &'a Fjall;

    fn hand(&self) -> &Fjall {
        self
    }

    fn view(&self) -> Result<&Keyspace, Failure> {
        Ok(&self.keyspace)
    }

    fn flush(&self) -> Result<(), Failure> {
        Ok(self.database.persist(PersistMode::Buffer)?)
    }

    fn sync(&self) -> Result<(), Failure> {
        Ok(self.database.persist(PersistMode::SyncData)?)
    }
}

impl Hand for &Fjall {
    fn write(&mut self, pairs: &mut Pairs<'_>, _last: bool) -> Result<(), Failure> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        for (key, value) in pairs {
            batch.insert(&self.keyspace, key.as_ref(), value);
        }
        Ok(batch.commit()?)
    }
}

impl View for &Keyspace {
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let value = Keyspace::get(self, key)?;
        Ok(value.map(|bytes| std::hint::black_box(&bytes[..]).len()))
    }

    fn range(&mut self, from: &[u8], to: &[u8]) -> Result<usize, Failure> {
        let mut bytes = 0;
        for item in Keyspace::range(self, from..=to) {
            bytes += std::hint::black_box(&item.value()?[..]).len();
        }
        Ok(bytes)
    }
}
