//! Online backup: what a copy holds, and what a failing, full or dying disk makes of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use syncline_engine::{
    Batch, Error, Options, Position, Store,
    storage::sim::{Call, Charge, Fault, SimDisk},
};

use crate::world::{
    dice::{Dice, for_seeds, in_parallel},
    driver::{Driver, open, random_batch},
    model::{Change, Model},
    observe::observe,
};

/// A store after some random batches.
fn driver(seed: u64, batches: usize) -> Driver {
    let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
    write(&mut driver, seed, batches);
    driver
}

fn write(driver: &mut Driver, seed: u64, batches: usize) {
    let mut dice = Dice::new(seed);
    for _ in 0..batches {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch).expect("commits");
        if dice.one_in(4) {
            driver.wait().expect("durable");
        }
        if dice.one_in(16) {
            driver.store.snapshot().expect("snapshot");
        }
    }
}

fn backup(store: &Store, target: &SimDisk) -> Result<Position, Error> {
    store.backup_on(Arc::new(target.clone()))
}

/// What a copy holds, and up to which position.
fn restored(target: &SimDisk) -> Result<(Model, Position), Error> {
    let store = open(target)?;
    Ok((observe(&store)?, store.durable()))
}

fn append(text: &str) -> [Change; 1] {
    [Change::Append { log: 0, payload: text.as_bytes().to_vec() }]
}

/// A store that took no harm takes and keeps more.
fn goes_on(driver: &mut Driver) {
    driver.commit(&append("it goes on")).expect("commits");
    driver.wait().expect("durable");
    driver.check();
}

#[test]
fn a_copy_is_the_store_at_its_position_and_goes_on_from_there() {
    for_seeds(60, |seed| {
        let mut driver = driver(seed, 1 + seed as usize);
        let target = SimDisk::new(seed);
        let position = backup(&driver.store, &target).expect("backs up");
        assert_eq!(position, driver.store.appended());
        for image in [target.after_kill(), target.after_power_cut(seed)] {
            let mut copy = Driver::start(image).expect("opens");
            assert_eq!(copy.store.report().bytes_cut, 0);
            assert!(copy.history.now() == driver.history.now(), "as the store was");
            assert_eq!(copy.store.durable(), position);
            write(&mut copy, seed, 20);
            copy.check();
            copy.reopen().expect("reopens");
        }
        goes_on(&mut driver);
    });
}

/// A copy whose snapshot is damaged is opened with its history, which is complete.
#[test]
fn a_copy_does_without_its_snapshot() {
    let driver = driver(8, 60);
    let target = SimDisk::new(8);
    let position = backup(&driver.store, &target).expect("backs up");
    let mut files = target.files();
    let (_, image) = files.iter_mut().find(|(name, _)| name.ends_with(".snap")).expect("one");
    let at = image.len() / 2;
    image[at] ^= 1;
    let (found, durable) = restored(&SimDisk::with_files(8, files)).expect("opens");
    assert!(found == *driver.history.now() && durable == position);
}

/// Backups are made one after another while a thread writes, and another one compacts; each is the
/// state at its position.
#[test]
fn every_copy_made_under_load_is_a_state_that_was() {
    for_seeds(6, |seed| {
        let mut driver = driver(seed, 5);
        let (store, done, commits) =
            (driver.store.clone(), AtomicBool::new(false), AtomicUsize::new(0));
        let mark = |driver: &Driver| {
            (driver.store.appended(), driver.history.commits(), driver.history.now().clone())
        };
        let mut marks = vec![mark(&driver)];
        let copies = std::thread::scope(|scope| {
            let copying = scope.spawn(|| {
                let mut copies = Vec::new();
                while !done.load(Ordering::Acquire) || copies.is_empty() {
                    let before = commits.load(Ordering::Acquire);
                    let target = SimDisk::new(seed);
                    let position = backup(&store, &target).expect("backs up");
                    copies.push((before, position, target));
                }
                copies
            });
            let compacting = scope.spawn(|| {
                while seed % 2 == 1 && !done.load(Ordering::Acquire) {
                    store.compact().expect("compacts");
                }
            });
            for n in 0..120 {
                write(&mut driver, seed << 8 | n, 1);
                marks.push(mark(&driver));
                commits.store(driver.history.commits(), Ordering::Release);
            }
            done.store(true, Ordering::Release);
            compacting.join().expect("no panic");
            copying.join().expect("no panic")
        });
        for (before, position, target) in copies {
            let (found, durable) = restored(&target).expect("opens");
            assert_eq!(durable, position);
            let at = driver.history.check_any(&found).expect("a state that was");
            assert!(at >= before, "what was there when it began is in it");
            // What a batch created for itself stands between two marks.
            let nth = marks.iter().rposition(|(mark, ..)| *mark <= position).expect("the first");
            let (_, earlier, state) = &marks[nth];
            let later = marks.get(nth + 1).map_or(usize::MAX, |(_, later, _)| *later);
            assert!(found == *state || (*earlier < at && at < later), "{at} at {position}");
        }
    });
}

/// On the real disk, with threads that wait for their syncs and segments that roll.
#[test]
fn threads_go_on_writing_while_the_real_disk_is_copied() {
    const THREADS: u64 = 4;
    let dir = tempfile::tempdir().expect("a directory");
    let mut options = Options::default();
    options.segment_bytes = 64 << 10;
    options.committer_thread = true;
    let store = Store::open(dir.path().join("store"), options.clone()).expect("opens");
    let (done, acked) = (AtomicBool::new(false), [const { AtomicU64::new(0) }; THREADS as usize]);
    let payload = |thread: u64, seq: u64| format!("{thread} {seq} ").repeat(50).into_bytes();
    let copies = std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, done, acked) = (&store, &done, &acked);
            scope.spawn(move || {
                let log = store.log(&thread.to_string()).expect("creates");
                for seq in 1.. {
                    let mut batch = Batch::new();
                    batch.append(&log, &payload(thread, seq));
                    store.commit(batch).expect("commits").wait().expect("durable");
                    acked[thread as usize].store(seq, Ordering::Release);
                    if done.load(Ordering::Acquire) {
                        break;
                    }
                }
            });
        }
        let copies: Vec<_> = (0..5)
            .map(|n| {
                let before: Vec<_> = acked.iter().map(|a| a.load(Ordering::Acquire)).collect();
                let target = dir.path().join("copies").join(n.to_string());
                (store.backup(&target).expect("backs up"), before, target)
            })
            .collect();
        done.store(true, Ordering::Release);
        copies
    });
    for (position, before, target) in copies {
        let copy = Store::open(&target, options.clone()).expect("opens");
        assert_eq!((copy.durable(), copy.report().bytes_cut), (position, 0));
        for (thread, before) in before.into_iter().enumerate() {
            let log = copy.find_log(&thread.to_string()).expect("finds");
            let records = log.iter().flat_map(|log| log.read(..));
            let mut count = 0;
            for (record, seq) in records.zip(1..) {
                assert_eq!(record.expect("reads").payload, payload(thread as u64, seq));
                count = seq;
            }
            assert!(count >= before, "{count} of {before} that were acknowledged before it");
        }
    }
}

/// After a failed or a cut backup the target is refused, empty, or whole; and the store goes on.
fn judge(driver: &mut Driver, target: &SimDisk, outcome: &Result<Position, Error>, seed: u64) {
    let state = driver.history.now().clone();
    let images = [target.after_kill(), target.after_power_cut(seed), target.after_power_cut(!seed)];
    for image in images {
        if image.files().is_empty() {
            assert!(outcome.is_err(), "a finished backup is there");
            continue;
        }
        match (restored(&image), outcome) {
            (Ok((found, _)), _) => assert!(found == state, "whole or nothing"),
            (Err(error), Ok(_)) => panic!("a finished backup opens: {error}"),
            (Err(_), Err(_)) => {}
        }
    }
    goes_on(driver);
}

#[test]
fn a_backup_cut_off_at_any_step_is_never_taken_for_a_store() {
    let steps = {
        let target = SimDisk::new(1);
        backup(&driver(1, 30).store, &target).expect("backs up");
        target.steps()
    };
    assert!(steps > 20, "{steps} steps");
    in_parallel(steps, |step| {
        let mut driver = driver(1, 30);
        let target = SimDisk::new(step);
        target.stop_after(step);
        let outcome = backup(&driver.store, &target);
        assert!(outcome.is_err());
        judge(&mut driver, &target, &outcome, step);
    });
}

#[test]
fn any_call_to_the_target_may_fail() {
    for call in
        [Call::Lock, Call::List, Call::Create, Call::Write, Call::Sync, Call::SyncDir, Call::Remove]
    {
        let calls = {
            let target = SimDisk::new(2);
            backup(&driver(2, 30).store, &target).expect("backs up");
            target.calls(call)
        };
        assert!(calls > 0, "{call:?} is made");
        in_parallel(calls, |after| {
            let mut driver = driver(2, 30);
            let target = SimDisk::new(after);
            target.fail(Fault { call, after, times: 1, errno: Fault::EIO });
            let outcome = backup(&driver.store, &target);
            assert!(matches!(outcome, Err(Error::Io(_))), "{call:?} {after}: {outcome:?}");
            judge(&mut driver, &target, &outcome, after);
        });
    }
}

#[test]
fn a_full_target_is_full_is_cleared_and_can_be_used_when_there_is_space() {
    in_parallel(40, |step| {
        let mut driver = driver(3, 30);
        for charge in [Charge::Length, Charge::Writes] {
            let target = SimDisk::new(step);
            target.limit_space(Some(step * 611), charge);
            match backup(&driver.store, &target) {
                Err(Error::Full) => assert!(target.files().is_empty(), "{:?}", target.files()),
                outcome => assert!(outcome.is_ok(), "{outcome:?}"),
            }
            target.limit_space(None, charge);
            if target.files().is_empty() {
                backup(&driver.store, &target).expect("there is space");
            }
            assert!(restored(&target).expect("opens").0 == *driver.history.now());
        }
        goes_on(&mut driver);
    });
}

#[test]
fn reads_that_fail_end_the_backup_and_not_the_store() {
    let mut failed = 0;
    for after in 0..40 {
        // Opened again, since what was just written is read from memory.
        let mut driver = driver(4, 30).reopen().expect("opens again");
        driver.disk.fail(Fault { call: Call::Read, after, times: 1, errno: Fault::EIO });
        let target = SimDisk::new(after);
        let outcome = backup(&driver.store, &target);
        driver.disk.heal();
        failed += u32::from(outcome.is_err());
        judge(&mut driver, &target, &outcome, after);
    }
    assert!(failed > 0, "no read was made");
}

#[test]
fn a_damaged_frame_is_told_with_its_place_and_not_copied() {
    let mut driver = Driver::start(SimDisk::new(5)).expect("opens");
    for n in 0..60 {
        driver.commit(&append(&format!("{n:0300}"))).expect("commits");
    }
    let disk = driver.disk.clone();
    driver.store.close().expect("closes");
    let mut files = disk.files();
    let first = files.values_mut().next().expect("a segment");
    let payload = format!("{:0300}", 3);
    let at = first.windows(300).position(|bytes| bytes == payload.as_bytes()).expect("is there");
    first[at] ^= 1;
    let store = open(&SimDisk::with_files(5, files)).expect("payloads are not read for it");
    let target = SimDisk::new(5);
    let Err(Error::Corrupt { segment: 1, offset }) = backup(&store, &target) else {
        panic!("the damage was not seen");
    };
    assert!((offset as usize) < at && offset as usize + 64 > at, "{offset} for {at}");
    assert!(target.files().is_empty());
}

#[test]
fn a_target_that_is_in_use_or_not_empty_is_left_alone() {
    let mut driver = driver(6, 10);
    let target = SimDisk::new(6);
    let other = open(&target).expect("a store of its own");
    let before = target.files();
    assert!(matches!(backup(&driver.store, &target), Err(Error::Locked { .. })));
    drop(other);
    assert!(matches!(backup(&driver.store, &target), Err(Error::Rejected(_))));
    assert_eq!(target.files(), before);
    let own = driver.disk.clone();
    assert!(matches!(backup(&driver.store, &own), Err(Error::Locked { .. })));
    goes_on(&mut driver);
}

#[test]
fn a_closed_store_is_not_copied() {
    let driver = driver(7, 10);
    let store = driver.store.clone();
    driver.store.close().expect("closes");
    let target = SimDisk::new(7);
    assert!(matches!(backup(&store, &target), Err(Error::Closed)));
    assert!(target.files().is_empty());
}

/// Files that are copied one by one from under a writer (E37): a state that was, or an error.
#[test]
fn a_raw_copy_of_a_store_in_use_is_a_state_that_was_or_refused() {
    let (opened, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    for_seeds(200, |seed| {
        let mut driver = driver(seed, 10);
        let mut dice = Dice::new(seed);
        let mut names: Vec<String> = driver.disk.files().into_keys().collect();
        if dice.one_in(2) {
            names.reverse();
        }
        let mut copied = std::collections::BTreeMap::new();
        for name in names {
            write(&mut driver, dice.roll(), 1 + dice.below(8));
            // What has gone meanwhile is not copied.
            copied.extend(driver.disk.files().remove(&name).map(|bytes| (name, bytes)));
        }
        if dice.one_in(2) {
            // Whoever lists the directory again finds what was made meanwhile.
            for (name, bytes) in driver.disk.files() {
                copied.entry(name).or_insert(bytes);
            }
        }
        match restored(&SimDisk::with_files(seed, copied)) {
            Ok((found, _)) => {
                driver.history.check_any(&found).expect("a state that was");
                opened.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                assert!(error.is_corruption(), "{error}");
                refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    assert!(opened.into_inner() > 0 && refused.into_inner() > 0, "both were seen");
}
