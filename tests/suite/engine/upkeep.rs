//! The background work while a store is in use: readers and writers go on, space and writes keep
//! within bounds, a full disk is won back.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use syncline_engine::{
    Batch, Durability, Error, Maintained, Map, Options, Seq, Store,
    storage::{
        File,
        sim::{Charge, SimDisk},
    },
};

use crate::{
    compaction::eager,
    world::{
        dice::Dice,
        manners::{Between, Manner},
    },
};

fn put(store: &Store, map: &Map, key: u64, value: &[u8]) {
    let mut batch = Batch::new();
    batch.put(map, &key.to_le_bytes(), value);
    store.commit(batch).expect("commits");
}

/// Puts keys over and over, and does what is to be done after each segment.
fn overwrite(store: &Store, map: &Map, keys: u64, puts: u64, mut look: impl FnMut(&Store)) {
    let mut dice = Dice::new(keys);
    for nth in 0..puts {
        put(store, map, dice.below(keys as usize) as u64, &[nth as u8; VALUE_BYTES]);
        if nth % 64 == 0 {
            while store.maintain().expect("maintains") != Maintained::Idle {
                look(store);
            }
            look(store);
        }
    }
}

const VALUE_BYTES: usize = 1000;

fn space(store: &Store) -> u64 {
    let stats = store.stats();
    stats.segment_bytes + stats.snapshot_bytes
}

#[test]
fn space_and_writes_keep_within_bounds_while_keys_are_overwritten() {
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    options.snapshot_bytes = 1 << 20;
    options.reserve_bytes = 0;
    options.compaction_bytes_per_second = u64::MAX;
    options.durability = Durability::Os;
    let store = Store::open_on(Arc::new(SimDisk::new(1)), options).expect("opens");
    let map = store.map("map").expect("creates");
    let keys = 8_000;
    for key in 0..keys {
        put(&store, &map, key, &[0; VALUE_BYTES]);
    }
    overwrite(&store, &map, keys, keys, |_| {});
    let (before, appended) = (store.stats(), store.appended());
    let mut most = 0;
    overwrite(&store, &map, keys, 4 * keys, |store| {
        most = most.max(space(store) * 1000 / store.live_bytes());
    });
    let stats = store.stats();
    let moved = stats.bytes_rewritten - before.bytes_rewritten;
    let imaged = stats.snapshot_bytes_written - before.snapshot_bytes_written;
    let written = store.appended().0 - appended.0;
    let writes = (written + moved + imaged) * 1000 / written;
    println!("space {most} ‰ of live, writes {writes} ‰ of appended (images {imaged})");
    assert!(most <= 1500, "space {most} ‰ of the live bytes");
    assert!(writes <= 2600, "writes {writes} ‰ of what was appended");
    for key in 0..keys {
        assert!(map.get(&key.to_le_bytes()).expect("reads").is_some());
    }
}

/// Readers of every kind while segments are rewritten and removed under them.
#[test]
fn readers_see_everything_while_the_maintenance_thread_works() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = eager();
    options.durability = Durability::Os;
    options.segment_bytes = 16 << 10;
    options.maintenance_thread = true;
    let store = Store::open(dir.path(), options).expect("opens");
    let (map, log) = (store.map("map").expect("map"), store.log("log").expect("log"));
    let (keys, done) = (60u64, AtomicBool::new(false));
    for key in 0..keys {
        put(&store, &map, key, &key.to_le_bytes().repeat(20));
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for key in 0..keys {
                    let value = map.get(&key.to_le_bytes()).expect("reads").expect("is there");
                    assert_eq!(value[..8], key.to_le_bytes());
                }
                let all: BTreeMap<_, _> = map.iter().map(|entry| entry.expect("reads")).collect();
                assert_eq!(all.len() as u64, keys);
            }
        });
        scope.spawn(|| {
            let mut reader = log.read(..);
            while !done.load(Ordering::Relaxed) {
                while let Some(record) = reader.next_ref() {
                    let (seq, payload) = record.expect("reads");
                    assert_eq!(payload[..8], seq.0.to_le_bytes());
                }
                let first = log.first_seq();
                if let Some(payload) = log.get(first).expect("reads") {
                    assert_eq!(payload[..8], first.0.to_le_bytes());
                }
            }
        });
        let mut dice = Dice::new(5);
        while store.stats().segments_removed < 60 {
            let key = dice.below(keys as usize) as u64;
            let mut batch = Batch::new();
            batch.put(&map, &key.to_le_bytes(), &key.to_le_bytes().repeat(20));
            batch.append(&log, &log.next_seq().0.to_le_bytes().repeat(9));
            if dice.one_in(100) {
                batch.trim(&log, Seq(log.next_seq().0.saturating_sub(150).max(1)));
            }
            store.commit(batch).expect("commits").wait().expect("waits");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(store.stats().last_failure.is_none(), "{:?}", store.stats());
    store.close().expect("closes");
}

#[test]
fn a_full_disk_is_won_back_without_reopening() {
    for reserve_bytes in [16 << 10, 64 << 10] {
        let disk = SimDisk::new(9);
        let mut options = eager();
        options.reserve_bytes = reserve_bytes;
        let store = Store::open_on(Arc::new(disk.clone()), options).expect("opens");
        let map = store.map("map").expect("map");
        put(&store, &map, 0, &[0; 100]);
        store.maintain().expect("makes the reserve");
        disk.limit_space(Some(200 << 10), Charge::Length);
        for round in 0..20u64 {
            let mut nth = 0u64;
            let full = loop {
                let mut batch = Batch::new();
                batch.put(&map, &(nth % 50).to_le_bytes(), &round.to_le_bytes().repeat(30));
                match store.commit(batch).and_then(|commit| commit.wait()) {
                    Ok(()) => nth += 1,
                    Err(error) => break error,
                }
            };
            assert!(matches!(full, Error::Full), "{full}");
            assert!(nth > 50, "round {round}: only {nth} puts");
            while store.maintain().expect("maintains") != Maintained::Idle {}
            assert!(!store.stats().is_full);
        }
        assert!(store.health().is_ok());
        for key in 0..50u64 {
            let value = map.get(&key.to_le_bytes()).expect("reads").expect("is there");
            assert_eq!(value[..8], 19u64.to_le_bytes());
        }
    }
}

/// On a disk that is full of what is live, everybody learns it at once, time and again.
#[test]
fn a_disk_full_of_live_records_stays_full_and_nobody_hangs() {
    let disk = SimDisk::new(10);
    let mut options = eager();
    options.reserve_bytes = 16 << 10;
    let store = Store::open_on(Arc::new(disk.clone()), options).expect("opens");
    let log = store.log("log").expect("log");
    store.maintain().expect("makes the reserve");
    disk.limit_space(Some(100 << 10), Charge::Length);
    let append = || {
        let mut batch = Batch::new();
        batch.append(&log, &[7; 500]);
        store.commit(batch).and_then(|commit| commit.wait())
    };
    let mut idle = 0;
    for _ in 0..200 {
        // What segments have left at their ends is won back first.
        let before = log.len();
        while append().is_ok() {}
        assert!(matches!(append(), Err(Error::Full)));
        while !matches!(store.maintain(), Ok(Maintained::Idle) | Err(Error::Full)) {}
        idle = if log.len() == before { idle + 1 } else { 0 };
        if idle == 5 {
            break;
        }
    }
    assert_eq!(idle, 5, "it never stayed full");
    let records = log.len();
    // Space from outside is found without a reopening.
    disk.limit_space(None, Charge::Length);
    append().expect("there is space");
    assert_eq!(log.read(..).filter(Result::is_ok).count() as u64, records + 1);
}

/// A device on which files whose names begin so are not synced before somebody says so.
#[derive(Debug)]
struct SyncsWait {
    names: &'static str,
    /// Whether one has come, and whether they may go.
    state: Mutex<(bool, bool)>,
    change: Condvar,
}

impl SyncsWait {
    fn new(names: &'static str) -> Arc<Self> {
        Arc::new(Self { names, state: Mutex::default(), change: Condvar::new() })
    }

    /// Returns when a sync waits.
    fn await_one(&self) {
        let state = self.state.lock().expect("no panic");
        drop(self.change.wait_while(state, |(has_come, _)| !*has_come).expect("no panic"));
    }

    fn let_go(&self) {
        self.state.lock().expect("no panic").1 = true;
        self.change.notify_all();
    }

    fn hold_on(&self) {
        *self.state.lock().expect("no panic") = (false, false);
    }
}

impl Manner for SyncsWait {
    fn sync(&self, name: &str, file: &Arc<dyn File>) -> io::Result<()> {
        if name.starts_with(self.names) {
            let mut state = self.state.lock().expect("no panic");
            state.0 = true;
            self.change.notify_all();
            drop(self.change.wait_while(state, |(_, may_go)| !*may_go).expect("no panic"));
        }
        file.sync()
    }
}

#[test]
fn no_commit_and_no_read_waits_for_a_rewrite() {
    let waits = SyncsWait::new("8");
    let disk = Between::new(&SimDisk::new(4), Arc::clone(&waits));
    let store = Store::open_on(disk, eager()).expect("opens");
    let map = store.map("map").expect("map");
    for nth in 0..200 {
        put(&store, &map, nth % 20, &[nth as u8; 200]);
    }
    store.sync().expect("syncs");
    thread::scope(|scope| {
        let compacting = scope.spawn(|| store.compact());
        waits.await_one();
        for nth in 0..200 {
            let mut batch = Batch::new();
            batch.put(&map, &(nth % 30u64).to_le_bytes(), &[0; 200]);
            store.commit(batch).expect("commits").wait().expect("waits");
            assert!(map.get(&(nth % 20).to_le_bytes()).expect("reads").is_some());
        }
        assert!(!compacting.is_finished() && store.stats().segments_rewritten == 0);
        waits.let_go();
        compacting.join().expect("no panic").expect("compacts");
    });
    assert!(store.stats().segments_removed > 0);
    for key in 0..20u64 {
        let value = map.get(&key.to_le_bytes()).expect("reads").expect("is there");
        assert_eq!(value, [0; 200][..], "what was put meanwhile stays");
    }
}

/// Where commits wait for no sync, one for a snapshot may take long: much may be written and not synced.
#[test]
fn no_commit_waits_for_the_sync_of_a_snapshot_where_none_waits_for_syncs() {
    let waits = SyncsWait::new("0");
    waits.let_go();
    let disk = SimDisk::new(5);
    let mut options = Options::default();
    (options.durability, options.segment_bytes) = (Durability::Os, 1 << 20);
    let store = Store::open_on(Between::new(&disk, Arc::clone(&waits)), options).expect("opens");
    let map = store.map("map").expect("map");
    put(&store, &map, 0, &[7; 200]);
    waits.hold_on();
    thread::scope(|scope| {
        let taking = scope.spawn(|| store.snapshot());
        waits.await_one();
        for key in 1..100 {
            let mut batch = Batch::new();
            batch.put(&map, &u64::to_le_bytes(key), &[7; 200]);
            store.commit(batch).expect("commits").wait().expect("waits");
        }
        assert!(!taking.is_finished(), "it is not done before the sync is");
        waits.let_go();
        taking.join().expect("no panic").expect("takes a snapshot");
    });
    let position = store.durable();
    drop(store);
    // What the snapshot has was on the device before it.
    let store =
        Store::open_on(Arc::new(disk.after_power_cut(1)), Options::default()).expect("opens");
    assert!(store.report().snapshot.is_some() && store.durable() <= position);
    let map = store.map("map").expect("map");
    assert_eq!(map.get(&0u64.to_le_bytes()).expect("reads").expect("is there"), [7; 200][..]);
}
