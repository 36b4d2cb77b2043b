//! The golden store of each released format version opens and holds what it held.
//!
//! `cargo test -p syncline-engine --test golden -- --ignored` makes that of this version again: only
//! for a new version, never to make a failing test pass.

use std::{collections::BTreeMap, fs, path::PathBuf};

use syncline_engine::{Batch, Kind, Options, Seq, Store};

fn golden(version: u32) -> PathBuf {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden/engine");
    golden.join(format!("version-{version}"))
}

fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 4 << 10;
    options.reserve_bytes = 0;
    options
}

fn payload(n: u64) -> Vec<u8> {
    (0..n % 97).map(|byte| (byte * n) as u8).collect()
}

#[test]
#[ignore = "writes the golden store"]
fn make() {
    let dir = golden(2);
    if dir.exists() {
        fs::remove_dir_all(&dir).unwrap();
    }
    let store = Store::open(&dir, options()).unwrap();
    let (log, map) = (store.log("log/ä").unwrap(), store.map("map").unwrap());
    let gone = store.log("gone").unwrap();
    for n in 1..=120 {
        let mut batch = Batch::new();
        batch.append(&log, &payload(n));
        batch.put(&map, &(n % 20).to_le_bytes(), &payload(n));
        if n % 10 == 0 {
            (0..10).for_each(|_| batch.append(&gone, b"run"));
            batch.remove(&map, &(n % 7).to_le_bytes());
        }
        let commit = store.commit(batch).unwrap();
        if n % 3 == 0 {
            commit.wait().unwrap();
        }
        if n == 80 {
            // Leaves two snapshots, cold segments and gaps in history.
            store.compact().unwrap();
        }
    }
    let mut batch = Batch::new();
    batch.put(&map, b"", b"");
    batch.append(&log, b"");
    batch.trim(&log, Seq(11));
    batch.drop_log(&gone);
    store.commit(batch).unwrap();
    store.close().unwrap();
    fs::remove_file(dir.join("LOCK")).unwrap();
}

#[test]
fn version_1_opens() {
    opens(1);
}

#[test]
fn version_2_opens_with_its_snapshot_and_without_what_was_removed() {
    let names: Vec<String> = fs::read_dir(golden(2))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().any(|name| name.starts_with('8') && name.ends_with(".seg")), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.ends_with(".snap")).count(), 2);
    assert!(!names.contains(&"0000000000000001.seg".to_owned()), "{names:?}");
    opens(2);
}

fn opens(version: u32) {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(golden(version)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let store = Store::open(dir.path(), options()).unwrap();
    assert_eq!(store.report().bytes_cut, 0);
    assert!(store.report().segments > 2);
    let mut found = store.collections();
    found.sort_by_key(|(_, name)| name.clone());
    assert_eq!(found, [(Kind::Log, "log/ä".to_owned()), (Kind::Map, "map".to_owned())]);

    let log = store.find_log("log/ä").unwrap().unwrap();
    assert_eq!((log.first_seq(), log.next_seq()), (Seq(11), Seq(122)));
    for record in log.read(..Seq(121)) {
        let record = record.unwrap();
        assert_eq!(record.payload, payload(record.seq.0), "{}", record.seq);
    }
    assert_eq!(log.get(Seq(121)).unwrap().as_deref(), Some(&b""[..]));

    let map = store.find_map("map").unwrap().unwrap();
    assert_eq!(map.get(b"").unwrap().as_deref(), Some(&b""[..]));
    let mut expected = BTreeMap::new();
    for n in 1..=120_u64 {
        expected.insert(n % 20, payload(n));
        if n % 10 == 0 {
            expected.remove(&(n % 7));
        }
    }
    assert_eq!(map.len(), expected.len() as u64 + 1);
    for (key, value) in expected {
        assert_eq!(map.get(&key.to_le_bytes()).unwrap().as_deref(), Some(&value[..]), "{key}");
    }
}
