//! Stores with snapshots, cold segments and holes in their history, looked at from outside.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use syncline_engine::{
    Batch, Error, Store,
    offline::{Lost, salvage_on, verify_on},
    storage::{Disk, sim::SimDisk},
};

use crate::{
    compaction::eager,
    world::{
        dice::{Dice, for_seeds, in_parallel},
        driver::{Driver, options, random_batch},
        judge::{Files, read_each},
        manners::{Between, Meanwhile},
        model::{Change, Model},
        observe::observe,
    },
};

fn start(disk: &SimDisk) -> Result<Driver, Error> {
    Driver::with_store(disk.clone(), Store::open_on(Arc::new(disk.clone()), eager())?)
}

/// A closed store, compacted several times, and what it holds.
fn compacted(seed: u64) -> (Files, Model) {
    let (mut dice, mut driver) = (Dice::new(seed), start(&SimDisk::new(seed)).expect("opens"));
    for n in 0..160_u64 {
        let (length, key) = (40 + dice.below(160), dice.below(8) as u8);
        let mut changes = vec![
            Change::Append { log: (n % 2) as usize, payload: dice.bytes(length) },
            Change::Put { map: 0, key: vec![b'k', key], value: dice.bytes(30) },
        ];
        if n % 16 == 15 {
            changes.push(Change::Trim { log: 0, before: n / 2 - 6 });
        }
        driver.commit(&changes).expect("commits");
        driver.wait().expect("durable");
        if n % 40 == 39 {
            driver.store.compact().expect("compacts");
        }
    }
    let Driver { disk, store, history, .. } = driver;
    store.close().expect("closes");
    (disk.files(), history.now().clone())
}

fn is_cold(name: &str) -> bool {
    name.starts_with('8')
}

#[test]
fn what_is_looked_at_is_what_an_opening_finds() {
    for_seeds(40, |seed| {
        let (mut dice, mut driver) = (Dice::new(seed), start(&SimDisk::new(seed)).expect("opens"));
        for nth in 0..60 + dice.below(60) {
            let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("commits");
            if dice.one_in(3) {
                driver.wait().expect("waits");
            }
            for _ in 0..dice.below(3) {
                driver.store.maintain().expect("maintains");
            }
            if dice.one_in(12) {
                driver.store.compact().expect("compacts");
            }
            if nth % 30 == 29 {
                look(&driver.disk.after_kill(), seed);
                look(&driver.disk.after_power_cut(dice.roll()), seed);
            }
        }
        look(&driver.disk.after_kill(), seed);
    });
}

/// Verifies, reads and salvages a store that is sound.
fn look(disk: &SimDisk, seed: u64) {
    let files = disk.files();
    let report = verify_on(Arc::new(disk.clone())).expect("verifies");
    assert!(report.is_sound(), "seed {seed}: {report:?}");
    let store = Store::open_read_only_on(Arc::new(disk.clone()), options()).expect("opens");
    assert!(store.report().damages.is_empty(), "seed {seed}: {:?}", store.report());
    let found = observe(&store).expect("reads");
    let to = SimDisk::new(seed);
    let salvaged = salvage_on(Arc::new(disk.clone()), Arc::new(to.clone()), options());
    assert!(salvaged.expect("salvages").left.is_empty(), "seed {seed}");
    let salvaged = Store::open_on(Arc::new(to.clone()), options()).expect("opens");
    assert!(disk.files() == files, "seed {seed}: something was written");
    let opened = Store::open_on(Arc::new(disk.clone()), eager()).expect("opens");
    let expected = observe(&opened).expect("reads");
    assert!(found == expected, "seed {seed}: read only");
    assert!(observe(&salvaged).expect("reads") == expected, "seed {seed}: salvaged");
    let verified = verify_on(Arc::new(to.after_kill())).expect("verifies");
    assert!(verified.is_sound(), "seed {seed}: {verified:?}");
}

/// A flipped bit in any byte of any file is found there; what is read in spite of it is right or an
/// error, and so is what is salvaged.
#[test]
fn a_flip_in_any_byte_is_found_and_the_rest_is_read_and_copied() {
    let (files, model) = compacted(3);
    let snapshots = files.keys().filter(|name| name.ends_with(".snap")).count();
    assert_eq!(snapshots, 2, "{:?}", files.keys());
    assert!(files.keys().any(|name| is_cold(name)), "{:?}", files.keys());
    assert!(!files.contains_key("0000000000000001.seg"), "its beginning was removed");
    let history = |name: &&String| name.ends_with(".seg") && !is_cold(name);
    let used = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
    let last = files.keys().filter(history).rfind(|name| used(&files[*name]) > 0);
    let last = last.expect("a segment");
    let end = used(&files[last]).next_multiple_of(8) - 64;
    for (name, bytes) in &files {
        in_parallel(bytes.len() as u64, |at| {
            let at = at as usize;
            let mut bad = files.clone();
            bad.get_mut(name).expect("is there")[at] ^= 1 << (at % 8);
            let what = format!("{name} byte {at}");
            let is_end = history(&name) && (name, at) >= (last, end);
            check(&bad, &model, name, at as u64, is_end, &what);
        });
    }
}

fn check(bad: &Files, model: &Model, name: &str, at: u64, is_end: bool, what: &str) {
    let disk = SimDisk::with_files(1, bad.clone());
    let report = verify_on(Arc::new(disk.clone())).expect("verifies");
    let is_there = report.damages.iter().any(|damage| {
        damage.file == name && (damage.offset..damage.offset + damage.bytes).contains(&at)
    });
    let is_torn = report.torn.as_ref().is_some_and(|torn| torn.file == name && torn.offset <= at);
    assert!(is_there || is_end && is_torn, "{what}: {report:?}");
    assert!(report.damages.iter().all(|damage| damage.file == name), "{what}: {report:?}");
    // One byte in many is enough for what takes longer.
    if !at.is_multiple_of(7) {
        return;
    }
    let store = Store::open_read_only_on(Arc::new(disk.clone()), options()).expect("opens");
    let unknown = |damage: &syncline_engine::offline::Damage| damage.lost.contains(&Lost::Unknown);
    if !store.report().damages.iter().any(unknown) {
        read_each(&store, model).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
    }
    let to = SimDisk::new(2);
    let left = salvage_on(Arc::new(disk), Arc::new(to.clone()), options()).expect("salvages");
    let store = Store::open_on(Arc::new(to.clone()), options()).expect("opens");
    if left.left.is_empty() && !left.damages.iter().any(unknown) {
        assert!(observe(&store).expect("reads") == *model, "{what}: {left:?}");
    }
    assert!(left.left.len() <= 1, "{what}: {left:?}");
    assert!(verify_on(Arc::new(to.after_kill())).expect("verifies").is_sound(), "{what}");
}

/// Says that it is over when it goes.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A writer that commits, snapshots, compacts and removes segments meanwhile: every look is sound, and
/// everything it began with can be read to the end.
#[test]
fn beside_a_writer_that_compacts_every_look_is_whole() {
    let disk = SimDisk::new(7);
    let store = Store::open_on(Arc::new(disk.clone()), eager()).expect("opens");
    let (log, map) = (store.log("doc").expect("created"), store.map("keys").expect("created"));
    store.sync().expect("durable");
    let (done, looks, acknowledged) =
        (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let payload = |seq: u64| Dice::new(seq).bytes((seq * 37 % 300) as usize);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let seq = log.next_seq().0;
                if seq > 60 * looks.load(Ordering::Relaxed) + 60 {
                    std::thread::yield_now();
                    continue;
                }
                let mut batch = Batch::new();
                batch.append(&log, &payload(seq));
                batch.put(&map, &[(seq % 5) as u8], &seq.to_le_bytes());
                if seq > 50 {
                    batch.trim(&log, syncline_engine::Seq(seq - 40));
                }
                let commit = store.commit(batch).expect("committed");
                if seq.is_multiple_of(3) {
                    commit.wait().expect("durable");
                    acknowledged.store(seq, Ordering::Release);
                }
                store.maintain().expect("maintains");
            }
        });
        // Also when a look finds something wrong: the writer ends, and the test with it.
        let _end = Ends(&done);
        while looks.load(Ordering::Relaxed) < 60 {
            // On a busy machine the writer may not even have begun.
            while acknowledged.load(Ordering::Acquire) < 50 * looks.load(Ordering::Relaxed)
                && !writer.is_finished()
            {
                std::thread::yield_now();
            }
            let before = acknowledged.load(Ordering::Acquire);
            let verified = verify_on(Arc::new(disk.clone())).expect("verifies");
            assert!(verified.is_sound(), "{verified:?}");
            let store = Store::open_read_only_on(Arc::new(disk.clone()), options()).expect("opens");
            assert!(store.report().damages.is_empty(), "{:?}", store.report());
            let log = store.find_log("doc").expect("finds").expect("is there");
            assert!(log.next_seq().0 > before, "{} is not above {before}", log.next_seq());
            for record in log.read(..) {
                let record = record.expect("reads");
                assert!(record.payload[..] == payload(record.seq.0)[..], "record {}", record.seq);
            }
            let map = store.find_map("keys").expect("finds").expect("is there");
            for entry in &map {
                let (key, value) = entry.expect("reads");
                let mut raw = [0; 8];
                raw.copy_from_slice(&value);
                assert_eq!(u64::from_le_bytes(raw) % 5, u64::from(key[0]));
            }
            looks.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(store.stats().segments_removed > 0, "{:?}", store.stats());
}

/// A writer removes segments at any moment of a look, on which files are opened one by one: what is
/// gone is no damage, and nothing is left out silently.
#[test]
fn what_goes_meanwhile_is_no_damage() {
    let kinds: [fn(Arc<dyn Disk>); 3] = [verifies, reads, salvages];
    for look in kinds {
        let mut removed = 0;
        for opens in 0.. {
            let disk = SimDisk::new(7);
            let mut driver = start(&disk).expect("opens");
            for n in 0..60 {
                commit(&mut driver, n);
            }
            driver.store.compact().expect("compacts");
            let writer = driver.store.clone();
            let meanwhile = Meanwhile::new(opens, move || {
                for n in 60..120 {
                    commit(&mut driver, n);
                }
                driver.store.compact().expect("compacts");
            });
            let before = writer.stats().segments_removed;
            look(Between::new(&disk, Arc::clone(&meanwhile)));
            if !meanwhile.is_done() {
                break;
            }
            removed += writer.stats().segments_removed - before;
        }
        assert!(removed > 0);
    }
}

fn commit(driver: &mut Driver, n: u64) {
    let mut changes = vec![
        Change::Append { log: 0, payload: vec![n as u8; 100] },
        Change::Put { map: 0, key: vec![n as u8 % 5], value: vec![n as u8; 30] },
    ];
    if n > 20 {
        changes.push(Change::Trim { log: 0, before: n - 10 });
    }
    driver.commit(&changes).expect("commits");
    driver.wait().expect("durable");
}

fn verifies(disk: Arc<dyn Disk>) {
    let report = verify_on(disk).expect("verifies");
    assert!(report.is_sound(), "{report:?}");
}

fn reads(disk: Arc<dyn Disk>) {
    let store = Store::open_read_only_on(disk, options()).expect("opens");
    assert!(store.report().damages.is_empty(), "{:?}", store.report());
    observe(&store).expect("reads");
}

fn salvages(disk: Arc<dyn Disk>) {
    match salvage_on(disk, Arc::new(SimDisk::new(2)), options()) {
        Ok(report) => assert!(report.left.is_empty() && report.damages.is_empty(), "{report:?}"),
        Err(error) => assert!(matches!(error, Error::Rejected(_)), "{error}"),
    }
}

/// What a bad place hides is known to a snapshot that was taken behind it.
#[test]
fn a_snapshot_tells_what_a_damage_before_it_took() {
    let disk = SimDisk::new(7);
    let mut driver = Driver::start(disk.clone()).expect("opens");
    for n in 0..10 {
        driver.commit(&[Change::Append { log: 0, payload: vec![n; 100] }]).expect("commits");
        driver.wait().expect("durable");
    }
    driver.store.snapshot().expect("taken");
    let Driver { store, .. } = driver;
    store.close().expect("closes");
    let mut files = disk.files();
    let first = files.get_mut("0000000000000001.seg").expect("is there");
    let third = first.windows(100).position(|bytes| bytes == [2; 100]).expect("is there");
    first[third] ^= 1;
    let report = verify_on(Arc::new(SimDisk::with_files(1, files))).expect("verifies");
    let [damage] = &report.damages[..] else { panic!("{report:?}") };
    let [Lost::Records { first, last, .. }] = &damage.lost[..] else { panic!("{damage}") };
    assert_eq!((first.0, last.0), (3, 3));
}
