//! Compaction beside a plain model: nothing is lost and nothing comes back, whatever a crash leaves.

use std::sync::Arc;

use syncline_engine::{Batch, Error, Options, Seq, Store, storage::sim::SimDisk};

use crate::world::{
    dice::{Dice, for_seeds, in_parallel},
    driver::{Driver, options, random_batch},
    history::History,
    judge::Files,
    model::{Change, Model},
};

/// Little garbage is allowed, so that a short run has much to do.
pub(crate) fn eager() -> Options {
    let mut options = options();
    options.space_percent_max = 120;
    options.snapshot_bytes = 24 << 10;
    options.reserve_bytes = 0;
    options
}

fn open(disk: &SimDisk) -> Result<Store, Error> {
    Store::open_on(Arc::new(disk.clone()), eager())
}

fn start(disk: &SimDisk) -> Result<Driver, Error> {
    Driver::with_store(disk.clone(), open(disk)?)
}

/// Some of what the background work could do now.
fn maintain(driver: &mut Driver, dice: &mut Dice) -> Result<(), Error> {
    if dice.one_in(12) {
        driver.store.compact()?;
    }
    for _ in 0..dice.below(3) {
        driver.store.maintain()?;
    }
    driver.note_durable();
    Ok(())
}

#[test]
fn a_store_that_is_compacted_is_like_its_model() {
    for_seeds(12, |seed| {
        let (mut dice, mut driver) = (Dice::new(seed), start(&SimDisk::new(seed)).expect("opens"));
        let (mut rewritten, mut removed) = (0, 0);
        let mut note = |driver: &Driver| {
            let stats = driver.store.stats();
            assert!(stats.last_failure.is_none(), "{stats:?}");
            (rewritten, removed) =
                (rewritten + stats.segments_rewritten, removed + stats.segments_removed);
        };
        for nth in 0..250 {
            let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("commits");
            if dice.one_in(3) {
                driver.wait().expect("waits");
            }
            maintain(&mut driver, &mut dice).expect("maintains");
            if nth % 10 == 0 {
                driver.check();
            }
            if dice.one_in(40) {
                let (disk, expected) = (driver.disk.clone(), driver.history.now().clone());
                note(&driver);
                driver.store.close().expect("closes");
                driver = start(&disk).expect("opens again");
                assert!(*driver.history.now() == expected, "as it was");
                driver.check();
            }
        }
        driver.store.compact().expect("compacts");
        driver.check();
        note(&driver);
        assert!(rewritten > 5 && removed > 5, "{rewritten} rewritten, {removed} removed");
    });
}

fn work(driver: &mut Driver, seed: u64) -> Result<(), Error> {
    let mut dice = Dice::new(seed);
    for _ in 0..90 {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch)?;
        if dice.one_in(3) {
            driver.wait()?;
        }
        maintain(driver, &mut dice)?;
    }
    driver.sync()
}

/// What a run left that ended at a step, and what it had promised.
fn run_until(seed: u64, step: Option<u64>) -> (SimDisk, History) {
    let disk = SimDisk::new(seed);
    if let Some(step) = step {
        disk.stop_after(step);
    }
    let Ok(mut driver) = start(&disk) else { return (disk, History::new(Model::default())) };
    let outcome = work(&mut driver, seed);
    assert!(outcome.is_ok() || disk.is_stopped(), "{outcome:?}");
    (disk, driver.history)
}

/// Opens what a crash left, compares it, compacts it and opens it again.
fn survives(image: &SimDisk, history: &History, what: &str) {
    let driver = start(image).unwrap_or_else(|error| panic!("{what}: {error}"));
    if let Err(wrong) = history.check(driver.history.now()) {
        panic!("{what}: {wrong}");
    }
    driver.store.compact().unwrap_or_else(|error| panic!("{what}: {error}"));
    driver.check();
    let expected = driver.history.now().clone();
    let image = driver.disk.after_kill();
    drop(driver);
    let again = start(&image).unwrap_or_else(|error| panic!("{what}, compacted: {error}"));
    assert!(*again.history.now() == expected, "{what}, compacted");
}

#[test]
fn every_step_of_compaction_may_be_the_last() {
    for seed in 0..2 {
        let steps = run_until(seed, None).0.steps();
        in_parallel(steps, |step| {
            if seed > 0 && step % 3 != 0 {
                return;
            }
            let (disk, history) = run_until(seed, Some(step));
            survives(&disk.after_kill(), &history, &format!("seed {seed}, killed at {step}"));
            for cut in 0..3 {
                let image = disk.after_power_cut(step << 8 | cut);
                survives(&image, &history, &format!("seed {seed}, power cut {cut} at {step}"));
            }
        });
    }
}

/// A crash may bring back the name of any file that was removed: what was deleted stays deleted.
#[test]
fn files_that_come_back_bring_nothing_back() {
    for_seeds(4, |seed| {
        let (mut dice, mut driver) = (Dice::new(seed), start(&SimDisk::new(seed)).expect("opens"));
        let mut ever = Files::new();
        for _ in 0..120 {
            let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("commits");
            maintain(&mut driver, &mut dice).expect("maintains");
            ever.extend(driver.disk.files());
        }
        driver.sync().expect("syncs");
        let files = driver.disk.files();
        let gone: Files = ever
            .into_iter()
            .filter(|(name, _)| !files.contains_key(name) && !name.ends_with(".tmp"))
            .collect();
        assert!(gone.keys().filter(|name| name.ends_with(".seg")).count() > 10);
        for nth in 0..24 {
            let mut image = files.clone();
            // All of them, each kind alone, and some.
            image.extend(
                gone.iter()
                    .filter(|(name, _)| match nth {
                        0 => true,
                        1 => name.ends_with(".seg"),
                        2 => name.starts_with('8'),
                        3 => name.ends_with(".snap"),
                        _ => dice.one_in(3),
                    })
                    .map(|(name, bytes)| (name.clone(), bytes.clone())),
            );
            survives(&SimDisk::with_files(nth, image), &driver.history, &format!("{seed}: {nth}"));
        }
    });
}

fn space(store: &Store) -> u64 {
    let stats = store.stats();
    stats.segment_bytes + stats.snapshot_bytes
}

#[test]
fn what_is_deleted_gives_its_space_back() {
    let disk = SimDisk::new(3);
    let store = open(&disk).expect("opens");
    let (log, map) = (store.log("log").expect("log"), store.map("map").expect("map"));
    let kept = store.log("kept").expect("log");
    for nth in 0..400u64 {
        let mut batch = Batch::new();
        batch.append(&log, &[nth as u8; 300]);
        batch.put(&map, &nth.to_le_bytes(), &[nth as u8; 100]);
        if nth % 20 == 0 {
            batch.append(&kept, format!("kept {nth}").as_bytes());
        }
        store.commit(batch).expect("commits");
    }
    let held = log.get(Seq(17)).expect("reads").expect("is there");
    let full = space(&store);
    let mut batch = Batch::new();
    batch.trim(&log, Seq(391));
    batch.drop_map(&map);
    store.commit(batch).expect("commits").wait().expect("waits");
    store.compact().expect("compacts");
    assert!(space(&store) * 6 < full, "{} of {full}", space(&store));
    assert_eq!(held, [16; 300][..], "what a reader holds stays");
    let payloads: Vec<_> = kept.read(..).map(|record| record.expect("reads").payload).collect();
    let expected: Vec<_> = (0..400).step_by(20).map(|nth| format!("kept {nth}")).collect();
    assert_eq!(payloads, expected);
    assert_eq!((log.first_seq(), log.len()), (Seq(391), 10));
    // A second time there is nothing left to do.
    let before = store.stats();
    store.compact().expect("compacts");
    assert_eq!(store.stats().bytes_rewritten, before.bytes_rewritten);
}

/// Damage in a segment keeps it from being rewritten; everything else goes on.
#[test]
fn a_damaged_segment_is_left_as_it_is() {
    let disk = SimDisk::new(11);
    let store = open(&disk).expect("opens");
    let (log, map) = (store.log("log").expect("log"), store.map("map").expect("map"));
    for nth in 0..300u64 {
        let mut batch = Batch::new();
        batch.put(&map, &(nth % 10).to_le_bytes(), &[nth as u8; 200]);
        if nth % 10 == 0 {
            batch.append(&log, format!("{nth:0100}").as_bytes());
        }
        store.commit(batch).expect("commits").wait().expect("waits");
    }
    store.close().expect("closes");
    let mut files = disk.files();
    let bytes = files.get_mut("0000000000000001.seg").expect("the first segment");
    let needle = format!("{:0100}", 10);
    let at = bytes.windows(100).position(|found| found == needle.as_bytes()).expect("is there");
    bytes[at] ^= 1;
    let store = open(&SimDisk::with_files(1, files)).expect("opens");
    let error = store.compact().expect_err("tells the damage");
    assert!(matches!(error, Error::Corrupt { segment: 1, .. }), "{error}");
    assert_eq!(store.stats().damaged_segments, 1);
    store.compact().expect("told once");
    assert!(store.stats().segments_removed > 5, "{:?}", store.stats());
    let log = store.log("log").expect("log");
    for seq in 1..=30 {
        assert_eq!(log.get(Seq(seq)).is_err(), seq == 2, "{seq}");
    }
    let map = store.map("map").expect("map");
    assert_eq!(map.iter().filter(Result::is_ok).count(), 10);
}

/// The same workload by changes, so that records of several collections share segments.
#[test]
fn dropped_collections_do_not_come_back() {
    let disk = SimDisk::new(12);
    let mut driver = start(&disk).expect("opens");
    for round in 0..30u8 {
        for nth in 0..10 {
            let payload = vec![round; 80 + nth];
            let put =
                Change::Put { map: 1, key: vec![b'k', nth as u8 % 8], value: payload.clone() };
            driver.commit(&[Change::Append { log: nth % 4, payload }, put]).expect("commits");
        }
        let drop = match round % 3 {
            0 => Change::DropLog { log: usize::from(round) % 4 },
            1 => Change::DropMap { map: 1 },
            _ => Change::Trim { log: 3, before: 1 },
        };
        driver.commit(&[drop]).expect("commits");
        driver.sync().expect("syncs");
        driver.store.compact().expect("compacts");
        driver.check();
        let image = driver.disk.after_power_cut(round.into());
        survives(&image, &driver.history, &format!("round {round}"));
    }
}
