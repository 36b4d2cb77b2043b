//! The public API on a real directory: what a store promises while it is open and when reopened.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use syncline_engine::{Batch, Durability, Error, Kind, Log, Options, Position, Seq, Store};

fn small() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 16 << 10;
    options
}

fn open(path: &Path) -> Store {
    Store::open(path, small()).unwrap()
}

fn append(store: &Store, log: &Log, payload: &[u8]) -> Seq {
    let mut batch = Batch::new();
    batch.append(log, payload);
    store.commit(batch).unwrap().seqs()[0]
}

fn payloads(log: &Log) -> Vec<Vec<u8>> {
    log.read(..).map(|record| record.unwrap().payload.to_vec()).collect()
}

#[test]
fn what_was_committed_is_read_before_and_after_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (log, map) = (store.log("log").unwrap(), store.map("map").unwrap());
    let mut batch = Batch::new();
    batch.append(&log, b"one");
    batch.append_parts(&log, &[b"t", b"", b"wo"]);
    batch.put(&map, b"key", b"value");
    batch.put(&map, b"", b"");
    let commit = store.commit(batch).unwrap();
    assert_eq!(commit.seqs(), [Seq(1), Seq(2)]);
    assert_eq!(payloads(&log), [b"one", b"two"]);
    commit.wait().unwrap();
    assert!(store.durable() >= commit.position());
    store.close().unwrap();

    let store = open(dir.path());
    assert_eq!(store.report().bytes_cut, 0);
    assert_eq!(store.report().records, 6);
    let log = store.find_log("log").unwrap().unwrap();
    assert_eq!(payloads(&log), [b"one", b"two"]);
    assert_eq!((log.len(), log.bytes()), (2, 6));
    let map = store.find_map("map").unwrap().unwrap();
    assert_eq!(map.get(b"key").unwrap().as_deref(), Some(&b"value"[..]));
    assert_eq!(map.get(b"").unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(map.get(b"other").unwrap(), None);
    assert_eq!(append(&store, &log, b"three"), Seq(3));
}

#[test]
fn many_segments_and_a_reopen_without_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let logs: Vec<Log> = (0..7).map(|n| store.log(&format!("log{n}")).unwrap()).collect();
    for n in 0..3000_u32 {
        append(&store, &logs[n as usize % 7], &vec![n as u8; n as usize % 300]);
    }
    let check = |logs: &[Log]| {
        for (k, log) in logs.iter().enumerate() {
            let mut reader = log.read(Seq(1)..);
            let mut n = k as u32;
            while let Some(record) = reader.next_ref() {
                assert_eq!(record.unwrap().1, vec![n as u8; n as usize % 300]);
                n += 7;
            }
            assert!(n >= 3000);
            assert_eq!(log.get(Seq(100)).unwrap().unwrap().len(), (99 * 7 + k) % 300);
        }
    };
    check(&logs);
    let written = store.appended();
    store.sync().unwrap();
    check(&logs);
    // A copy of the directory is what a killed process leaves.
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let store = open(copy.path());
    assert!(store.report().segments > 10, "{:?}", store.report());
    assert_eq!((store.report().bytes_cut, store.durable()), (0, written));
    let logs: Vec<Log> = (0..7).map(|n| store.log(&format!("log{n}")).unwrap()).collect();
    check(&logs);
    drop((store, logs));
    let store = open(copy.path());
    let logs: Vec<Log> = (0..7).map(|n| store.log(&format!("log{n}")).unwrap()).collect();
    check(&logs);
}

#[test]
fn one_key_in_one_batch_is_what_the_last_change_made_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let map = store.map("map").unwrap();
    let change = |changes: &[Option<&[u8]>]| {
        let mut batch = Batch::new();
        for value in changes {
            match value {
                Some(value) => batch.put(&map, b"key", value),
                None => batch.remove(&map, b"key"),
            }
        }
        store.commit(batch).unwrap();
        (map.get(b"key").unwrap().map(|v| v.to_vec()), map.len())
    };
    assert_eq!(change(&[Some(b"1"), Some(b"2")]), (Some(b"2".to_vec()), 1));
    assert_eq!(change(&[Some(b"3"), None]), (None, 0));
    assert_eq!(change(&[None, Some(b"4"), None, Some(b"5")]), (Some(b"5".to_vec()), 1));
    assert_eq!(change(&[Some(b"6"), None, Some(b"7"), Some(b"8")]), (Some(b"8".to_vec()), 1));
    assert_eq!(change(&[None]), (None, 0));
}

#[test]
fn a_trim_keeps_sequence_numbers_and_counts_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let log = store.log("log").unwrap();
    for n in 0..500_usize {
        append(&store, &log, &vec![1; n % 10]);
    }
    let mut batch = Batch::new();
    batch.trim(&log, Seq(401));
    store.commit(batch).unwrap();
    assert_eq!((log.first_seq(), log.next_seq(), log.len()), (Seq(401), Seq(501), 100));
    assert_eq!(log.bytes(), 450);
    assert_eq!(log.get(Seq(400)).unwrap(), None);
    assert_eq!(log.read(..).next().unwrap().unwrap().seq, Seq(401));
    let mut batch = Batch::new();
    batch.append(&log, b"x");
    batch.trim(&log, Seq(502));
    store.commit(batch).unwrap();
    assert!(log.is_empty());
    let mut batch = Batch::new();
    batch.trim(&log, Seq(503));
    assert!(matches!(store.commit(batch), Err(Error::Rejected(_))));
    store.close().unwrap();
    let store = open(dir.path());
    let log = store.log("log").unwrap();
    assert_eq!((log.first_seq(), log.next_seq(), log.bytes()), (Seq(502), Seq(502), 0));
    assert_eq!(append(&store, &log, b"y"), Seq(502));
}

#[test]
fn a_dropped_collection_is_gone_and_its_name_free() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (log, map) = (store.log("a").unwrap(), store.map("b").unwrap());
    append(&store, &log, b"x");
    let mut batch = Batch::new();
    batch.put(&map, b"k", b"v");
    store.commit(batch).unwrap();
    let mut batch = Batch::new();
    batch.drop_log(&log);
    batch.drop_map(&map);
    store.commit(batch).unwrap();
    assert!(store.find_log("a").unwrap().is_none());
    assert!(map.is_empty() && log.is_empty());
    let mut batch = Batch::new();
    batch.append(&log, b"y");
    assert!(matches!(store.commit(batch), Err(Error::Rejected(_))));
    assert_eq!(store.map("a").unwrap().len(), 0);
    store.close().unwrap();
    let store = open(dir.path());
    assert_eq!(store.collections(), [(Kind::Map, "a".to_owned())]);
}

#[test]
fn a_second_opener_is_told_who_holds_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = Store::open(dir.path(), small()).unwrap_err();
    assert!(matches!(error, Error::Locked { pid } if pid == Some(std::process::id())));
    let log = store.log("log").unwrap();
    store.clone().close().unwrap();
    assert!(matches!(store.health(), Err(Error::Closed)));
    let mut batch = Batch::new();
    batch.append(&log, b"late");
    assert!(matches!(store.commit(batch), Err(Error::Closed)));
    open(dir.path());
}

#[test]
fn threads_share_syncs_with_and_without_a_committer() {
    for (committer_thread, durability) in [
        (false, Durability::Device),
        (true, Durability::Device),
        (false, Durability::Os),
        (true, Durability::Os),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = small();
        (options.committer_thread, options.durability) = (committer_thread, durability);
        let store = Store::open(dir.path(), options).unwrap();
        let told = Arc::new(AtomicU64::new(0));
        let watched = Arc::clone(&told);
        store.on_durable(move |position| {
            watched.fetch_max(position.unwrap().0, Ordering::SeqCst);
        });
        thread::scope(|scope| {
            for n in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    let log = store.log(&format!("log{n}")).unwrap();
                    for k in 0..100_u32 {
                        let mut batch = Batch::new();
                        batch.append(&log, &k.to_le_bytes());
                        let commit = store.commit(batch).unwrap();
                        commit.wait().unwrap();
                        assert!(store.durable() >= commit.position());
                    }
                    assert_eq!(log.len(), 100);
                });
            }
        });
        assert_eq!(Position(told.load(Ordering::SeqCst)), store.appended());
        assert_eq!(store.sync().unwrap(), store.appended());
        store.close().unwrap();
        assert_eq!(open(dir.path()).log("log7").unwrap().len(), 100);
    }
}

#[test]
fn back_pressure_and_large_batches_pass() {
    for committer_thread in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = small();
        (options.tail_bytes_max, options.committer_thread) = (4096, committer_thread);
        let store = Store::open(dir.path(), options).unwrap();
        let log = store.log("log").unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..100).for_each(|_| assert!(append(&store, &log, &[7; 1000]) > Seq(0)));
                });
            }
        });
        append(&store, &log, &vec![9; 300_000]);
        append(&store, &log, &[8; 10]);
        assert_eq!(log.get(Seq(401)).unwrap().unwrap().len(), 300_000);
        assert_eq!(log.bytes(), 400_000 + 300_010);
        drop((log, store));
        let store = open(dir.path());
        assert_eq!(store.report().bytes_cut, 0, "{:?}", store.report());
        assert_eq!(store.log("log").unwrap().bytes(), 400_000 + 300_010);
    }
}

#[test]
fn a_large_map_is_scanned_and_reopened() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = Options::default();
    options.segment_bytes = 1 << 20;
    let store = Store::open(dir.path(), options.clone()).unwrap();
    let map = store.map("map").unwrap();
    for round in 0..2_u32 {
        for n in 0..20_000_u32 {
            let mut batch = Batch::new();
            batch.put(&map, &n.to_le_bytes(), &(n + round).to_le_bytes());
            store.commit(batch).unwrap();
        }
    }
    let check = |map: &syncline_engine::Map| {
        assert_eq!(map.len(), 20_000);
        let mut seen: Vec<u32> = map
            .iter()
            .map(|entry| {
                let (key, value) = entry.unwrap();
                let key = u32::from_le_bytes(key[..].try_into().unwrap());
                assert_eq!(value[..], (key + 1).to_le_bytes());
                key
            })
            .collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..20_000));
        for n in 0..20_000_u32 {
            assert_eq!(map.get(&n.to_le_bytes()).unwrap().unwrap()[..], (n + 1).to_le_bytes());
        }
        assert!(!map.contains(b"nothing").unwrap());
    };
    check(&map);
    store.close().unwrap();
    let store = Store::open(dir.path(), options).unwrap();
    check(&store.map("map").unwrap());
}

#[test]
fn live_bytes_are_what_a_reopen_counts_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (log, map) = (store.log("log").unwrap(), store.map("map").unwrap());
    let only_names = store.live_bytes();
    for n in 0..2000_u32 {
        let mut batch = Batch::new();
        batch.put(&map, &(n % 50).to_le_bytes(), &[1; 40]);
        batch.append(&log, &vec![2; n as usize % 30]);
        store.commit(batch).unwrap();
    }
    let mut batch = Batch::new();
    batch.trim(&log, Seq(1900));
    batch.remove(&map, &7_u32.to_le_bytes());
    store.commit(batch).unwrap();
    let live = store.live_bytes();
    drop((store, log, map));
    let store = open(dir.path());
    assert_eq!(store.live_bytes(), live);
    let mut batch = Batch::new();
    batch.trim(&store.log("log").unwrap(), Seq(2001));
    for n in 0..50_u32 {
        batch.remove(&store.map("map").unwrap(), &n.to_le_bytes());
    }
    store.commit(batch).unwrap();
    assert_eq!(store.live_bytes(), only_names);
}
