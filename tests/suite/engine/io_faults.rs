//! EIO and ENOSPC at every call: no acknowledgement after a failure, and no loss before it.

use std::sync::{Arc, Mutex};

use rustix::io::Errno;
use syncline_engine::{
    Error, Seq,
    storage::sim::{Call, Charge, Fault, SimDisk},
};

use crate::world::{
    dice::{Dice, for_seeds, in_parallel},
    driver::{Driver, open, random_batch},
    model::{Change, LOGS},
    observe::observe,
};

const BATCHES: usize = 40;
const BATCHES_PER_SNAPSHOT: usize = 11;

fn append(text: &str) -> [Change; 1] {
    [Change::Append { log: 0, payload: text.as_bytes().to_vec() }]
}

fn work(driver: &mut Driver, seed: u64) -> Result<(), Error> {
    let mut dice = Dice::new(seed);
    for n in 1..=BATCHES {
        let batch = random_batch(&mut dice, driver.history.now(), &driver.disk);
        driver.commit(&batch)?;
        if dice.one_in(2) {
            driver.wait()?;
        }
        if n.is_multiple_of(BATCHES_PER_SNAPSHOT) {
            chore(driver)?;
        }
    }
    driver.sync()
}

/// What a store does beside taking batches. Failing is no harm as long as the store is well; the error
/// is told only when it is not.
fn chore(driver: &mut Driver) -> Result<(), Error> {
    let outcome = driver.snapshot();
    match outcome {
        Err(Error::Io(_) | Error::Full) if driver.store.health().is_ok() => Ok(()),
        outcome => outcome,
    }
}

/// How often the workload makes this call.
fn calls(call: Call, seed: u64) -> u64 {
    let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
    let before = driver.disk.calls(call);
    work(&mut driver, seed).expect("no fault");
    driver.disk.calls(call) - before
}

/// Fails the n-th of these calls, for every n, and looks at what the store does from then on.
fn fail_each(call: Call, errno: i32) {
    for seed in 0..3 {
        let calls = calls(call, seed);
        assert!(calls > 3, "{call:?} is made {calls} times");
        in_parallel(calls, |after| {
            let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
            driver.disk.fail(Fault { call, after, times: 1, errno });
            // A failure in making the next segment ahead of need shows only later.
            if let Err(error) = work(&mut driver, seed) {
                assert!(matches!(error, Error::Io(_) | Error::Poisoned), "{error}");
            }
            // Only a snapshot may fail without that; its syncs must not.
            match driver.store.health() {
                Ok(()) => assert!(call == Call::Write, "{call:?} {after}"),
                Err(_) => stays_poisoned(&mut driver),
            }
            let now = driver.disk.clone();
            survives(&driver, &now.after_kill());
            for cut in 0..4 {
                survives(&driver, &now.after_power_cut(after << 8 | cut));
            }
        });
    }
}

/// Who watches the watermark is told of the failure once, and of no progress after it.
#[test]
fn a_failure_is_told_to_who_watches() {
    let mut driver = Driver::start(SimDisk::new(1)).expect("opens");
    let news = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&news);
    driver.store.on_durable(move |durable| told.lock().expect("no panic").push(durable.is_ok()));
    driver.disk.fail(Fault { call: Call::Sync, after: 2, times: 1, errno: Fault::EIO });
    for n in 0..6 {
        let outcome = driver.commit(&append("record")).and_then(|()| driver.wait());
        assert_eq!(outcome.is_ok(), n < 2, "{n}: {outcome:?}");
    }
    assert_eq!(*news.lock().expect("no panic"), [true, true, false]);
}

/// After the failure nothing is acknowledged any more, although the disk is well again.
fn stays_poisoned(driver: &mut Driver) {
    let durable = driver.store.durable();
    for _ in 0..3 {
        let commit = driver.commit(&append("too late"));
        let outcome = commit.and_then(|()| driver.wait());
        assert!(matches!(outcome, Err(Error::Poisoned)), "{outcome:?}");
        assert!(driver.store.sync().is_err() || durable == driver.store.appended());
        assert_eq!(driver.store.durable(), durable, "the watermark stands still");
    }
    observe(&driver.store).expect("reads go on");
}

/// A reopen finds what was acknowledged, and what it acknowledges then stays too: also where a failed
/// sync has left the page cache with bytes that the device never got.
fn survives(driver: &Driver, disk: &SimDisk) {
    let mut next = Driver::start(disk.clone()).expect("opens");
    driver.history.check(next.history.now()).expect("after the fault");
    next.commit(&append("again")).expect("committed");
    next.wait().expect("durable");
    for cut in 0..3 {
        let last = Driver::start(next.disk.after_power_cut(cut)).expect("opens after the cut");
        next.history.check(last.history.now()).expect("after fault, reopen and power cut");
    }
}

#[test]
fn a_failed_sync_poisons() {
    fail_each(Call::Sync, Fault::EIO);
}

#[test]
fn a_failed_write_poisons() {
    fail_each(Call::Write, Fault::EIO);
}

/// A sync that was interrupted has not synced, whatever the number of its error says (E22).
#[test]
fn an_interrupted_sync_is_a_failed_one() {
    for errno in [Errno::INTR, Errno::AGAIN] {
        fail_each(Call::Sync, errno.raw_os_error());
    }
}

/// Where the system gives no map, everything is read through the file (E30).
#[test]
fn without_maps_everything_is_read_all_the_same() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        let no_maps = Fault {
            call: Call::Map,
            after: 0,
            times: u64::MAX,
            errno: Errno::NOMEM.raw_os_error(),
        };
        disk.fail(no_maps);
        let mut driver = Driver::start(disk.clone()).expect("opens");
        work(&mut driver, seed).expect("needs no maps");
        driver.check();
        let after = disk.after_kill();
        after.fail(no_maps);
        driver.recover(after).check();
        assert!(disk.calls(Call::Map) > 0, "none was asked for");
    }
}

/// A directory that may not be written, or not even be read, is told as such, and nothing is made in
/// its place (E24).
#[test]
fn a_directory_without_permission_is_told_and_left_alone() {
    let mut driver = Driver::start(SimDisk::new(1)).expect("opens");
    work(&mut driver, 1).expect("no fault");
    let image = driver.disk.after_power_cut(3);
    for (errno, calls) in [
        (Errno::ROFS, &[Call::Lock, Call::Open, Call::Write][..]),
        (Errno::ACCESS, &[Call::Lock, Call::List, Call::Open]),
    ] {
        for only in calls {
            let disk = image.after_kill();
            let errno = errno.raw_os_error();
            disk.fail(Fault { call: *only, after: 0, times: u64::MAX, errno });
            let before = disk.files();
            match open(&disk) {
                Err(Error::Io(error)) => assert_eq!(error.raw_os_error(), Some(errno)),
                other => panic!("{only:?}: {other:?}"),
            }
            assert!(disk.files() == before, "{only:?}: nothing was written");
            disk.heal();
            driver.history.check(Driver::start(disk).expect("opens").history.now()).expect("all");
        }
    }
}

/// Without its name a segment is not there: what it holds is not durable.
#[test]
fn a_failed_sync_of_the_directory_is_never_an_acknowledgement() {
    for seed in 0..3 {
        in_parallel(calls(Call::SyncDir, seed), |after| {
            let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
            driver.disk.fail(Fault { call: Call::SyncDir, after, times: 1, errno: Fault::EIO });
            // The store may have got over it with another segment: then all it said has to hold.
            let _ = work(&mut driver, seed);
            let now = driver.disk.clone();
            survives(&driver, &now.after_kill());
            for cut in 0..8 {
                survives(&driver, &now.after_power_cut(after << 8 | cut));
            }
        });
    }
}

/// What makes, finds and removes files may fail: at worst a batch or a snapshot is refused.
#[test]
fn a_failed_call_for_a_name_loses_nothing() {
    for call in [Call::Create, Call::Open, Call::List, Call::Rename, Call::Remove] {
        for seed in 0..3 {
            in_parallel(calls(call, seed), |after| {
                let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
                driver.disk.fail(Fault { call, after, times: 1, errno: Fault::EIO });
                let outcome = work(&mut driver, seed);
                assert!(matches!(outcome, Ok(()) | Err(Error::Io(_))), "{call:?}: {outcome:?}");
                driver.store.health().expect("nothing was written in vain");
                driver.check();
                driver.commit(&append("goes on")).expect("committed");
                driver.wait().expect("durable");
                survives(&driver, &driver.disk.after_kill());
                survives(&driver, &driver.disk.after_power_cut(after));
            });
        }
    }
}

/// An open that fails leaves a store that opens.
#[test]
fn a_failure_while_opening_is_only_a_failure() {
    let mut driver = Driver::start(SimDisk::new(1)).expect("opens");
    work(&mut driver, 1).expect("no fault");
    let image = driver.disk.after_power_cut(11);
    for call in [
        Call::Lock,
        Call::List,
        Call::Open,
        Call::Read,
        Call::Map,
        Call::Write,
        Call::Sync,
        Call::SyncDir,
        Call::Create,
    ] {
        for after in 0.. {
            let disk = image.after_kill();
            disk.fail(Fault { call, after, times: 1, errno: Fault::EIO });
            let opened = Driver::start(disk.clone());
            if let Err(error) = &opened {
                assert!(matches!(error, Error::Io(_)), "{call:?} {after}: {error}");
            }
            drop(opened);
            survives(&driver, &disk.after_kill());
            if disk.calls(call) <= after {
                break;
            }
        }
    }
}

/// A full disk shows when a segment is made: the batch is refused whole, reads go on, and when there
/// is space again the same store goes on.
#[test]
fn a_full_disk_is_only_a_pause() {
    for_seeds(2_000, |budget| {
        let seed = budget % 7;
        let disk = SimDisk::new(seed);
        let mut driver = Driver::start(disk.clone()).expect("opens");
        disk.limit_space(Some(budget * 19), Charge::Length);
        if let Err(error) = work(&mut driver, seed) {
            assert!(matches!(error, Error::Full), "{error}");
            driver.check();
        }
        disk.limit_space(None, Charge::Length);
        driver.commit(&append("there is space again")).expect("committed");
        driver.wait().expect("durable");
        driver.check();
        survives(&driver, &disk.after_kill());
        survives(&driver, &disk.after_power_cut(budget));
    });
}

/// Where even a write into reserved space can fail, the store is poisoned and loses nothing.
#[test]
fn a_full_disk_that_copies_on_write_loses_nothing() {
    for_seeds(500, |budget| {
        let disk = SimDisk::new(budget);
        let mut driver = Driver::start(disk.clone()).expect("opens");
        disk.limit_space(Some(budget * 41), Charge::Writes);
        if let Err(error) = work(&mut driver, budget % 7) {
            let goes_on = driver.store.health().is_ok();
            assert_eq!(error.is_retryable(), goes_on, "{error}: to be tried again or not");
        }
        disk.limit_space(None, Charge::Writes);
        survives(&driver, &disk.after_kill());
        survives(&driver, &disk.after_power_cut(budget));
    });
}

/// A sector that cannot be read is an error of its records alone, and not their absence (E23).
#[test]
fn an_unreadable_sector_concerns_its_records_only() {
    let mut driver = Driver::start(SimDisk::new(1)).expect("opens");
    for n in 0..40 {
        driver.commit(&append(&format!("{n:0300}"))).expect("committed");
        driver.wait().expect("durable");
    }
    let first = driver.disk.files().into_keys().next().expect("a segment");
    driver.store.close().expect("closes");
    driver.disk.make_unreadable(&first, 1024..1536).expect("is there");
    let store = open(&driver.disk).expect("opens: payloads are not read for it");
    let log = store.find_log(LOGS[0]).expect("finds").expect("is there");
    let mut failed = 0;
    for n in 0..40_u64 {
        match log.get(Seq(n + 1)) {
            Ok(found) => assert_eq!(found.expect("is there"), format!("{n:0300}").as_bytes()),
            Err(Error::Io(_)) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((1..=4).contains(&failed), "{failed} records lie in that sector");
}
