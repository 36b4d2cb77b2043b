//! The process killed and the power cut at every step of a workload: what was acknowledged is there.

use std::{
    collections::HashSet,
    env,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Mutex,
};

use syncline_engine::storage::sim::{Lie, SimDisk};

use crate::world::{
    cuts::{check, every_crash},
    dice::for_seeds,
    driver::{Driver, open},
};

const WORKLOADS: u64 = 8;
/// Different images that these make, at least.
const IMAGES_MIN: usize = 3_000;

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
        every_crash(seed, &open, |image, history, salt| {
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
    every_crash(seed, &open, |image, history, salt| {
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

/// Whatever a lying disk loses, nothing else than an earlier state may be shown (E17).
#[test]
fn a_disk_that_lies_never_makes_up_an_answer() {
    for lie in [Lie::Files, Lie::Names] {
        let lying = |disk: &SimDisk| {
            disk.lie(lie);
            open(disk)
        };
        every_crash(2, &lying, |image, history, _| match Driver::start(image.clone()) {
            Ok(driver) => {
                history.check_any(driver.history.now()).expect("some earlier state");
            }
            Err(error) => assert!(error.is_corruption(), "{error}"),
        });
    }
}
