//! Group commit: who is acknowledged is durable at that moment, and nobody waits for ever.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use super::{
    engine::{Durability, Error, Options, Position},
    world::{World, together},
};
use crate::images::{self, Files};

/// With a thread of the store's own that writes and syncs.
pub(crate) fn committer(options: &mut Options) {
    options.committer_thread = true;
}

/// Without one.
pub(crate) fn usual(_: &mut Options) {}

/// Two threads commit and wait while a third one closes the store.
pub(crate) fn commit_while_closing(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, change);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let mut parts = Vec::from(["one", "two"].map(|payload| {
        let acknowledged = Arc::clone(&acknowledged);
        world.part(move |world| match world.append_durably(payload.as_bytes()) {
            Ok(()) => acknowledged.lock().expect("nobody panics").push(payload.as_bytes().to_vec()),
            Err(Error::Closed) => {}
            Err(error) => panic!("{error}"),
        })
    }));
    parts.push(world.part(|world| world.store.clone().close().expect("closed")));
    together(parts);
    let mut kept = images::records(world.disk.files_on_device());
    let mut acknowledged = acknowledged.lock().expect("nobody panics").clone();
    kept.sort();
    acknowledged.sort();
    assert_eq!(kept, acknowledged, "closing keeps what was committed and nothing else");
}

/// Three threads commit and wait; a watch hears how far the store is durable.
pub(crate) fn three_wait(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, change);
    let heard = Arc::new(AtomicU64::new(world.store.durable().0));
    let of_watch = Arc::clone(&heard);
    world.store.on_durable(move |position| {
        let Position(position) = position.expect("nothing fails");
        let before = of_watch.swap(position, Ordering::Relaxed);
        assert!(before < position, "told {before} and then {position}");
    });
    let parts = ["one", "two", "three"].map(|payload| {
        world.part(move |world| {
            world.append_durably(payload.as_bytes()).expect("nothing fails");
        })
    });
    together(parts.into());
    world.store.clone().close().expect("closed");
    assert_eq!(world.store.durable(), world.store.appended());
    assert_eq!(heard.load(Ordering::Relaxed), world.store.durable().0);
}

/// One thread commits and waits, another looks how far the store is durable: what is before that is on
/// the device.
pub(crate) fn watched_from_aside(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, change);
    let placed = Arc::new(Mutex::new(Vec::new()));
    let of_writer = Arc::clone(&placed);
    let write = move |world: &World| {
        for payload in ["one", "two"] {
            let commit = world.append(payload.as_bytes()).expect("nothing fails");
            of_writer.lock().expect("nobody panics").push((commit.position(), payload));
            commit.wait().expect("nothing fails");
        }
    };
    let look = move |world: &World| {
        let durable = world.store.durable();
        let kept = images::records(world.disk.files_on_device());
        for (position, payload) in &*placed.lock().expect("nobody panics") {
            let is_kept = kept.iter().any(|record| record == payload.as_bytes());
            assert!(is_kept || *position > durable, "{payload} is called durable and is not");
        }
    };
    together(vec![world.part(write), world.part(look)]);
}

/// Three threads commit more than the tail takes, two of them this often; only the third waits.
pub(crate) fn crowded_tail(files: &Files, change: fn(&mut Options), times: usize) {
    let world = World::open(files, |options| {
        change(options);
        options.tail_bytes_max = 1;
    });
    let mut parts = Vec::from(["one", "two"].map(|payload| {
        world.part(move |world| {
            for _ in 0..times {
                world.append(payload.as_bytes()).expect("room comes");
            }
        })
    }));
    parts.push(world.part(|world| world.append_durably(b"three").expect("nothing fails")));
    together(parts);
    world.store.sync().expect("nothing fails");
    let kept = images::records(world.disk.files_on_device());
    let count = |payload: &str| kept.iter().filter(|kept| *kept == payload.as_bytes()).count();
    assert_eq!(["one", "two", "three"].map(count), [times, times, 1]);
}

/// Three threads whose records leave a segment no room for the next one's.
pub(crate) fn new_segments(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, change);
    let parts = [1, 2, 3].map(|byte| {
        world.part(move |world| world.append_durably(&[byte; 2600]).expect("nothing fails"))
    });
    together(parts.into());
    let segments = world.disk.files_on_device().len();
    assert!(segments >= 3, "the records stand in {segments} segments");
}

/// Who waits for the operating system only finds the record in its hands; who syncs, on the device.
pub(crate) fn waits_for_the_system(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, |options| {
        change(options);
        options.durability = Durability::Os;
    });
    let mut parts = Vec::from(["one", "two"].map(|payload| {
        world.part(move |world| {
            let commit = world.append(payload.as_bytes()).expect("nothing fails");
            commit.wait().expect("nothing fails");
            let kept = images::records(world.disk.files());
            assert!(kept.iter().any(|record| record == payload.as_bytes()), "not written");
        })
    }));
    parts.push(world.part(|world| {
        let commit = world.append(b"three").expect("nothing fails");
        world.store.sync().expect("nothing fails");
        world.expect_on_device(b"three", commit.seqs()[0].0);
    }));
    together(parts);
}
