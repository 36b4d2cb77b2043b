//! The power cut and the process killed under load, again and again: what a peer was shown, or a PUT
//! was answered, is there with its timestamp, and older ones lose against it.

mod known;
mod load;

use std::sync::Mutex;

use syncline_engine::storage::sim::SimDisk;
use syncline_tests::{
    dice::{Dice, seeds},
    process::Serving,
    server::TestServer,
    workspace::SECRET,
};
use tempfile::TempDir;

use self::{known::Known, load::Load};

const CASES: u64 = 3;
/// Deaths of one workspace, each on top of what the one before has left.
const LIVES: u64 = 3;
/// Possible images that are looked at of one power cut.
const IMAGES: u64 = 3;

fn start(disk: &SimDisk) -> TestServer {
    TestServer::start_on(disk, |c| c.auth.secret = Some(SECRET.into()))
}

#[test]
fn a_power_cut_under_load_keeps_what_a_peer_was_shown() {
    for seed in 0..seeds(CASES) {
        println!("seed {seed}");
        let mut dice = Dice::new(seed);
        let mut disk = SimDisk::new(seed);
        let known = Mutex::new(Known::default());
        for life in 0..LIVES {
            let server = start(&disk);
            known.lock().unwrap().check(server.address());
            disk.stop_within(disk.steps() + 3 + dice.below(150), dice.below(3_000) as usize);
            let load = Load::new(server.address(), &known, seed * 100 + life);
            for code in load.run(|| ()).into_iter().flatten() {
                assert_eq!(code, 1011, "the store has failed");
            }
            assert!(disk.is_stopped(), "the load ended by itself");
            drop(server);
            for _ in 1..IMAGES {
                // What one image shows the next need not: only what was told before the cut counts.
                let mut known = known.lock().unwrap().clone();
                known.check(start(&disk.after_power_cut(dice.roll())).address());
            }
            disk = disk.after_power_cut(dice.roll());
        }
        let server = start(&disk);
        let mut known = known.lock().unwrap();
        known.check(server.address());
        known.check_old_ones_lose(&server);
    }
}

#[test]
fn kill_9_under_load_keeps_what_a_peer_was_shown() {
    let dir = TempDir::new().unwrap();
    let secret = [("SYNCLINE_AUTH_SECRET", SECRET)];
    let known = Mutex::new(Known::default());
    for life in 0..3 {
        let serving = Serving::start(dir.path(), &secret);
        known.lock().unwrap().check(serving.address());
        // Another moment each time: the death shall not find the store at the same step.
        let before = known.lock().unwrap().told() + 300 + 331 * life;
        Load::new(serving.address(), &known, life).run(|| {
            syncline_tests::until("the load is under way", || {
                (known.lock().unwrap().told() >= before).then_some(())
            });
            serving.kill();
        });
    }
    let serving = Serving::start(dir.path(), &secret);
    known.lock().unwrap().check(serving.address());
    drop(serving);
    let server = TestServer::start_in(dir, |c| c.auth.secret = Some(SECRET.into()));
    known.lock().unwrap().check_old_ones_lose(&server);
}
