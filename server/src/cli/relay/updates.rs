//! The SQLite file of the first relay server: its one table, read and written. Knows no store.

use std::{fs::File, io::ErrorKind, path::Path};

use rusqlite::{Connection, OpenFlags, types::ValueRef};

use super::changes::Change;
use crate::cli::failure::{Exit, Failure};

const CREATE: &str = "CREATE TABLE updates (id INTEGER PRIMARY KEY AUTOINCREMENT, \
     discovery_key TEXT NOT NULL, client_id TEXT NOT NULL, data BLOB NOT NULL); \
     CREATE INDEX idx_updates_discovery_key ON updates (discovery_key, id);";
const INSERT: &str = "INSERT INTO updates (discovery_key, client_id, data) VALUES (?1, ?2, ?3)";

/// Reads the table in the order in which the changes were made.
#[derive(Debug)]
pub(super) struct Reader {
    connection: Connection,
    /// `discovery_key`, or `sync_id` as it once was called.
    key_column: &'static str,
}

impl Reader {
    /// Opens a file that must exist. It is not changed.
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        if !file.exists() {
            let message = format!("no file {}", file.display());
            return Err(Failure::new(Exit::NotFound, message));
        }
        let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Self::of(connection)
    }

    fn of(connection: Connection) -> Result<Self, Failure> {
        let columns: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_info('updates')")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let has = |name: &&str| columns.iter().any(|column| column == name);
        let key_column = ["discovery_key", "sync_id"].into_iter().find(has);
        match key_column {
            Some(key_column) if has(&"client_id") && has(&"data") && has(&"id") => {
                Ok(Self { connection, key_column })
            }
            _ => Err(Failure::new(
                Exit::Failed,
                "the file has no table updates with id, discovery_key (or sync_id), client_id \
                 and data: it is no relay's",
            )),
        }
    }

    /// How many changes there are.
    pub(super) fn count(&self) -> Result<u64, Failure> {
        let count = "SELECT count(*) FROM updates";
        let count: i64 = self.connection.query_row(count, [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Shows every change with its key to `visit`, in the order of their ids.
    pub(super) fn each(
        &mut self,
        mut visit: impl FnMut(&str, &Change) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let select =
            format!("SELECT id, {}, client_id, data FROM updates ORDER BY id", self.key_column);
        let mut statement = self.connection.prepare(&select)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let bad = |what| {
                let message = format!("row {id} of the table updates has {what}");
                Failure::new(Exit::Failed, message)
            };
            let key: String = row.get(1).map_err(|_| bad("a key that is no text"))?;
            let client_id = row.get(2).map_err(|_| bad("a client_id that is no text"))?;
            let payload = match row.get_ref(3)? {
                ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes.to_vec(),
                _ => return Err(bad("data that is no bytes")),
            };
            visit(&key, &Change { client_id, payload })?;
        }
        Ok(())
    }
}

/// Writes the table into a new file, all of it or nothing.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
}

impl Writer {
    /// Makes a file that must not exist.
    pub(super) fn create(file: &Path) -> Result<Self, Failure> {
        // SQLite would open a file that exists; an empty one it takes for new.
        File::create_new(file).map_err(|error| {
            let failure =
                Failure::new(Exit::Failed, format!("cannot make {}: {error}", file.display()));
            if error.kind() == ErrorKind::AlreadyExists {
                failure.hint("name another file, or remove this one")
            } else {
                failure
            }
        })?;
        let connection = Connection::open(file)?;
        connection.execute_batch(&format!("BEGIN; {CREATE}"))?;
        Ok(Self { connection })
    }

    /// Adds a change behind the others.
    pub(super) fn insert(&mut self, key: &str, change: &Change) -> Result<(), Failure> {
        let mut statement = self.connection.prepare_cached(INSERT)?;
        statement.execute((key, &change.client_id, &change.payload))?;
        Ok(())
    }

    /// Makes the table durable.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.connection.execute_batch("COMMIT")?;
        self.connection.close().map_err(|(_, error)| error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Result<Vec<(String, Change)>, Failure> {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        let mut changes = Vec::new();
        Reader::of(connection)?.each(|key, change| {
            changes.push((key.to_owned(), change.clone()));
            Ok(())
        })?;
        Ok(changes)
    }

    #[test]
    fn both_names_of_the_key_column_are_read() {
        for column in ["discovery_key", "sync_id"] {
            let sql = format!(
                "CREATE TABLE updates (id INTEGER PRIMARY KEY AUTOINCREMENT, {column} TEXT, \
                 client_id TEXT, data BLOB); \
                 INSERT INTO updates ({column}, client_id, data) VALUES ('k', 'c', x'00ff')"
            );
            let change = Change { client_id: "c".into(), payload: vec![0, 255] };
            assert_eq!(read(&sql).unwrap(), [("k".to_owned(), change)]);
        }
    }

    #[test]
    fn another_table_or_another_type_is_refused() {
        let none = read("CREATE TABLE updates (id INTEGER, data BLOB)").unwrap_err();
        assert!(format!("{none:?}").contains("it is no relay's"));
        let table =
            "CREATE TABLE updates (id INTEGER PRIMARY KEY, discovery_key, client_id, data);";
        for (values, what) in [
            ("7, 1, 'c', x'00'", "row 7 of the table updates has a key"),
            ("7, 'k', NULL, x'00'", "row 7 of the table updates has a client_id"),
            ("7, 'k', 'c', NULL", "row 7 of the table updates has data"),
        ] {
            let bad = read(&format!("{table} INSERT INTO updates VALUES ({values})")).unwrap_err();
            assert!(format!("{bad:?}").contains(what), "{bad:?}");
        }
    }
}
