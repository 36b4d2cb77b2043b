//! Crashes, EIO and ENOSPC while snapshots are written: nothing is lost, and the store goes on.

use syncline_engine::{
    Error,
    storage::sim::{Call, Charge, Fault, SimDisk},
};

use crate::world::{
    dice::{Dice, in_parallel},
    driver::{Driver, random_batch},
    history::History,
    model::{Change, Model},
};

const CUTS: u64 = 12;

/// Batches with snapshots between them, until the disk says no.
fn work(driver: &mut Driver, seed: u64) -> Result<(), Error> {
    let mut dice = Dice::new(seed);
    for n in 0..30 {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch)?;
        if dice.one_in(3) {
            driver.wait()?;
        }
        if n % 7 == 6 {
            driver.store.snapshot()?;
        }
        driver.note_durable();
    }
    driver.sync()
}

fn history_of(disk: &SimDisk, seed: u64) -> History {
    let Ok(mut driver) = Driver::start(disk.clone()) else { return History::new(Model::default()) };
    let outcome = work(&mut driver, seed);
    assert!(outcome.is_ok() || disk.is_stopped(), "{outcome:?}");
    driver.history
}

/// Opens what a crash left, looks for what must be there, takes a snapshot and opens again.
fn check(image: &SimDisk, history: &History) -> Result<(), String> {
    let mut driver = Driver::start(image.clone()).map_err(|error| format!("open: {error}"))?;
    history.check(driver.history.now())?;
    let files = image.files();
    let unfinished = files.keys().filter(|name| name.ends_with(".tmp")).count();
    let snapshots = files.keys().filter(|name| name.ends_with(".snap")).count();
    if unfinished > 0 || snapshots > 2 {
        return Err(format!("{unfinished} unfinished and {snapshots} snapshots are left"));
    }
    let next = Change::Append { log: 0, payload: b"after the crash".to_vec() };
    driver.commit(&[next]).map_err(|error| format!("go on: {error}"))?;
    driver.store.snapshot().map_err(|error| format!("snapshot: {error}"))?;
    let again =
        Driver::start(image.after_power_cut(1)).map_err(|error| format!("again: {error}"))?;
    match again.history.now() == driver.history.now() && again.store.report().snapshot.is_some() {
        true => Ok(()),
        false => Err("the next snapshot is not the store".to_owned()),
    }
}

#[test]
fn every_step_of_a_snapshot_may_be_the_last() {
    for seed in 0..3 {
        let whole = SimDisk::new(seed);
        history_of(&whole, seed);
        in_parallel(whole.steps() + 1, |step| {
            let disk = SimDisk::new(seed);
            disk.stop_within(step, if step % 2 == 0 { 0 } else { (step * 37 % 600) as usize });
            let history = history_of(&disk, seed);
            let cuts = (0..CUTS).map(|cut| disk.after_power_cut(step << 16 | cut));
            for image in cuts.chain([disk.after_kill()]) {
                check(&image, &history).unwrap_or_else(|wrong| panic!("{seed} at {step}: {wrong}"));
            }
        });
    }
}

/// A store with something in it, and its snapshot's calls numbered from here.
fn filled(seed: u64) -> Driver {
    let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
    let mut dice = Dice::new(seed);
    for _ in 0..20 {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch).expect("committed");
    }
    driver.store.snapshot().expect("a snapshot");
    driver.commit(&[Change::Append { log: 0, payload: vec![1; 70] }]).expect("committed");
    driver.wait().expect("durable");
    driver
}

/// Each call of a snapshot fails once. A failed sync poisons the store; after any other failure it goes on,
/// and so does the next snapshot.
#[test]
fn any_call_of_a_snapshot_may_fail() {
    let mut failed = 0;
    for call in [
        Call::Create,
        Call::Write,
        Call::Sync,
        Call::Rename,
        Call::SyncDir,
        Call::Remove,
        Call::List,
    ] {
        for errno in [Fault::EIO, Fault::ENOSPC] {
            for after in 0..8 {
                let mut driver = filled(3);
                driver.disk.fail(Fault { call, after, times: 1, errno });
                let outcome = driver.store.snapshot();
                driver.disk.heal();
                let is_sync = matches!(call, Call::Sync | Call::SyncDir);
                if let Err(error) = &outcome {
                    failed += 1;
                    assert_eq!(
                        driver.store.health().is_err(),
                        is_sync,
                        "{call:?} {after}: {error}"
                    );
                    let is_full = matches!(error, Error::Full);
                    let takes_space = matches!(call, Call::Create | Call::Write);
                    assert_eq!(is_full, errno == Fault::ENOSPC && takes_space, "{call:?}: {error}");
                }
                if driver.store.health().is_ok() {
                    driver
                        .commit(&[Change::Append { log: 1, payload: vec![2; 9] }])
                        .expect("goes on");
                    driver.store.snapshot().expect("the next one");
                    let left = driver.disk.files();
                    assert!(left.keys().all(|name| !name.ends_with(".tmp")), "{call:?} {after}");
                    assert_eq!(left.keys().filter(|name| name.ends_with(".snap")).count(), 2);
                }
                for image in [driver.disk.after_kill(), driver.disk.after_power_cut(after)] {
                    check(&image, &driver.history)
                        .unwrap_or_else(|wrong| panic!("{call:?}: {wrong}"));
                }
            }
        }
    }
    assert!(failed > 15, "only {failed} failures were met");
}

/// Whatever space is left: a snapshot is whole, or leaves nothing, and the rest goes on.
#[test]
fn a_full_disk_costs_the_snapshot_only() {
    let mut refused = 0;
    for budget in (0..1200).step_by(7) {
        let mut driver = filled(4);
        driver.disk.limit_space(Some(budget), Charge::Length);
        let before: Vec<String> = driver.disk.files().into_keys().collect();
        match driver.store.snapshot() {
            Ok(()) => {}
            Err(Error::Full) => {
                refused += 1;
                let left: Vec<String> = driver.disk.files().into_keys().collect();
                assert_eq!(left, before, "{budget} bytes");
            }
            Err(error) => panic!("{budget} bytes: {error}"),
        }
        driver.disk.limit_space(None, Charge::Length);
        driver.commit(&[Change::Append { log: 0, payload: vec![3; 20] }]).expect("goes on");
        driver.wait().expect("durable");
        driver.store.snapshot().expect("there is space again");
        check(&driver.disk.after_power_cut(budget), &driver.history).expect("all is there");
    }
    assert!(refused > 20, "only {refused} were refused");
}

/// A disk that cannot read a snapshot has not lost the store.
#[test]
fn an_unreadable_snapshot_is_passed_over() {
    let driver = filled(5);
    let files = driver.disk.files();
    let names: Vec<&String> = files.keys().filter(|name| name.ends_with(".snap")).collect();
    let disk = driver.disk.after_kill();
    disk.make_unreadable(names[names.len() - 1], 0..512).expect("is there");
    let again = Driver::start(disk).expect("opens");
    assert!(again.history.now() == driver.history.now());
    assert_eq!(again.store.report().snapshots_unusable, 1);
}
