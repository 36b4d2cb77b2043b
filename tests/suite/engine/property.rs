//! Random operations against a plain model, with clean ends, kills and power cuts between them.

use syncline_engine::storage::sim::SimDisk;

use crate::world::{
    dice::{Dice, for_seeds},
    driver::{Driver, random_batch},
};

const CASES: u64 = 3_000;

#[test]
fn random_operations_agree_with_the_model() {
    for_seeds(CASES, |seed| {
        let mut dice = Dice::new(seed);
        let mut driver = Driver::start(SimDisk::new(seed)).expect("opens");
        for _ in 0..10 + dice.below(40) {
            driver = random_step(driver, &mut dice);
        }
        driver.check();
        driver.reopen().expect("reopens").check();
    });
}

fn random_step(mut driver: Driver, dice: &mut Dice) -> Driver {
    match dice.below(40) {
        0 => return driver.reopen().expect("reopens"),
        1 => {
            let disk = driver.disk.after_kill();
            return driver.recover(disk);
        }
        2 => {
            let disk = driver.disk.after_power_cut(dice.roll());
            return driver.recover(disk);
        }
        3..=8 => driver.wait().expect("durable"),
        9 => driver.sync().expect("durable"),
        10..=12 => driver.check(),
        _ => {
            let batch = random_batch(dice, driver.history.now(), &driver.disk);
            driver.commit(&batch).expect("committed");
        }
    }
    driver.note_durable();
    driver
}
