//! A disk that fails while threads wait: all are told, and nobody is acknowledged without the device.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use syncline_schedules::thread;

use super::{
    engine::{
        Error,
        storage::sim::{Call, Fault},
    },
    world::World,
};
use crate::{
    explore::explore,
    images::{self, Files},
};

/// Three threads commit and wait; the call fails after it has gone well so many times, and for good.
fn fails(files: &Files, call: Call, after: u64, committer: bool) {
    let world = World::open(files, |options| options.committer_thread = committer);
    world.disk.fail(Fault { call, after, times: u64::MAX, errno: Fault::EIO });
    let told = Arc::new(AtomicU64::new(0));
    let of_watch = Arc::clone(&told);
    world.store.on_durable(move |position| {
        of_watch.fetch_add(u64::from(position.is_err()), Ordering::Relaxed);
    });
    let append = |world: &World, payload: &str| match world.append_durably(payload.as_bytes()) {
        Ok(()) => true,
        Err(Error::Io(_) | Error::Poisoned) => false,
        Err(error) => panic!("{error}"),
    };
    let writers = ["one", "two"].map(|payload| {
        let world = world.clone();
        thread::spawn(move || append(&world, payload))
    });
    let own = append(&world, "three");
    let others = writers.map(|writer| writer.join().expect("a thread that ends"));
    let acknowledged = others.into_iter().chain([own]).filter(|done| *done).count() as u64;
    if acknowledged < 3 {
        assert!(matches!(world.store.health(), Err(Error::Poisoned)));
        assert!(matches!(world.append(b"four"), Err(Error::Poisoned)));
        assert!(matches!(world.store.close(), Err(Error::Poisoned)));
        assert_eq!(told.load(Ordering::Relaxed), 1, "the watch hears of the failure once");
    }
    assert!(acknowledged == 0 || after > 0, "{acknowledged} acknowledged without a sync");
}

fn explore_failing(call: Call) {
    let files = images::store(&[]);
    for (after, committer) in [(0, false), (1, false), (0, true), (1, true)] {
        let files = files.clone();
        let name = format!("{call:?} fails after {after}, committer: {committer}");
        explore(&name, move || fails(&files, call, after, committer));
    }
}

#[test]
fn a_sync_that_fails_is_told_to_all_who_wait() {
    explore_failing(Call::Sync);
}

#[test]
fn a_write_that_fails_is_told_to_all_who_wait() {
    explore_failing(Call::Write);
}
