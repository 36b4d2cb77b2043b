//! Opening to read only: nothing is ever written, whatever the store's state, and what is read is right.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use syncline_engine::{
    Batch, Error, Options, Seq, Store,
    offline::{Flaw, Lost},
    storage::sim::SimDisk,
};

use crate::{
    verify::sound,
    world::{
        dice::{Dice, for_seeds, in_parallel},
        driver::{Driver, open, options, random_batch},
        history::difference,
        judge::{Files, read_each},
        model::{Change, LOGS, Model},
        observe::observe,
    },
};

fn look(disk: &SimDisk) -> Store {
    let steps = disk.steps();
    let store = Store::open_read_only_on(Arc::new(disk.clone()), options()).expect("opens");
    assert_eq!(disk.steps(), steps, "nothing is written");
    store
}

fn files_of(disk: &SimDisk) -> Files {
    disk.files()
}

/// What a usual opening finds, if it does not refuse.
fn recovered(files: &Files) -> Option<Model> {
    let store = open(&SimDisk::with_files(1, files.clone())).ok()?;
    observe(&store).ok()
}

#[test]
fn it_reads_what_an_opening_would_and_leaves_every_byte() {
    for_seeds(300, |seed| {
        let mut dice = Dice::new(seed);
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        for _ in 0..10 + dice.below(40) {
            let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("committed");
            if dice.one_in(4) {
                driver.wait().expect("durable");
            }
        }
        for disk in [driver.disk.after_kill(), driver.disk.after_power_cut(dice.roll())] {
            let files = files_of(&disk);
            let store = look(&disk);
            let found = observe(&store).expect("reads");
            assert!(store.report().damages.is_empty(), "{:?}", store.report());
            let expected = recovered(&files).expect("opens");
            assert!(found == expected, "seed {seed}: {}", difference(&expected, &found));
            assert!(files_of(&disk) == files, "seed {seed}");
        }
    });
}

#[test]
fn commits_are_rejected_and_nothing_is_made() {
    let files = sound(3, 30);
    let disk = SimDisk::with_files(1, files.clone());
    let store = look(&disk);
    let log = store.find_log(LOGS[0]).expect("finds").expect("is there");
    let mut batch = Batch::new();
    batch.append(&log, b"x");
    let errors = [
        store.commit(batch).map(drop),
        store.log("new").map(drop),
        store.map("new").map(drop),
        store.health(),
    ];
    for error in errors {
        let Err(Error::Rejected(why)) = error else { panic!("{error:?}") };
        assert!(why.contains("read only"), "{why}");
    }
    store.sync().expect("nothing to sync");
    store.close().expect("closes");
    assert!(disk.files() == files && disk.steps() == 0);
}

#[test]
fn a_directory_without_a_store_is_an_error_and_stays_as_it_is() {
    let disk = SimDisk::with_files(1, Files::from([("notes.txt".to_owned(), b"mine".to_vec())]));
    let error = Store::open_read_only_on(Arc::new(disk.clone()), options()).expect_err("no store");
    assert!(matches!(error, Error::Rejected(_)), "{error}");
    assert_eq!((disk.files().len(), disk.steps()), (1, 0));
    let dir = tempfile::tempdir().expect("a directory");
    assert!(Store::open_read_only(dir.path().join("missing")).is_err());
    assert!(Store::open_read_only(dir.path()).is_err());
    assert_eq!(fs::read_dir(dir.path()).expect("lists").count(), 0);
}

/// Names, bytes, modes and times of a directory and its files.
fn state(dir: &Path) -> BTreeMap<String, (i64, i64, u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let of = |path: &Path| {
        let meta = fs::metadata(path).expect("is there");
        let bytes = if meta.is_dir() { Vec::new() } else { fs::read(path).expect("reads") };
        (meta.mtime(), meta.mtime_nsec(), meta.mode(), bytes)
    };
    all.insert(".".to_owned(), of(dir));
    for entry in fs::read_dir(dir).expect("lists") {
        let entry = entry.expect("an entry");
        all.insert(entry.file_name().to_string_lossy().into_owned(), of(&entry.path()));
    }
    all
}

/// E36 on real files: not a byte, a name or a time of a locked, a damaged or a read-only store changes.
#[test]
fn a_locked_a_damaged_and_a_write_protected_store_stay_as_they_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = Options::default();
    options.segment_bytes = 8 << 10;
    let store = Store::open(dir.path(), options).expect("opens");
    let log = store.log("doc").expect("created");
    for n in 0..100_u8 {
        let mut batch = Batch::new();
        batch.append(&log, &[n; 300]);
        store.commit(batch).expect("committed").wait().expect("durable");
    }
    let read = |damages: usize| {
        let before = state(dir.path());
        let store = Store::open_read_only(dir.path()).expect("opens");
        assert_eq!(store.report().damages.len(), damages, "{:?}", store.report());
        let log = store.find_log("doc").expect("finds").expect("is there");
        let right = |seq: u64| {
            log.get(Seq(seq))
                .is_ok_and(|found| found.is_some_and(|payload| payload[..] == [seq as u8 - 1; 300]))
        };
        let count = (1..=100).filter(|seq| right(*seq)).count();
        drop((store, log));
        assert!(state(dir.path()) == before, "something changed");
        count
    };
    assert_eq!(read(0), 100, "locked");
    drop((log, store));
    let second = dir.path().join("0000000000000002.seg");
    let mut bytes = fs::read(&second).expect("reads");
    bytes[70] ^= 1;
    fs::write(&second, &bytes).expect("writes");
    bytes[10] ^= 1;
    // An opening does not see a flipped bit in a mark; one in the header makes it look closer.
    assert_eq!(read(0), 100, "damaged");
    fs::write(&second, &bytes).expect("writes");
    assert_eq!(read(2), 100, "damaged");
    for entry in fs::read_dir(dir.path()).expect("lists") {
        let path = entry.expect("an entry").path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).expect("sets");
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).expect("sets");
    assert_eq!(read(2), 100, "write protected");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("sets");
}

/// What `sound` puts into a store, by running it again.
fn model_of(files: &Files) -> Model {
    recovered(files).expect("sound")
}

/// A flipped bit in any byte: the store opens, what is read is right or an error, and what a usual
/// opening would refuse is told.
#[test]
fn in_spite_of_a_flip_in_any_byte_the_rest_is_read() {
    let files = sound(3, 30);
    let model = model_of(&files);
    for (name, bytes) in &files {
        in_parallel(bytes.len() as u64, |at| {
            let bit = at as usize * 8 + at as usize % 8;
            let mut bad = files.clone();
            bad.get_mut(name).expect("is there")[bit / 8] ^= 1 << (bit % 8);
            let disk = SimDisk::with_files(1, bad.clone());
            let store = look(&disk);
            let what = format!("{name} bit {bit}: {:?}", store.report());
            // Where frames are lost that no table tells of, keys show what they held before, and what
            // a log had at its end is not missed.
            let mut damages = store.report().damages.iter();
            let is_vague = damages.any(|damage| damage.lost.contains(&Lost::Unknown));
            let expected = if is_vague { kept(&store, &model) } else { model.clone() };
            read_each(&store, &expected).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
            assert!(lost(&store, &expected) <= 1, "{what}");
            let is_refused = open(&SimDisk::with_files(1, bad.clone())).is_err();
            assert!(!is_refused || !store.report().damages.is_empty(), "{what}");
            assert!(disk.files() == bad, "{what}");
        });
    }
}

/// A model without its maps, and without at most four records at the ends of logs that a store does
/// not have.
fn kept(store: &Store, model: &Model) -> Model {
    let mut kept = Model { maps: Default::default(), ..model.clone() };
    let mut gone = 0;
    for (name, log) in LOGS.iter().zip(&mut kept.logs) {
        let Some(log) = log else { continue };
        let found = store.find_log(name).expect("finds").expect("is there");
        gone += log.next() - found.next_seq().0;
        log.records.truncate((found.next_seq().0 - log.first) as usize);
    }
    assert!(gone <= 4, "{gone} records");
    kept
}

/// How many records and keys of a model cannot be read.
fn lost(store: &Store, model: &Model) -> usize {
    let mut lost = 0;
    for (name, log) in LOGS.iter().zip(&model.logs) {
        let Some(log) = log else { continue };
        let found = store.find_log(name).expect("finds").expect("is there");
        assert_eq!((found.first_seq().0, found.next_seq().0), (log.first, log.next()));
        lost += (log.first..log.next()).filter(|seq| found.get(Seq(*seq)).is_err()).count();
    }
    for (name, map) in crate::world::model::MAPS.iter().zip(&model.maps) {
        let Some(map) = map else { continue };
        let found = store.find_map(name).expect("finds").expect("is there");
        assert_eq!(found.len(), map.len() as u64);
        lost += map.keys().filter(|key| found.get(key).is_err()).count();
    }
    lost
}

#[test]
fn a_missing_segment_leaves_a_hole_and_the_rest() {
    let files = sound(3, 30);
    let model = model_of(&files);
    for missing in files.keys().take(2) {
        let mut less = files.clone();
        less.remove(missing);
        let disk = SimDisk::with_files(1, less);
        let store = look(&disk);
        let flaws: Vec<_> = store.report().damages.iter().map(|one| &one.flaw).collect();
        assert_eq!(flaws, [&Flaw::Missing], "without {missing}");
        let (mut read, mut holes) = (0, 0);
        for (nth, log) in model.logs.iter().enumerate() {
            let Some(log) = log else { continue };
            // The names went with the first segment.
            let found = [LOGS[nth].to_owned(), format!("lost/{}", [1, 3][nth])];
            let found = found.iter().find_map(|name| store.find_log(name).expect("finds"));
            let found = found.expect("under its own name or another");
            assert_eq!(found.next_seq().0, log.next());
            for (payload, seq) in log.records.iter().zip(log.first..) {
                match found.get(Seq(seq)) {
                    Ok(Some(same)) => {
                        assert!(same[..] == payload[..], "record {seq} without {missing}");
                        read += 1;
                    }
                    Ok(None) => assert!(seq < found.first_seq().0, "record {seq}"),
                    Err(error) => {
                        assert!(error.is_corruption(), "{error}");
                        holes += 1;
                    }
                }
            }
        }
        assert!(read >= 8, "{read} records without {missing}");
        assert_eq!(holes > 0, missing.ends_with("2.seg"), "{holes} holes without {missing}");
    }
}

/// Beside a writer under load: each look is a prefix of every log, at least as long as what was
/// acknowledged before.
#[test]
fn beside_a_writer_every_look_is_a_prefix() {
    let disk = SimDisk::new(7);
    let store = open(&disk).expect("opens");
    let log = store.log("doc").expect("created");
    store.sync().expect("durable");
    let (done, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let looks = AtomicU64::new(0);
    let payload = |seq: u64| Dice::new(seq).bytes((seq * 37 % 900) as usize);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let mut batch = Batch::new();
                let seq = log.next_seq().0;
                if seq > 50 * looks.load(Ordering::Relaxed) + 50 {
                    std::thread::yield_now();
                    continue;
                }
                batch.append(&log, &payload(seq));
                let commit = store.commit(batch).expect("committed");
                if seq.is_multiple_of(3) {
                    commit.wait().expect("durable");
                    acknowledged.store(seq, Ordering::Release);
                }
            }
        });
        while looks.load(Ordering::Relaxed) < 40 || acknowledged.load(Ordering::Acquire) < 300 {
            let before = acknowledged.load(Ordering::Acquire);
            let store = Store::open_read_only_on(Arc::new(disk.clone()), options()).expect("opens");
            assert!(store.report().damages.is_empty(), "{:?}", store.report());
            let log = store.find_log("doc").expect("finds").expect("is there");
            assert!(log.next_seq().0 > before, "{} is not above {before}", log.next_seq());
            for record in log.read(..) {
                let record = record.expect("reads");
                assert!(record.payload[..] == payload(record.seq.0)[..], "record {}", record.seq);
            }
            looks.fetch_add(1, Ordering::Relaxed);
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// A put or a remove whose frame is damaged still says which key it changed, by its segment's table:
/// the value before it does not come back.
#[test]
fn behind_a_damaged_put_the_old_value_does_not_come_back() {
    let mut driver = Driver::start(SimDisk::new(5)).expect("opens");
    let put = |value: &[u8]| Change::Put { map: 0, key: vec![b'k', 0], value: value.to_vec() };
    driver.commit(&[put(b"the old value")]).expect("committed");
    driver.wait().expect("durable");
    driver.commit(&[put(b"the new value")]).expect("committed");
    driver.wait().expect("durable");
    // Fills the segment, so that it gets a footer.
    for _ in 0..6 {
        driver.commit(&[Change::Append { log: 0, payload: vec![1; 900] }]).expect("committed");
        driver.wait().expect("durable");
    }
    let Driver { disk, store, .. } = driver;
    store.close().expect("closes");
    let mut files = disk.files();
    let bytes = files.values_mut().next().expect("a segment");
    let at = bytes.windows(13).position(|window| window == b"the new value").expect("is there");
    bytes[at] ^= 1;
    let store = look(&SimDisk::with_files(1, files));
    let map = store.find_map(crate::world::model::MAPS[0]).expect("finds").expect("is there");
    assert!(map.get(&[b'k', 0]).expect_err("damaged").is_corruption());
}
