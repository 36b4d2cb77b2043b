//! What happens while a snapshot is written: between two of its writes the store is changed, each time
//! at the same place.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use syncline_engine::{
    Batch, Error, Maintained, Options, Seq, Store,
    storage::sim::{Call, Fault, SimDisk},
};

use crate::world::manners::{Between, Manner};

/// Logs with long names: with so many the image is a little shorter than a piece.
const LONG_NAMES: usize = 1000;

type Deed = Box<dyn FnOnce() + Send>;

/// Does something once, before the first write to a snapshot's file.
#[derive(Default)]
struct Midway(Mutex<Option<Deed>>);

impl fmt::Debug for Midway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Midway").finish_non_exhaustive()
    }
}

impl Midway {
    fn set(&self, deed: impl FnOnce() + Send + 'static) {
        *self.0.lock().expect("no deed panics with it") = Some(Box::new(deed));
    }
}

impl Manner for Midway {
    fn before_write(&self, name: &str) {
        if name.ends_with(".snap.tmp") {
            let deed = self.0.lock().expect("no deed panics with it").take();
            deed.into_iter().for_each(|deed| deed());
        }
    }
}

fn store(segment_bytes: u64) -> (SimDisk, Arc<Midway>, Store) {
    let (disk, midway) = (SimDisk::new(1), Arc::new(Midway::default()));
    let mut options = Options::default();
    options.segment_bytes = segment_bytes;
    options.reserve_bytes = 0;
    let between = Between::new(&disk, Arc::clone(&midway));
    let store = Store::open_on(between, options).expect("opens");
    (disk, midway, store)
}

fn add_long_names(store: &Store, count: usize) {
    for nth in 0..count {
        store.log(&format!("{nth:01000}")).expect("is created");
    }
}

#[test]
fn a_log_that_is_emptied_while_it_is_copied_is_empty_in_the_snapshot() {
    for drop_it in [false, true] {
        let (disk, midway, store) = store(1 << 20);
        add_long_names(&store, LONG_NAMES);
        let (log, beside) = (store.log("queue").expect("a log"), store.log("b").expect("a log"));
        for _ in 0..12 {
            let mut batch = Batch::new();
            for _ in 0..1000 {
                batch.append(&log, b"in turns, so that each is a word by itself");
                batch.append(&beside, b"x");
            }
            store.commit(batch).expect("commits");
        }
        let (held, emptied) = (store.clone(), log.clone());
        midway.set(move || {
            let mut batch = Batch::new();
            match drop_it {
                true => batch.drop_log(&emptied),
                false => batch.trim(&emptied, Seq(12_001)),
            }
            held.commit(batch).expect("commits");
        });
        store.snapshot().expect("is written");
        assert_eq!(log.len(), 0, "emptied on the way");
        drop((log, beside));
        store.close().expect("closes");
        let store = Store::open_on(Arc::new(disk), Options::default()).expect("opens");
        assert_eq!(store.report().snapshots_unusable, 0);
        assert_eq!(store.report().snapshot, Some(1));
        let found = store.find_log("queue").expect("is a log");
        assert_eq!(found.map(|log| log.next_seq()), (!drop_it).then_some(Seq(12_001)));
        assert_eq!(store.find_log("b").expect("is a log").expect("is there").len(), 12_000);
    }
}

#[test]
fn what_dies_while_it_is_copied_is_rewritten_once_and_no_more() {
    let (_, midway, store) = store(4 << 10);
    let map = store.map("kept").expect("a map");
    // The first piece is written when the map was copied and not yet all of these.
    add_long_names(&store, LONG_NAMES + 20);
    let put = |store: &Store, key: u32, value: &[u8]| {
        let mut batch = Batch::new();
        batch.put(&map, &key.to_le_bytes(), value);
        batch.put(&map, b"much", &[0; 3000]);
        store.commit(batch).expect("commits");
    };
    while store.maintain().expect("maintains") != Maintained::Idle {}
    store.snapshot().expect("is written");
    store.snapshot().expect("is written");
    while store.maintain().expect("maintains") != Maintained::Idle {}
    (0..40).for_each(|key| put(&store, key, b"soon gone"));
    let (held, keys) = (store.clone(), map.clone());
    midway.set(move || {
        let mut batch = Batch::new();
        (0..40u32).for_each(|key| batch.put(&keys, &key.to_le_bytes(), b"new"));
        held.commit(batch).expect("commits");
    });
    store.snapshot().expect("is written");
    let mut steps = 0;
    while store.maintain().expect("maintains") != Maintained::Idle {
        steps += 1;
        assert!(steps < 100, "no end of it: {:?}", store.stats());
    }
    let stats = store.stats();
    assert!(stats.history_segments + stats.cold_segments < 20, "{stats:?}");
    assert_eq!(map.get(&7u32.to_le_bytes()).expect("reads").expect("is there"), &b"new"[..]);
}

#[test]
fn a_panic_in_the_background_work_poisons() {
    let (_, midway, store) = store(4 << 10);
    store.map("a map").expect("a map");
    midway.set(|| panic!("on purpose"));
    let snapshot = catch_unwind(AssertUnwindSafe(|| store.snapshot()));
    assert!(snapshot.is_err());
    assert!(matches!(store.health(), Err(Error::Poisoned)));
    assert!(matches!(store.maintain(), Err(Error::Poisoned)));
}

/// A reserve that could not be removed, or found, or made, is not forgotten.
#[test]
fn one_failure_at_the_reserve_does_not_end_the_background_work() {
    let mut options = Options::default();
    options.segment_bytes = 4 << 10;
    options.reserve_bytes = 64 << 10;
    for has_one in [false, true] {
        for call in [Call::List, Call::Open, Call::Create] {
            let disk = SimDisk::new(2);
            let open = || Store::open_on(Arc::new(disk.clone()), options.clone()).expect("opens");
            if has_one {
                let store = open();
                store.maintain().expect("maintains");
                store.close().expect("closes");
            }
            let store = open();
            disk.fail(Fault { call, after: 0, times: 1, errno: Fault::EIO });
            let _ = store.maintain();
            disk.heal();
            assert_eq!(store.maintain().expect("maintains"), Maintained::Idle, "{call:?}");
            assert!(disk.files().contains_key("RESERVE"));
        }
    }
}

#[test]
fn what_could_not_be_removed_is_removed_later() {
    let (disk, _, store) = store(4 << 10);
    let map = store.map("a map").expect("a map");
    for nth in 0..100u32 {
        let mut batch = Batch::new();
        batch.put(&map, b"key", &[nth as u8; 1500]);
        store.commit(batch).expect("commits");
    }
    store.snapshot().expect("is written");
    store.snapshot().expect("is written");
    disk.fail(Fault { call: Call::Remove, after: 1, times: 1, errno: Fault::EIO });
    assert!(matches!(store.maintain(), Err(Error::Io(_))));
    disk.heal();
    while store.maintain().expect("maintains") != Maintained::Idle {}
    let files = disk.files().into_keys().filter(|name| name.ends_with(".seg")).count();
    let stats = store.stats();
    // One may be ready for the next segment.
    assert!(files as u64 <= stats.history_segments + stats.cold_segments + 1, "{files}, {stats:?}");
}
