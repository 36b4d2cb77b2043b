//! Random operations against a plain model, with clean ends, kills, power cuts and failing calls
//! between them.

use std::sync::Arc;

use syncline_engine::{
    Error,
    storage::sim::{Call, Charge, Fault, SimDisk},
};

use crate::world::{
    dice::{Dice, for_seeds},
    driver::{Driver, random_batch},
};

const CASES: u64 = 20_000;

#[test]
fn random_operations_agree_with_the_model() {
    for_seeds(CASES, |seed| {
        let mut dice = Dice::new(seed);
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        for _ in 0..10 + dice.below(40) {
            driver = random_step(driver, &mut dice);
        }
        driver.disk.heal();
        driver.disk.limit_space(None, Charge::Length);
        driver.check();
        reopen(driver, &mut dice).check();
    });
}

fn random_step(mut driver: Driver, dice: &mut Dice) -> Driver {
    let outcome = match dice.below(44) {
        0 => return reopen(driver, dice),
        1 => {
            let disk = driver.disk.after_kill();
            return driver.recover(disk);
        }
        2 => {
            let disk = driver.disk.after_power_cut(dice.roll());
            return driver.recover(disk);
        }
        3..=8 => driver.wait(),
        9 => driver.sync(),
        10..=12 => {
            driver.disk.heal();
            driver.check();
            Ok(())
        }
        13 => {
            let fault = random_fault(dice);
            driver.may_have_failed_to_read |=
                matches!(fault.call, Call::Read | Call::Map | Call::Open);
            driver.disk.fail(fault);
            Ok(())
        }
        14 => {
            let bytes = dice.one_in(2).then(|| dice.below(20_000) as u64);
            driver.disk.limit_space(bytes, Charge::Length);
            Ok(())
        }
        15 => driver.snapshot(),
        16 => {
            let all = dice.one_in(2);
            driver.compact(all)
        }
        17 => back_up(&driver),
        _ => {
            let batch = random_batch(dice, driver.history.now(), &driver.disk);
            driver.commit(&batch)
        }
    };
    driver.note_durable();
    match outcome {
        Ok(()) => driver,
        Err(error) => after_a_failure(driver, &error, dice),
    }
}

/// A backup is the store as it is, and opens as that after a power cut.
fn back_up(driver: &Driver) -> Result<(), Error> {
    let target = SimDisk::new(0);
    driver.store.backup_on(Arc::new(target.clone()))?;
    let copy = Driver::start(target.after_power_cut(1)).expect("opens");
    assert!(copy.history.now() == driver.history.now(), "another state");
    Ok(())
}

/// A call that will fail, once or for a while.
fn random_fault(dice: &mut Dice) -> Fault {
    const CALLS: [Call; 10] = [
        Call::List,
        Call::Open,
        Call::Create,
        Call::Rename,
        Call::Remove,
        Call::SyncDir,
        Call::Read,
        Call::Write,
        Call::Sync,
        Call::Map,
    ];
    Fault {
        call: *dice.pick(&CALLS),
        after: dice.below(6) as u64,
        times: 1 + dice.below(3) as u64,
        errno: *dice.pick(&[Fault::EIO, Fault::ENOSPC]),
    }
}

/// What a store that failed still promises: either the call did nothing and the store goes on, or it
/// takes no more and a new one finds everything acknowledged.
fn after_a_failure(driver: Driver, error: &Error, dice: &mut Dice) -> Driver {
    assert!(matches!(error, Error::Full | Error::Io(_) | Error::Poisoned), "{error}");
    driver.disk.heal();
    if driver.store.health().is_ok() {
        driver.check();
        return driver;
    }
    assert!(!error.is_retryable(), "{error}, but trying again cannot help");
    assert!(matches!(driver.store.sync(), Err(Error::Poisoned)) || driver.is_all_durable());
    let disk = match dice.one_in(2) {
        true => driver.disk.after_kill(),
        false => driver.disk.after_power_cut(dice.roll()),
    };
    disk.limit_space(None, Charge::Length);
    driver.recover(disk)
}

/// A clean end, as long as the disk lets it be one.
fn reopen(driver: Driver, dice: &mut Dice) -> Driver {
    let disk = driver.disk.clone();
    if let Err(error) = driver.store.clone().close() {
        return after_a_failure(driver, &error, dice);
    }
    disk.heal();
    disk.limit_space(None, Charge::Length);
    driver.reopen().expect("reopens")
}
