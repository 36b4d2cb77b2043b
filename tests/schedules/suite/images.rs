//! Stores to begin with, and what the device holds of one: both through the engine of everybody else, so
//! that neither costs the explorer a step.

use std::{collections::BTreeMap, sync::Arc};

use syncline_engine::{Batch, Options, Seq, Store, storage::sim::SimDisk};

/// A directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The smallest segment, so that segments change often; in bytes.
pub(crate) const SEGMENT_BYTES: u64 = 4 << 10;

fn open(files: Files) -> Store {
    let mut options = Options::default();
    options.segment_bytes = SEGMENT_BYTES;
    Store::open_on(Arc::new(SimDisk::with_files(0, files)), options).expect("the store opens")
}

/// A closed store with an empty log `log` and a map `map` that holds `keys`, each with its own name as
/// value.
pub(crate) fn store(keys: &[&str]) -> Files {
    let disk = SimDisk::new(0);
    let mut options = Options::default();
    options.segment_bytes = SEGMENT_BYTES;
    let store = Store::open_on(Arc::new(disk.clone()), options).expect("a new store");
    store.log("log").expect("a log");
    let map = store.map("map").expect("a map");
    let mut batch = Batch::new();
    for key in keys {
        batch.put(&map, key.as_bytes(), key.as_bytes());
    }
    store.commit(batch).and_then(|commit| commit.wait()).expect("the keys are durable");
    store.close().expect("closed");
    disk.files()
}

/// A closed store whose log `log` and map `map` each have one thing that stays, called so, in segments
/// where all else is dead.
pub(crate) fn sparse_store() -> Files {
    let disk = SimDisk::with_files(0, store(&["stays"]));
    let mut options = Options::default();
    options.segment_bytes = SEGMENT_BYTES;
    let store = Store::open_on(Arc::new(disk.clone()), options).expect("the store opens");
    let log = store.find_log("log").expect("no map").expect("the log is there");
    let dead = store.log("dead").expect("a log");
    let commit = |fill: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::new();
        fill(&mut batch);
        store.commit(batch).and_then(|commit| commit.wait()).expect("durable");
    };
    commit(&|batch| batch.append(&log, b"stays"));
    for _ in 0..2 {
        commit(&|batch| batch.append(&dead, &[0; 2600]));
    }
    commit(&|batch| batch.drop_log(&dead));
    store.close().expect("closed");
    disk.files()
}

/// The entries of the map `map` in a directory, which must open, by key.
pub(crate) fn entries(files: Files) -> Vec<(Vec<u8>, Vec<u8>)> {
    let store = open(files);
    let map = store.find_map("map").expect("no log").expect("the map is there");
    let entries = map.iter().map(|entry| entry.expect("a sound entry"));
    let mut entries: Vec<_> = entries.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    entries.sort();
    entries
}

/// The records of the log `log` in a directory, which must open.
pub(crate) fn records(files: Files) -> Vec<Vec<u8>> {
    let store = open(files);
    let log = store.find_log("log").expect("no map").expect("the log is there");
    let records = log.read(Seq(1)..).map(|record| record.expect("a sound record").payload.to_vec());
    records.collect()
}

/// The names of the collections in a directory, which must open.
pub(crate) fn collections(files: Files) -> Vec<String> {
    open(files).collections().into_iter().map(|(_, name)| name).collect()
}
