//! redb.

use std::path::Path;

use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase as _, TableDefinition};

use super::{
    CACHE_BYTES, Failure, Wait,
    keyed::{Hand, Ordered, Pairs, View},
};

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("all");

/// An open database with one table.
pub struct Redb {
    database: Database,
    durability: Durability,
}

/// One read transaction.
pub struct Lookups(ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Redb {
    /// Opens the database.
    pub fn open(dir: &Path, wait: Wait) -> Result<Self, Failure> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(dir.join("redb"))?;
        let durability = match wait {
            Wait::Buffered => Durability::None,
            Wait::Durable => Durability::Immediate,
        };
        let redb = Self { database, durability };
        let txn = redb.database.begin_write()?;
        txn.open_table(TABLE)?;
        txn.commit()?;
        Ok(redb)
    }
}

impl Ordered for Redb {
    type View<'a> = Lookups;
    type Hand<'a> = &'a Redb;

    fn hand(&self) -> &Redb {
        self
    }

    fn view(&self) -> Result<Lookups, Failure> {
        Ok(Lookups(self.database.begin_read()?.open_table(TABLE)?))
    }

    fn flush(&self) -> Result<(), Failure> {
        // Nothing less brings what was committed without durability out of the process.
        self.sync()
    }

    fn sync(&self) -> Result<(), Failure> {
        Ok(self.database.begin_write()?.commit()?)
    }
}

impl Hand for &Redb {
    fn write(&mut self, pairs: &mut Pairs<'_>, _last: bool) -> Result<(), Failure> {
        let mut txn = self.database.begin_write()?;
        txn.set_durability(self.durability)?;
        let mut table = txn.open_table(TABLE)?;
        for (key, value) in pairs {
            table.insert(key.as_ref(), value)?;
        }
        drop(table);
        Ok(txn.commit()?)
    }
}

impl View for Lookups {
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let value = self.0.get(key)?;
        Ok(value.map(|value| std::hint::black_box(value.value()).len()))
    }

    fn range(&mut self, from: &[u8], to: &[u8]) -> Result<usize, Failure> {
        let mut bytes = 0;
        for pair in self.0.range::<&[u8]>(from..=to)? {
            bytes += std::hint::black_box(pair?.1.value()).len();
        }
        Ok(bytes)
    }
}
