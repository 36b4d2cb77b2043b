//! The clock over a real store: over restarts, crashes and slower wall clocks.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use syncline_engine::Options;

use super::*;

const WALL: u64 = 1_800_000_000_000;

/// A store, its clock, and the wall clock that it reads.
struct Machine {
    store: Store,
    clock: ServerClock,
    wall: Arc<AtomicU64>,
}

impl Machine {
    fn start(dir: &Path, wall: u64) -> Self {
        let store = Store::open(dir, Options::default()).unwrap();
        let wall = Arc::new(AtomicU64::new(wall));
        let reading = wall.clone();
        let now: Wall = Arc::new(move || UnixMillis(reading.load(Ordering::SeqCst)));
        let clock = ServerClock::start_by(&store, now).unwrap();
        Self { store, clock, wall }
    }

    fn enter(&self) -> InUse {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.clock.enter()).unwrap()
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(self.wall.load(Ordering::SeqCst))
    }

    fn stop(self) {
        self.clock.stop();
        self.store.close().unwrap();
    }
}

#[test]
fn no_run_gives_what_another_gave() {
    let dir = tempfile::tempdir().unwrap();
    let mut last: Option<Hlc> = None;
    // Fast, slow, an hour back, at the beginning of time; ended cleanly or by a copy of its files.
    for (run, wall) in
        [WALL, WALL + 1, WALL - 3_600_000, 0, WALL - 5, WALL + 60_000].into_iter().enumerate()
    {
        let machine = Machine::start(dir.path(), wall);
        let user = machine.enter();
        for _ in 0..100 {
            let stamp = user.next(machine.now());
            assert!(
                last.as_ref().is_none_or(|last| stamp > *last),
                "{stamp} after {last:?} in {run}"
            );
            last = Some(stamp);
        }
        drop(user);
        machine.stop();
    }
    let last = last.unwrap();
    assert!(last.node.is_server() && last.millis < WALL + 70_000, "{last}");
}

#[test]
fn a_crash_takes_nothing_back_that_was_given() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::start(&dir.path().join("a"), WALL);
    let user = machine.enter();
    let crashed = dir.path().join("b");
    machine.store.backup(&crashed).unwrap();
    // What is given behind the copy is below the ceiling that is in it.
    let given = user.next(UnixMillis(WALL + 3_000));
    let later = Machine::start(&crashed, WALL - 10_000);
    let next = later.enter().next(later.now());
    assert!(next > given && next.node == given.node, "{next} after {given}");
    drop(user);
    machine.stop();
}

#[test]
fn it_catches_up_with_the_wall_clock_when_somebody_comes() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::start(dir.path(), WALL);
    assert!(machine.store.collections().is_empty(), "nobody has used it");
    let first = machine.enter().next(machine.now());
    machine.wall.store(WALL + 3_600_000, Ordering::SeqCst);
    assert_eq!(machine.clock.behind(), Duration::ZERO, "nobody uses it");
    let second = machine.enter().next(machine.now());
    assert_eq!((first.millis, second.millis), (WALL, WALL + 3_600_000));
    assert_eq!((first.node, machine.clock.shared.inner.lock().users), (second.node, 0));
    machine.stop();
}

#[test]
fn a_clock_that_was_damaged_gets_a_new_node() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::start(dir.path(), WALL);
    let first = machine.enter().next(machine.now());
    let map = machine.store.map("maps.clock").unwrap();
    machine.clock.stop();
    let mut batch = syncline_engine::Batch::new();
    batch.put(&map, b"ceiling", b"short");
    machine.store.commit(batch).unwrap();
    machine.stop();
    let machine = Machine::start(dir.path(), WALL);
    assert_ne!(machine.enter().next(machine.now()).node, first.node);
    machine.stop();
}
