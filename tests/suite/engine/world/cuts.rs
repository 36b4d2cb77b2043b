//! A workload that is cut off at each of its steps, and what must be found in what that leaves.

use std::sync::LazyLock;

use syncline_engine::{
    Error, Store,
    storage::sim::{Call, SimDisk},
};

use super::{
    dice::{Dice, in_parallel},
    driver::{Driver, random_batch},
    history::History,
    judge::Files,
    model::{Change, Model},
};

const BATCHES: usize = 70;
const BATCHES_PER_SNAPSHOT: usize = 16;
const BATCHES_PER_COMPACTION: usize = 30;
/// Power cuts tried at each step of each workload.
const CUTS: u64 = 24;

/// How a store is opened on a disk: in good order, or with a mistake put in on purpose.
pub(crate) type Opener<'a> = &'a (dyn Fn(&SimDisk) -> Result<Store, Error> + Sync);

/// The same batches and waits for the same seed, until the disk says no.
fn work(driver: &mut Driver, seed: u64) -> Result<(), Error> {
    let mut dice = Dice::new(seed);
    for n in 1..=BATCHES {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch)?;
        if dice.one_in(3) {
            driver.wait()?;
        }
        if n.is_multiple_of(BATCHES_PER_SNAPSHOT) {
            driver.snapshot()?;
        }
        if n.is_multiple_of(BATCHES_PER_COMPACTION) {
            driver.compact(true)?;
        }
        driver.note_durable();
    }
    driver.sync()
}

/// Runs the workload on a disk; tells what was committed and what acknowledged before it ended.
fn history_of(disk: &SimDisk, seed: u64, open: Opener<'_>) -> History {
    let opened = open(disk).and_then(|store| Driver::with_store(disk.clone(), store));
    let Ok(mut driver) = opened else { return History::new(Model::default()) };
    let outcome = work(&mut driver, seed);
    assert!(outcome.is_ok() || disk.is_stopped(), "{outcome:?}");
    driver.history
}

/// The whole workload and then a power cut: what that left, and what had been promised.
pub(crate) fn whole_run(seed: u64, open: Opener<'_>) -> (SimDisk, History) {
    let disk = beginning(seed);
    let history = history_of(&disk, seed, open);
    (disk.after_power_cut(seed), history)
}

/// Opens what a crash left, looks for what must be there, goes on writing and cuts the power again.
pub(crate) fn check(image: &SimDisk, history: &History, seed: u64) -> Result<(), String> {
    let mut driver = Driver::start(image.clone()).map_err(|error| format!("open: {error}"))?;
    history.check(driver.history.now())?;
    check_files(&driver)?;
    let next = Change::Append { log: 0, payload: b"after the crash".to_vec() };
    driver
        .commit(&[next])
        .and_then(|()| driver.wait())
        .map_err(|error| format!("go on: {error}"))?;
    if seed.is_multiple_of(3) {
        driver.snapshot().map_err(|error| format!("a snapshot: {error}"))?;
    }
    let last = driver.disk.after_power_cut(seed);
    let again = Driver::start(last).map_err(|error| format!("open again: {error}"))?;
    driver.history.check(again.history.now()).map_err(|wrong| format!("second crash: {wrong}"))?;
    match again.store.report().bytes_cut {
        0 => Ok(()),
        bytes => Err(format!("{bytes} bytes cut although all was durable")),
    }
}

/// No crash leaves a snapshot that cannot be used, and an opening sweeps what one left unfinished.
fn check_files(driver: &Driver) -> Result<(), String> {
    let files = driver.disk.files();
    let unfinished = files.keys().filter(|name| name.ends_with(".tmp")).count();
    let snapshots = files.keys().filter(|name| name.ends_with(".snap")).count();
    let unusable = driver.store.report().snapshots_unusable;
    match (unfinished, snapshots, unusable) {
        (0, ..=2, 0) => Ok(()),
        _ => Err(format!("{unfinished} unfinished, {snapshots} snapshots, {unusable} unusable")),
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
pub(crate) fn every_crash(
    seed: u64,
    open: Opener<'_>,
    look: impl Fn(&SimDisk, &History, u64) + Sync,
) {
    let whole = beginning(seed);
    history_of(&whole, seed, open);
    assert!(whole.calls(Call::Rename) >= 2, "two snapshots");
    assert!(whole.calls(Call::Create) >= 8, "three rolls, two snapshots, two compactions");
    in_parallel(whole.steps() + 1, |step| {
        let disk = beginning(seed);
        // Where in the write the process ends is a matter of chance; 0 is before it.
        let part = Dice::new(seed ^ step << 8).below(1500);
        disk.stop_within(step, if step % 2 == 0 { 0 } else { part });
        let history = history_of(&disk, seed, open);
        look(&disk.after_kill(), &history, step);
        for cut in 0..CUTS {
            look(&disk.after_power_cut(step << 16 | cut), &history, cut);
        }
    });
}
