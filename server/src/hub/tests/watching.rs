//! Sessions that watch rooms: told all of what is applied, in windows, and no faster than they read.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use syncline_protocol::dialect::Framing;

use super::{
    super::tell::LastFrame,
    client::Client,
    session::Session,
    world::{World, until},
};

/// A peer that watches a room, and its room.
fn watcher(world: &World, shard: usize, room: &str) -> Client {
    let mut peer = world.attach(shard, Session::many());
    peer.say(&format!("watch {room};ask 0 {room} get nothing"));
    assert_eq!(peer.text(), "0 nothing");
    peer
}

/// Has an entry put, and waits for the answer.
fn put(peer: &mut Client, room: &str, entry: &str) {
    peer.say(&format!("ask 7 {room} put {entry}"));
    assert!(peer.text().starts_with("7 "));
}

/// The entries of the next window of a room.
fn window(peer: &mut Client, room: &str) -> Vec<String> {
    let text = peer.text();
    let entries = text.strip_prefix(&format!("{room}: ")).unwrap_or_else(|| panic!("{text}"));
    entries.split(',').map(Into::into).collect()
}

#[test]
fn a_watcher_is_told_all_that_is_applied_after_its_question_and_after_its_answer() {
    const ROUNDS: u64 = 40;
    let world = World::start(|plan| plan.shards = 3);
    let room = world.room_of(1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (world, room, done) = (&world, &room, &done);
        for shard in [0, 1] {
            scope.spawn(move || {
                let mut writer = world.attach(shard, Session::many());
                for n in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    put(&mut writer, room, &format!("k{shard} {n}"));
                }
            });
        }
        let watchers: Vec<_> = (0..9)
            .map(|n| scope.spawn(move || watch_a_while(world, n % 3, room, n % 2, ROUNDS)))
            .collect();
        let ended: Vec<_> = watchers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|ended| ended.unwrap());
    });
}

/// Watches for some changes of a key that counts.
fn watch_a_while(world: &World, shard: usize, room: &str, key: usize, rounds: u64) {
    let mut peer = world.attach(shard, Session::many());
    let count = |entry: String| -> Option<u64> {
        let value = entry.strip_prefix(&format!("k{key}="))?;
        Some(value.parse().unwrap())
    };
    peer.say(&format!("watch {room};ask 0 {room} get k{key}"));
    let mut before = Vec::new();
    let answer = loop {
        let text = peer.text();
        match text.strip_prefix("0 ") {
            Some(answer) => break answer.to_owned(),
            None => before.extend(text.split(": ").nth(1).unwrap().split(',').map(String::from)),
        }
    };
    let mut last: Option<u64> = answer.parse().ok();
    let early = before.into_iter().filter_map(count).max();
    assert!(early <= last, "nothing newer comes before the answer");
    for _ in 0..rounds {
        for value in window(&mut peer, room).into_iter().filter_map(count) {
            let next = last.map_or(0, |last| last + 1);
            assert!(value <= next, "none is left out");
            last = last.max(Some(value));
        }
    }
}

#[test]
fn windows_gather_and_the_first_after_a_pause_goes_at_once() {
    let hour = Duration::from_secs(3_600);
    let world = World::start(|plan| plan.probe.window = hour);
    for shard in [0, 1] {
        let room = world.room_of(shard);
        let mut writer = world.attach(0, Session::many());
        let mut peers = [0, 1].map(|shard| watcher(&world, shard, &room));
        put(&mut writer, &room, "a 1");
        for peer in &mut peers {
            assert_eq!(window(peer, &room), ["a=1"]);
        }
        for n in 0..5 {
            put(&mut writer, &room, &format!("b {n}"));
        }
        for peer in &mut peers {
            peer.say("send me");
            assert_eq!(peer.text(), "me", "they are gathered");
        }
        let (name, long_ago) = (room.clone(), tokio::time::Instant::now() - hour);
        world.on(shard, move |hub| {
            hub.gatherings.borrow_mut().get_mut(&name[..]).unwrap().pretend_sent(long_ago);
        });
        put(&mut writer, &room, "c 1");
        for peer in &mut peers {
            assert_eq!(window(peer, &room), ["b=0", "b=1", "b=2", "b=3", "b=4", "c=1"]);
        }
    }
}

#[test]
fn a_window_ends_by_itself() {
    let world = World::start(|plan| plan.probe.window = Duration::from_millis(60));
    let rooms = [world.room_of(0), world.room_of(1)];
    let mut writer = world.attach(0, Session::many());
    let mut peers = [0, 1].map(|shard| {
        let mut peer = watcher(&world, shard, &rooms[0]);
        peer.say(&format!("watch {}", rooms[1]));
        peer.say(&format!("ask 1 {} get nothing", rooms[1]));
        assert_eq!(peer.text(), "1 nothing");
        peer
    });
    for n in 0..20 {
        put(&mut writer, &rooms[n % 2], &format!("k {n}"));
    }
    for peer in &mut peers {
        let mut told = [Vec::new(), Vec::new()];
        while told[0].len() + told[1].len() < 20 {
            let text = peer.text();
            let (room, entries) = text.split_once(": ").unwrap();
            let place = usize::from(room != rooms[0]);
            told[place].extend(entries.split(',').map(String::from));
        }
        for (place, told) in told.iter().enumerate() {
            let all: Vec<_> = (0..10).map(|n| format!("k={}", 2 * n + place)).collect();
            assert_eq!(told, &all, "all of them, in order");
        }
    }
    // What the dialect makes nothing of is not told.
    thread::sleep(Duration::from_millis(80));
    put(&mut writer, &rooms[0], "quiet 1");
    thread::sleep(Duration::from_millis(80));
    put(&mut writer, &rooms[0], "last 1");
    assert_eq!(window(&mut peers[0], &rooms[0]), ["last=1"]);
}

#[test]
fn a_slow_watcher_holds_up_nobody_and_is_told_when_it_has_taken_all() {
    const CHANGES: usize = 2_000;
    let world = World::start(|plan| {
        plan.config.limits.queue_bytes_max = 8 << 10;
        plan.probe.window = Duration::ZERO;
    });
    let room = world.room_of(0);
    for shard in [0, 1] {
        let mut slow = watcher(&world, shard, &room);
        let mut quick = watcher(&world, shard, &room);
        let mut writer = world.attach(0, Session::many());
        let padding = "x".repeat(1_000);
        let lagged = world.metric("syncline_lagged_total");
        for n in 0..CHANGES {
            put(&mut writer, &room, &format!("k {n}{padding}"));
            assert_eq!(window(&mut quick, &room), [format!("k={n}{padding}")]);
        }
        assert!(world.metric("syncline_lagged_total") > lagged);
        // It reads now: what it was sent, and where there was more.
        let (mut next, mut missed) = (0, 0);
        while next < CHANGES || missed == 0 {
            let text = slow.text();
            if let Some(more) = text.strip_prefix("drained ") {
                let more: usize = more.parse().unwrap();
                (next, missed) = (next + more, missed + more);
            } else {
                assert_eq!(text, format!("{room}: k={next}{padding}"));
                next += 1;
            }
        }
        assert_eq!(next, CHANGES);
        put(&mut writer, &room, "k live");
        assert_eq!(window(&mut slow, &room), ["k=live"]);
    }
}

#[test]
fn who_watches_no_more_is_told_no_more_and_the_room_may_go() {
    let world = World::start(|_| ());
    let room = world.room_of(1);
    let is_there = |world: &World| {
        let room = room.clone();
        world.on(1, move |hub| {
            hub.tick.set(hub.tick.get() + hub.deadlines.linger + 1);
            hub.sweep_lingering();
            hub.rooms().find(&room).is_some()
        })
    };
    let watched = |world: &World| world.on(1, |hub| hub.gatherings.borrow().len());
    for shard in [0, 1] {
        let mut one = watcher(&world, shard, &room);
        let mut two = watcher(&world, shard, &room);
        assert!(is_there(&world), "a room that is watched stays");
        two.say(&format!("unwatch {room};unwatch {room};ask 1 {room} put k 1"));
        assert!(two.text().starts_with("1 "));
        assert_eq!(window(&mut one, &room), ["k=1"]);
        two.say("send me");
        assert_eq!(two.text(), "me");
        two.say(&format!("watch {room};watch {room};ask 2 {room} put k 2"));
        assert!(two.text().starts_with("2 "));
        assert_eq!(window(&mut two, &room), ["k=2"], "again, and once");
        two.say(&format!("unwatch {room}"));
        drop(one);
        until("nobody watches", || watched(&world) == 0);
        assert!(!is_there(&world));
    }
    assert_eq!(world.on(0, |hub| hub.watchers.borrow().len()), 0);
}

#[test]
fn what_is_lost_is_not_told() {
    let world = World::start(|plan| plan.options.record_bytes_max = 1_000);
    let room = world.room_of(0);
    for shard in [0, 1] {
        let mut peer = watcher(&world, shard, &room);
        let large = "x".repeat(2_000);
        peer.say(&format!("ask 1 {room} put k {large}"));
        assert_eq!(peer.text(), "1 Unreadable");
        peer.say(&format!("ask 2 {room} put k small"));
        assert!(peer.text().starts_with("2 "));
        assert_eq!(window(&mut peer, &room), ["k=small"]);
    }
}

#[test]
fn what_is_not_durable_is_not_told() {
    let world = World::hesitant();
    let room = world.room_of(0);
    let mut peer = world.attach(1, Session::many());
    peer.say(&format!("watch {room};early 0 {room} put k v"));
    assert!(peer.text().starts_with("0 "));
    peer.say("send me");
    assert_eq!(peer.text(), "me");
    let mut told = false;
    while !told {
        // Until the turn is committed there is nothing to sync.
        world.sync();
        told = world.metric("syncline_deliveries_total") > 0;
    }
    assert_eq!(window(&mut peer, &room), ["k=v"]);
}

#[test]
fn a_panic_over_a_window_ends_the_session_that_panics_and_no_other() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    let mut peers = [0, 1].map(|shard| watcher(&world, shard, &room));
    let mut writer = world.attach(0, Session::many());
    put(&mut writer, &room, "k gather!");
    put(&mut writer, &room, "k fine");
    for peer in &mut peers {
        assert_eq!(window(peer, &room).last().map(String::as_str), Some("k=fine"));
    }
    put(&mut writer, &room, "k notice!");
    for mut peer in peers {
        assert_eq!(peer.closed(), 1011);
    }
    put(&mut writer, &room, "k fine");
}

#[test]
fn a_message_to_many_is_framed_once() {
    let mut last = LastFrame::default();
    let message = Bytes::from(b"message".to_vec());
    let first = last.of(Framing::Text, message.clone());
    let second = last.of(Framing::Text, message.clone());
    assert_eq!(first.as_ptr(), second.as_ptr());
    assert_eq!(&first[..], b"\x81\x07message");
    assert_eq!(&last.of(Framing::Binary, message.clone())[..], b"\x82\x07message");
    assert_eq!(&last.of(Framing::Binary, message.slice(1..))[..], b"\x82\x06essage");
    assert_eq!(&last.of(Framing::Binary, message.slice(..6))[..], b"\x82\x06messag");
}

#[test]
fn a_shutdown_tells_watchers_what_was_acknowledged() {
    let world = World::start(|plan| plan.probe.window = Duration::from_millis(200));
    let room = world.room_of(0);
    let mut peers = [0, 1].map(|shard| watcher(&world, shard, &room));
    let mut writer = world.attach(1, Session::many());
    put(&mut writer, &room, "k 1");
    put(&mut writer, &room, "k 2");
    let begun = Instant::now();
    let ending = thread::spawn(move || drop(world));
    for peer in &mut peers {
        assert_eq!(window(peer, &room), ["k=1"]);
        assert_eq!(window(peer, &room), ["k=2"]);
        assert_eq!(peer.closed(), 1001);
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "it was not waited for in vain");
    drop((peers, writer));
    ending.join().unwrap();
}
