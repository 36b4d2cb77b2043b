//! Group commit: who is acknowledged is durable at that moment, and nobody waits for ever.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use syncline_schedules::thread;

use super::{
    engine::{Durability, Error, Options, Position},
    world::{World, join},
};
use crate::{
    explore::explore,
    images::{self, Files},
};

/// With a thread of the store's own that writes and syncs.
fn committer(options: &mut Options) {
    options.committer_thread = true;
}

fn usual(_: &mut Options) {}

/// Two threads commit and wait while a third one closes the store.
fn commit_while_closing(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, change);
    let writers = ["one", "two"].map(|payload| {
        let world = world.clone();
        thread::spawn(move || match world.append_durably(payload.as_bytes()) {
            Ok(()) => true,
            Err(Error::Closed) => false,
            Err(error) => panic!("{error}"),
        })
    });
    world.store.clone().close().expect("closed");
    let kept = images::records(world.disk.files_on_device());
    for (writer, payload) in writers.into_iter().zip(["one", "two"]) {
        let acknowledged = writer.join().expect("a thread that ends");
        let is_kept = kept.iter().any(|record| record == payload.as_bytes());
        assert_eq!(is_kept, acknowledged, "closing keeps what was committed and nothing else");
    }
}

/// Three threads commit and wait; a watch hears how far the store is durable.
fn three_wait(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, change);
    let heard = Arc::new(AtomicU64::new(world.store.durable().0));
    let of_watch = Arc::clone(&heard);
    world.store.on_durable(move |position| {
        let Position(position) = position.expect("nothing fails");
        let before = of_watch.swap(position, Ordering::Relaxed);
        assert!(before < position, "told {before} and then {position}");
    });
    let append = |world: &World, payload: &str| {
        world.append_durably(payload.as_bytes()).expect("nothing fails");
    };
    let writers = ["one", "two"].map(|payload| {
        let world = world.clone();
        thread::spawn(move || append(&world, payload))
    });
    append(&world, "three");
    join(writers);
    world.store.clone().close().expect("closed");
    assert_eq!(world.store.durable(), world.store.appended());
    assert_eq!(heard.load(Ordering::Relaxed), world.store.durable().0);
}

/// Three threads commit more than the tail takes, and wait at the end only.
fn crowded_tail(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, |options| {
        change(options);
        options.tail_bytes_max = 1;
    });
    let write = |world: &World, payload: &str| {
        for _ in 0..2 {
            world.append(payload.as_bytes()).expect("room comes");
        }
        world.store.sync().expect("nothing fails");
        let kept = images::records(world.disk.files_on_device());
        let own = kept.iter().filter(|record| *record == payload.as_bytes());
        assert_eq!(own.count(), 2, "synced and not on the device");
    };
    let writers = ["one", "two"].map(|payload| {
        let world = world.clone();
        thread::spawn(move || write(&world, payload))
    });
    write(&world, "three");
    join(writers);
}

/// Three threads whose records leave a segment no room for the next one's.
fn new_segments(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, change);
    let payloads = [1, 2, 3].map(|byte| vec![byte; 2600]);
    let append = |world: &World, payload: &[u8]| {
        world.append_durably(payload).expect("nothing fails");
    };
    let writers = [payloads[0].clone(), payloads[1].clone()].map(|payload| {
        let world = world.clone();
        thread::spawn(move || append(&world, &payload))
    });
    append(&world, &payloads[2]);
    join(writers);
    let segments = world.disk.files_on_device().len();
    assert!(segments >= 3, "the records stand in {segments} segments");
}

/// Who waits for the operating system only finds the record in its hands.
fn waits_for_the_system(files: &Files, change: fn(&mut Options)) {
    let world = World::open(files, |options| {
        change(options);
        options.durability = Durability::Os;
    });
    let append = |world: &World, payload: &str| {
        let commit = world.append(payload.as_bytes()).expect("nothing fails");
        commit.wait().expect("nothing fails");
        let kept = images::records(world.disk.files());
        assert!(kept.iter().any(|record| record == payload.as_bytes()), "not written");
    };
    let one = {
        let world = world.clone();
        thread::spawn(move || append(&world, "one"))
    };
    let other = {
        let world = world.clone();
        thread::spawn(move || world.store.sync().map(drop).expect("nothing fails"))
    };
    append(&world, "two");
    one.join().and_then(|()| other.join()).expect("threads that end");
}

fn explore_both(name: &str, scenario: fn(&Files, fn(&mut Options))) {
    let files = images::store(&[]);
    for (change, with) in [(usual as fn(&mut Options), ""), (committer, " with a committer")] {
        let files = files.clone();
        explore(&format!("{name}{with}"), move || scenario(&files, change));
    }
}

#[test]
fn who_is_acknowledged_while_the_store_closes_is_durable() {
    explore_both("commit_while_closing", commit_while_closing);
}

#[test]
fn three_who_wait_are_served_and_the_watch_hears_of_it_in_order() {
    explore_both("three_wait", three_wait);
}

#[test]
fn whoever_finds_the_tail_full_gets_room() {
    explore_both("crowded_tail", crowded_tail);
}

#[test]
fn a_change_of_segments_loses_nobody() {
    explore_both("new_segments", new_segments);
}

#[test]
fn whoever_waits_for_the_system_is_written() {
    explore_both("waits_for_the_system", waits_for_the_system);
}
