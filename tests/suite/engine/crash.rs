//! The process killed and the power cut at every step of a workload: what was acknowledged is there.

use std::{
    collections::HashSet,
    env,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{LazyLock, Mutex},
};

use syncline_engine::{
    Error,
    storage::sim::{Lie, SimDisk},
};

use crate::world::{
    dice::{Dice, for_seeds, in_parallel},
    driver::{Driver, random_batch},
    history::History,
    judge::Files,
    model::{Change, Model},
};

const BATCHES: usize = 70;
/// Power cuts tried at each step of each workload.
const CUTS: u64 = 24;
const WORKLOADS: u64 = 8;
/// Different images that these make, at least.
const IMAGES_MIN: usize = 3_000;

/// The same batches and waits for the same seed, until the disk says no.
fn work(driver: &mut Driver, seed: u64) -> Result<(), Error> {
    let mut dice = Dice::new(seed);
    for _ in 0..BATCHES {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch)?;
        if dice.one_in(3) {
            driver.wait()?;
        }
        driver.note_durable();
    }
    driver.sync()
}

/// Runs the workload on a disk; tells what was committed and what acknowledged before it ended.
fn history_of(disk: &SimDisk, seed: u64) -> History {
    let Ok(mut driver) = Driver::start(disk.clone()) else { return History::new(Model::default()) };
    let outcome = work(&mut driver, seed);
    assert!(outcome.is_ok() || disk.is_stopped(), "{outcome:?}");
    driver.history
}

/// Opens what a crash left, looks for what must be there, goes on writing and cuts the power again.
fn check(image: &SimDisk, history: &History, seed: u64) -> Result<(), String> {
    let mut driver = Driver::start(image.clone()).map_err(|error| format!("open: {error}"))?;
    history.check(driver.history.now())?;
    let next = Change::Append { log: 0, payload: b"after the crash".to_vec() };
    driver
        .commit(&[next])
        .and_then(|()| driver.wait())
        .map_err(|error| format!("go on: {error}"))?;
    let last = driver.disk.after_power_cut(seed);
    let again = Driver::start(last).map_err(|error| format!("open again: {error}"))?;
    driver.history.check(again.history.now()).map_err(|wrong| format!("second crash: {wrong}"))?;
    match again.store.report().bytes_cut {
        0 => Ok(()),
        bytes => Err(format!("{bytes} bytes cut although all was durable")),
    }
}

/// Where a workload begins: the first one with nothing, the others with an empty store, the same for
/// each of its runs, so that equal images are told as equal.
fn beginning(seed: u64) -> SimDisk {
    static EMPTY_STORE: LazyLock<Files> = LazyLock::new(|| {
        let driver = Driver::start(SimDisk::new(0)).expect("opens");
        driver.store.close().expect("closes");
        driver.disk.files()
    });
    let files = if seed == 0 { Files::new() } else { EMPTY_STORE.clone() };
    SimDisk::with_files(seed, files)
}

/// Crashes at every step, before it and, if it is a write, within it; hands each image to `look`.
fn every_crash(seed: u64, lie: Lie, look: impl Fn(&SimDisk, &History, u64) + Sync) {
    let whole = beginning(seed);
    history_of(&whole, seed);
    in_parallel(whole.steps() + 1, |step| {
        let disk = beginning(seed);
        disk.lie(lie);
        // Where in the write the process ends is a matter of chance; 0 is before it.
        let part = Dice::new(seed ^ step << 8).below(1500);
        disk.stop_within(step, if step % 2 == 0 { 0 } else { part });
        let history = history_of(&disk, seed);
        look(&disk.after_kill(), &history, step);
        for cut in 0..CUTS {
            look(&disk.after_power_cut(step << 16 | cut), &history, cut);
        }
    });
}

fn fingerprint(disk: &SimDisk) -> u64 {
    let mut hasher = DefaultHasher::new();
    disk.files().hash(&mut hasher);
    hasher.finish()
}

#[test]
fn every_step_may_be_the_last() {
    let different = Mutex::new(HashSet::new());
    for_seeds(WORKLOADS, |seed| {
        let seen = Mutex::new(HashSet::new());
        every_crash(seed, Lie::None, |image, history, salt| {
            let fingerprint = fingerprint(image);
            let is_new = seen.lock().expect("no panic").insert(fingerprint);
            if is_new && let Err(wrong) = check(image, history, salt) {
                panic!("workload {seed}: {wrong}");
            }
            // A new store has an id of its own in each run, so that its images are never the same.
            if seed > 0 {
                different.lock().expect("no panic").insert(fingerprint);
            }
        });
    });
    let unique = different.lock().expect("no panic").len();
    println!("{unique} different images");
    assert!(unique >= IMAGES_MIN || env::var("SYNCLINE_TEST_SEED").is_ok(), "only {unique}");
}

/// Recovery writes too: it may be cut at each of its own steps, and nothing more may go.
#[test]
fn every_step_of_recovery_may_be_the_last() {
    let seed = 7;
    every_crash(seed, Lie::None, |image, history, salt| {
        if !fingerprint(image).is_multiple_of(16) {
            return;
        }
        for step in image.steps().. {
            let disk = image.after_kill();
            disk.stop_within(step, (salt * 13) as usize);
            let is_open = Driver::start(disk.clone()).is_ok();
            for after in
                [disk.after_kill(), disk.after_power_cut(step), disk.after_power_cut(!step)]
            {
                check(&after, history, step).expect("recovery was cut");
            }
            if is_open {
                return;
            }
        }
    });
}

/// A checker that cannot fail shows nothing: on a disk whose syncs do nothing it has to.
#[test]
fn a_disk_that_lies_is_found_out() {
    for lie in [Lie::Files, Lie::Names] {
        let wrong = Mutex::new(0);
        every_crash(1, lie, |image, history, salt| {
            *wrong.lock().expect("no panic") += u32::from(check(image, history, salt).is_err());
        });
        let wrong = *wrong.lock().expect("no panic");
        assert!(wrong > 20, "{lie:?}: the checker saw only {wrong} losses");
    }
}

/// Whatever a lying disk loses, nothing else than an earlier state may be shown (E17).
#[test]
fn a_disk_that_lies_never_makes_up_an_answer() {
    for lie in [Lie::Files, Lie::Names] {
        every_crash(2, lie, |image, history, _| match Driver::start(image.clone()) {
            Ok(driver) => {
                history.check_any(driver.history.now()).expect("some earlier state");
            }
            Err(error) => assert!(error.is_corruption(), "{error}"),
        });
    }
}
