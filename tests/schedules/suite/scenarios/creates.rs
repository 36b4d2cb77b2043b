//! Collections that several threads create, drop and use at once.

use syncline_schedules::thread;

use super::{
    engine::{Batch, Error},
    world::{World, join},
};
use crate::{
    explore::explore,
    images::{self, Files},
};

/// Three threads ask for the same new log and append to it.
fn created_by_all(files: &Files) {
    let world = World::open(files, |_| {});
    let append = |world: &World| {
        let log = world.store.log("new").expect("a log");
        let mut batch = Batch::new();
        batch.append(&log, b"record");
        world.store.commit(batch).expect("committed").wait().expect("durable");
    };
    let writers = [0, 1].map(|_| {
        let world = world.clone();
        thread::spawn(move || append(&world))
    });
    append(&world);
    join(writers);
    assert_eq!(world.store.log("new").expect("a log").len(), 3);
    assert_eq!(world.store.collections().len(), 3);
}

/// One thread drops the log that two others append to: before the drop or refused, never after.
fn dropped_under_writers(files: &Files) {
    let world = World::open(files, |_| {});
    let appender = {
        let world = world.clone();
        thread::spawn(move || match world.append(b"record").and_then(|commit| commit.wait()) {
            Ok(()) | Err(Error::Rejected(_)) => {}
            Err(error) => panic!("{error}"),
        })
    };
    let reader = {
        let log = world.log.clone();
        thread::spawn(move || {
            for record in log.read(..) {
                assert_eq!(record.expect("sound").payload, b"record"[..]);
            }
        })
    };
    let mut batch = Batch::new();
    batch.drop_log(&world.log);
    world.store.commit(batch).expect("committed").wait().expect("durable");
    assert!(matches!(world.append(b"late"), Err(Error::Rejected(_))));
    assert!(world.store.find_log("log").expect("no map").is_none());
    appender.join().and_then(|()| reader.join()).expect("threads that end");
    assert_eq!(images::collections(world.disk.files_on_device()), ["map"]);
}

#[test]
fn a_log_that_many_create_is_one() {
    let files = images::store(&[]);
    explore("created_by_all", move || created_by_all(&files));
}

#[test]
fn nothing_follows_a_drop() {
    let files = images::store(&[]);
    explore("dropped_under_writers", move || dropped_under_writers(&files));
}
