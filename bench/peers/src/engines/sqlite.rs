//! SQLite, through rusqlite.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    CACHE_BYTES, Failure, Wait,
    keyed::{Hand, Ordered, Pairs, View},
};

/// An open database with one table: one connection writes, each reader has its own.
pub struct Sqlite {
    path: PathBuf,
    writer: Mutex<Connection>,
}

/// A connection that reads.
pub struct Lookups(Connection);

fn connect(path: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "mmap_size", CACHE_BYTES as i64)?;
    // Negative: in KiB.
    connection.pragma_update(None, "cache_size", -(CACHE_BYTES as i64 >> 10))?;
    Ok(connection)
}

impl Sqlite {
    /// Opens the database.
    pub fn open(dir: &Path, wait: Wait) -> Result<Self, Failure> {
        let path = dir.join("sqlite");
        let writer = connect(&path)?;
        let synchronous = if wait == Wait::Durable { "FULL" } else { "NORMAL" };
        writer.pragma_update(None, "synchronous", synchronous)?;
        writer.execute_batch(
            "CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID",
        )?;
        Ok(Self { path, writer: Mutex::new(writer) })
    }

    fn writer(&self) -> Result<MutexGuard<'_, Connection>, Failure> {
        self.writer.lock().map_err(|_| "another writer panicked".into())
    }
}

impl Ordered for Sqlite {
    type View<'a> = Lookups;
    type Hand<'a> = &'a Sqlite;

    fn hand(&self) -> &Sqlite {
        self
    }

    fn view(&self) -> Result<Lookups, Failure> {
        Ok(Lookups(connect(&self.path)?))
    }

    fn flush(&self) -> Result<(), Failure> {
        // Every commit hands its pages to the operating system.
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        // A checkpoint syncs the write-ahead log, and then the database.
        let connection = self.writer()?;
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}

impl Hand for &Sqlite {
    fn write(&mut self, pairs: &mut Pairs<'_>, _last: bool) -> Result<(), Failure> {
        let mut connection = self.writer()?;
        let txn = connection.transaction()?;
        let mut insert =
            txn.prepare_cached("INSERT OR REPLACE INTO pairs (key, value) VALUES (?1, ?2)")?;
        for (key, value) in pairs {
            insert.execute(params![key.as_ref(), value])?;
        }
        drop(insert);
        Ok(txn.commit()?)
    }
}

impl View for Lookups {
    fn get(&mut self, key: &[u8]) -> Result<Option<usize>, Failure> {
        let mut select = self.0.prepare_cached("SELECT value FROM pairs WHERE key = ?1")?;
        let len = |row: &rusqlite::Row<'_>| {
            Ok(std::hint::black_box(row.get_ref(0)?.as_blob().unwrap_or(&[])).len())
        };
        Ok(select.query_row([key], len).optional()?)
    }

    fn range(&mut self, from: &[u8], to: &[u8]) -> Result<usize, Failure> {
        let mut select =
            self.0.prepare_cached("SELECT value FROM pairs WHERE key BETWEEN ?1 AND ?2")?;
        let mut rows = select.query([from, to])?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            bytes += std::hint::black_box(row.get_ref(0)?.as_blob()?).len();
        }
        Ok(bytes)
    }
}
