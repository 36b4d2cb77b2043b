//! From a file into a store and out again.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use syncline_engine::{Options, Store};
use tempfile::TempDir;

use super::{
    export::{self, Exported},
    import::{self, Imported},
    updates::Reader,
};
use crate::cli::progress::Progress;

struct Bench {
    dir: TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Store::open(dir.path().join("data"), Options::default()).unwrap();
        Self { dir, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file with these changes: key, client, payload.
    fn file(&self, name: &str, rows: &[(&str, &str, &[u8])]) -> PathBuf {
        let file = self.path(name);
        let connection = Connection::open(&file).unwrap();
        let table = "CREATE TABLE updates (id INTEGER PRIMARY KEY AUTOINCREMENT, \
                     sync_id TEXT NOT NULL, client_id TEXT NOT NULL, data BLOB NOT NULL)";
        connection.execute_batch(table).unwrap();
        for row in rows {
            let insert = "INSERT INTO updates (sync_id, client_id, data) VALUES (?1, ?2, ?3)";
            connection.execute(insert, *row).unwrap();
        }
        file
    }

    fn import(&self, file: &Path) -> Result<Imported, String> {
        let mut reader = Reader::open(file).unwrap();
        import::run(&self.store, &mut reader, &mut Progress::new("imported"))
            .map_err(|failure| format!("{failure:?}"))
    }

    fn export(&self, name: &str) -> Exported {
        export::run(&self.store, &self.path(name), &mut Progress::new("exported")).unwrap()
    }
}

type Row = (i64, String, String, Vec<u8>);

fn rows(file: &Path) -> Vec<Row> {
    let connection = Connection::open(file).unwrap();
    let select = "SELECT id, discovery_key, client_id, data FROM updates ORDER BY id";
    let mut statement = connection.prepare(select).unwrap();
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

const ROWS: &[(&str, &str, &[u8])] = &[
    ("b", "one", b"first"),
    ("a/b", "two", b""),
    ("b", "two", &[0, 255, 128]),
    ("", "x", b"lost"),
];

#[test]
fn what_goes_in_comes_out() {
    let bench = Bench::new();
    let done = bench.import(&bench.file("updates.db", ROWS)).unwrap();
    assert_eq!(done, Imported { keys: 2, added: 3, there: 0, skipped: 1 });
    assert_eq!(bench.export("out.db"), Exported { keys: 2, changes: 3 });
    let row =
        |id, key: &str, client: &str, data: &[u8]| (id, key.into(), client.into(), data.into());
    let expected: Vec<Row> = vec![
        row(1, "a/b", "two", b""),
        row(2, "b", "one", b"first"),
        row(3, "b", "two", &[0, 255, 128]),
    ];
    assert_eq!(rows(&bench.path("out.db")), expected);
}

#[test]
fn importing_again_adds_only_what_is_missing() {
    let bench = Bench::new();
    bench.import(&bench.file("early.db", &ROWS[..2])).unwrap();
    let late = bench.file("late.db", ROWS);
    let done = bench.import(&late).unwrap();
    assert_eq!(done, Imported { keys: 2, added: 1, there: 2, skipped: 1 });
    let done = bench.import(&late).unwrap();
    assert_eq!(done, Imported { keys: 2, added: 0, there: 3, skipped: 1 });
    assert_eq!(bench.export("out.db").changes, 3);
}

#[test]
fn a_key_that_differs_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    bench.import(&bench.file("mine.db", &[("b", "one", b"mine")])).unwrap();
    let other = bench.file("other.db", &[("a", "one", b"new"), ("b", "one", b"other")]);
    assert!(bench.import(&other).unwrap_err().contains("other changes than the file"));
    assert_eq!(bench.export("out.db"), Exported { keys: 1, changes: 1 });
}

#[test]
fn an_export_replaces_nothing_and_leaves_nothing_half_done() {
    let bench = Bench::new();
    bench.export("out.db");
    let again = export::run(&bench.store, &bench.path("out.db"), &mut Progress::new("exported"));
    assert!(format!("{:?}", again.unwrap_err()).contains("name another file"));
    assert!(bench.path("out.db").exists());
    let log = bench.store.log("relay/k").unwrap();
    let mut batch = syncline_engine::Batch::new();
    batch.append(&log, b"no change");
    bench.store.commit(batch).unwrap().wait().unwrap();
    let bad = export::run(&bench.store, &bench.path("bad.db"), &mut Progress::new("exported"));
    assert!(format!("{:?}", bad.unwrap_err()).contains("is no change of the relay"));
    assert!(!bench.path("bad.db").exists());
}
