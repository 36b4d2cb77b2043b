//! The power cut and the process killed under load, again and again: what was acknowledged as durable,
//! or shown to anybody, is there; a cursor means what it meant before.

mod known;
mod load;

use std::sync::Mutex;

use syncline::{Config, config::Ack};
use syncline_engine::storage::sim::SimDisk;
use syncline_tests::{
    dice::{Dice, seeds},
    process::Serving,
    server::TestServer,
    workspace::SECRET,
};
use tempfile::TempDir;

use self::{known::Known, load::Load};

const CASES: u64 = 2;
/// Deaths of one map, each on top of what the one before has left.
const LIVES: u64 = 3;
/// Possible images that are looked at of one power cut.
const IMAGES: u64 = 3;

/// Acknowledges at once in half of the cases: what it shows and calls durable waits all the same.
fn adapt(seed: u64) -> impl Fn(&mut Config) {
    move |config| {
        config.auth.secret = Some(SECRET.into());
        config.maps.requests_per_second_max = 1 << 20;
        if seed % 2 == 1 {
            config.maps.ack = Ack::Memory;
        }
    }
}

#[test]
fn a_power_cut_under_load_keeps_what_was_called_durable_and_what_was_shown() {
    for seed in 0..seeds(CASES) {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut disk = SimDisk::new(seed);
        let known = Mutex::new(Known::default());
        for life in 0..LIVES {
            let server = TestServer::start_on(&disk, adapt(seed));
            known.lock().unwrap().check(server.address());
            disk.stop_within(disk.steps() + 3 + dice.below(150), dice.below(3_000) as usize);
            Load::new(server.address(), &known, seed * 100 + life).run_until_end();
            assert!(disk.is_stopped(), "the load ended by itself");
            drop(server);
            for _ in 1..IMAGES {
                // What one image shows the next need not: only what was told before the cut counts.
                let mut known = known.lock().unwrap().clone();
                let image = disk.after_power_cut(dice.roll());
                known.check(TestServer::start_on(&image, adapt(seed)).address());
            }
            disk = disk.after_power_cut(dice.roll());
        }
        let server = TestServer::start_on(&disk, adapt(seed));
        known.lock().unwrap().check(server.address());
        println!("{}", known.lock().unwrap());
    }
}

#[test]
fn kill_9_under_load_keeps_what_was_called_durable_and_what_was_shown() {
    let dir = TempDir::new().unwrap();
    let known = Mutex::new(Known::default());
    let more =
        [("SYNCLINE_AUTH_SECRET", SECRET), ("SYNCLINE_MAPS_REQUESTS_PER_SECOND_MAX", "100000")];
    for life in 0..2 {
        let serving = Serving::start(dir.path(), &more);
        known.lock().unwrap().check(serving.address());
        // Another moment each time: the death shall not find the store at the same step.
        let before = known.lock().unwrap().told() + 100 + 157 * life;
        let load = Load::new(serving.address(), &known, life);
        load.run(|| {
            syncline_tests::until("the load is under way", || {
                (known.lock().unwrap().told() >= before).then_some(())
            });
            serving.kill();
        });
    }
    let serving = Serving::start(dir.path(), &more);
    known.lock().unwrap().check(serving.address());
}
