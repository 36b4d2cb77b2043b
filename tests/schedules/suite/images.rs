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
