//! RocksDB, through the crate rocksdb.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, Options, ReadOptions, WriteBatch, WriteOptions,
};

use super::{
    CACHE_BYTES, Failure, Wait,
    keyed::{Hand, Ordered, Pairs, View},
};

/// An open database with its default column family.
pub struct Rocks {
    database: DB,
    write: WriteOptions,
}

/// The settings of the makers' page "Setup Options and Basic Tuning", but compression off: the payload does
/// not compress.
fn options() -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_size(16 << 10);
    table.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
    table.set_bloom_filter(10.0, false);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_format_version(5);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_max_background_jobs(6);
    options.set_bytes_per_sync(1 << 20);
    options.set_compaction_pri(rocksdb::CompactionPri::MinOverlappingRatio);
    options.set_compression_type(DBCompressionType::None);
    options
}

impl Rocks {
    /// Opens the database.
    pub fn open(dir: &Path, wait: Wait) -> Result<Self, Failure> {
        let database = DB::open(&options(), dir.join("rocksdb"))?;
        let mut write = WriteOptions::default();
        write.set_sync(wait == Wait::Durable);
        Ok(Self { database, write })
    }
}

impl Ordered for Rocks {
    type View<'a> = &'a DB;
    type Hand<'a> = &'a Rocks;

    fn hand(&self) -> &Rocks {
        self
    }

    fn view(&self) -> Result<&DB, Failure> {
        Ok(&self.database)
    }

    fn flush(&self) -> Result<(), Failure> {
        // Every write hands its log record to the operating system.
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        Ok(self.database.flush_wal(true)?)
    }
}

impl Hand for &Rocks {
    fn write(&mut self, pairs: &mut Pairs<'_>, _last: bool) -> Result<(), Failure> {
        let mut batch = WriteBatch::default();
        for (key, value) in pairs {
            batch.put(key.as_ref(), value);
        }
        Ok(self.database.write_opt(batch, &self.write)?)
    }
}

impl View for &DB {
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let value = self.get_pinned(key)?;
        Ok(value.map(|bytes| std::hint::black_box(&bytes[..]).len()))
    }

    fn range(&mut self, from: &[u8], to: &[u8]) -> Result<usize, Failure> {
        let mut bounds = ReadOptions::default();
        // The upper bound is not included: the first key behind `to` is.
        bounds.set_iterate_upper_bound([to, &[0]].concat());
        let mut iterator = self.raw_iterator_opt(bounds);
        iterator.seek(from);
        let mut bytes = 0;
        while let Some(value) = iterator.value() {
            bytes += std::hint::black_box(value).len();
            iterator.next();
        }
        iterator.status()?;
        Ok(bytes)
    }
}
