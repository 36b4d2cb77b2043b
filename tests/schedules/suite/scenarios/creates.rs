//! Collections that several threads create, drop and use at once.

use super::{
    engine::{Batch, Error},
    world::{World, together},
};
use crate::images::{self, Files};

/// Three threads ask for the same new log and append to it.
pub(crate) fn created_by_all(files: &Files) {
    let world = World::open(files, |_| {});
    let parts = [0, 1, 2].map(|_| {
        world.part(|world| {
            let log = world.store.log("new").expect("a log");
            let mut batch = Batch::new();
            batch.append(&log, b"record");
            world.store.commit(batch).expect("committed").wait().expect("durable");
        })
    });
    together(parts.into());
    assert_eq!(world.store.log("new").expect("a log").len(), 3);
    assert_eq!(world.store.collections().len(), 3);
}

/// One thread drops the log that others append to and read: before the drop or refused, never after.
pub(crate) fn dropped_under_writers(files: &Files) {
    let world = World::open(files, |_| {});
    let append = |world: &World| match world.append(b"record").and_then(|commit| commit.wait()) {
        Ok(()) | Err(Error::Rejected(_)) => {}
        Err(error) => panic!("{error}"),
    };
    let read = |world: &World| {
        for record in world.log.read(..) {
            assert_eq!(record.expect("sound").payload, b"record"[..]);
        }
    };
    let end = |world: &World| {
        let mut batch = Batch::new();
        batch.drop_log(&world.log);
        world.store.commit(batch).expect("committed").wait().expect("durable");
        assert!(matches!(world.append(b"late"), Err(Error::Rejected(_))));
        assert!(world.store.find_log("log").expect("no map").is_none());
    };
    together(vec![world.part(append), world.part(read), world.part(end)]);
    assert_eq!(images::collections(world.disk.files_on_device()), ["map"]);
}
