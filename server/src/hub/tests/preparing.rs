//! Rooms that need all their entries first: prepared at once or on a thread of their own, while what is
//! asked of them waits; what is due in them; how long they stay.

use std::{sync::atomic::Ordering, thread, time::Duration};

use super::{
    super::{CallFailed, env::PRESSURE_BYTES_MAX},
    client::Client,
    probe::{Command, KEY_BYTES},
    session::Session,
    world::{Outcome, Plan, World, until},
};

/// More entries than are read on a shard's own thread.
const MANY: usize = 5_000;

fn put(key: &str, value: &str) -> Command {
    Command::Put { key: key.into(), value: value.into(), echo: true }
}

fn ok(answer: impl ToString) -> Outcome {
    Ok(answer.to_string())
}

/// Forgets the rooms of a shard that nobody needs now.
fn forget(world: &World, shard: usize) {
    world.on(shard, |hub| {
        hub.tick.set(hub.tick.get() + hub.deadlines.linger + 1);
        hub.sweep_lingering();
        assert_eq!(hub.rooms().len(), 0);
    });
}

/// A room of shard 0 with many entries, not in memory.
fn large_room(world: &World) -> String {
    let room = world.room_of(0);
    assert_eq!(world.call(0, &room, Command::Fill(MANY)), ok("filled"));
    forget(world, 0);
    world.gate.prepared.store(0, Ordering::SeqCst);
    room
}

fn prepared(world: &World) -> usize {
    world.gate.prepared.load(Ordering::SeqCst)
}

#[test]
fn what_is_asked_of_a_room_waits_in_order_while_it_is_prepared() {
    let world = World::start(|_| ());
    let room = large_room(&world);
    world.gate.is_shut.store(true, Ordering::SeqCst);
    let mut peers = [0, 1].map(|shard| world.attach(shard, Session::many()));
    for peer in &mut peers {
        for n in 0..100 {
            peer.say(&format!("ask {n} {room} append {n}"));
        }
        peer.say(&format!("early 100 {room} count;send heard"));
        assert_eq!(peer.text(), "heard");
    }
    let called = world.calls(1, &room, vec![put("new", "1"), Command::Count]);
    let mut follower = world.attach(0, Session::of(&room));
    until("it is being prepared", || prepared(&world) == 1);
    // The shard goes on meanwhile.
    let mut other = (0..).map(|n| format!("other{n}")).filter(|name| world.owner(name) == 0);
    let other = other.next().unwrap();
    for peer in &mut peers {
        peer.say("send me");
        assert_eq!(peer.text(), "me", "nothing was answered");
    }
    world.gate.is_shut.store(false, Ordering::SeqCst);
    for peer in &mut peers {
        let mut last = 0;
        let mut tickets: Vec<u64> = (0..=100)
            .map(|_| {
                let text = peer.text();
                let (ticket, answer) = text.split_once(' ').unwrap();
                let ticket: u64 = ticket.parse().unwrap();
                if ticket < 100 {
                    let seq: u64 = answer.parse().unwrap();
                    assert!(seq > last, "in order");
                    last = seq;
                }
                ticket
            })
            .collect();
        tickets.sort_unstable();
        assert_eq!(tickets, (0..=100).collect::<Vec<_>>());
    }
    assert!(called[0].recv().unwrap().is_ok());
    assert_eq!(called[1].recv().unwrap(), ok(MANY + 1));
    assert!(follower.opening().1.contains("fill1="));
    assert_eq!(prepared(&world), 1);
    assert_eq!(world.call(0, &other, Command::Count), ok(0));
}

#[test]
fn few_entries_are_read_at_once() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    assert_eq!(world.call(0, &room, Command::Fill(50)), ok("filled"));
    for shard in [0, 1] {
        forget(&world, 0);
        assert_eq!(world.call(shard, &room, Command::Count), ok(50));
    }
    assert_eq!(prepared(&world), 3);
}

#[test]
fn what_waits_for_a_room_is_bounded() {
    let world = World::start(|_| ());
    let room = large_room(&world);
    world.gate.is_shut.store(true, Ordering::SeqCst);
    let padding = "x".repeat(60_000);
    let mut peers: Vec<Client> = (0..4).map(|n| world.attach(n % 2, Session::many())).collect();
    thread::scope(|scope| {
        for peer in &mut peers {
            let (room, padding) = (&room, &padding);
            scope.spawn(move || {
                for n in 0..200 {
                    peer.say(&format!("ask {n} {room} put k {padding}"));
                }
                for n in 0..200 {
                    assert!(peer.text().starts_with(&format!("{n} ")), "none is lost");
                }
            });
        }
        let pressure = || world.on(0, |hub| hub.env.signals[0].pressure());
        until("enough waits", || pressure() > PRESSURE_BYTES_MAX);
        thread::sleep(Duration::from_millis(50));
        assert!(pressure() < PRESSURE_BYTES_MAX + (1 << 20), "no more is read");
        world.gate.is_shut.store(false, Ordering::SeqCst);
    });
    let pressure = || world.on(0, |hub| hub.env.signals[0].pressure());
    until("nothing waits", || pressure() == 0);
}

#[test]
fn a_room_whose_entries_cannot_be_read_fails_who_waits_and_may_be_asked_again() {
    let small_segments = |plan: &mut Plan| plan.options.segment_bytes = 64 << 10;
    let world = World::start(small_segments);
    let (room, other) = (world.room_of(0), world.room_of(1));
    assert_eq!(world.call(0, &room, put("first", &"x".repeat(5_000))).map(drop), Ok(()));
    assert_eq!(world.call(0, &room, Command::Fill(MANY)), ok("filled"));
    for _ in 0..16 {
        assert!(world.call(0, &other, put("l", &"y".repeat(9_000))).is_ok());
    }
    let disk = world.end();
    let first = disk.files().into_keys().next().unwrap();
    disk.make_unreadable(&first, 1_024..1_536).unwrap();
    let world = World::start(|plan| {
        small_segments(plan);
        plan.disk = disk;
    });
    for shard in [0, 1, 0] {
        let mut peer = world.attach(shard, Session::many());
        peer.say(&format!("ask 1 {room} count;ask 2 {room} put k v"));
        assert_eq!([peer.text(), peer.text()], ["1 Unreadable", "2 Unreadable"]);
        assert_eq!(world.call(shard, &room, Command::Count), Err(CallFailed::Unreadable));
        assert_eq!(world.attach(shard, Session::of(&room)).closed(), 1011);
        peer.say(&format!("ask 3 {other} count"));
        assert_eq!(peer.text(), "3 1");
    }
    until("nothing waits", || world.on(0, |hub| hub.env.signals[0].pressure()) == 0);
}

#[test]
fn a_panic_while_a_room_is_prepared_fails_who_waits() {
    let world = World::start(|_| ());
    let room = large_room(&world);
    let small = world.room_of(1);
    for (room, count) in [(room, MANY), (small, 0)] {
        for shard in [0, 1] {
            world.gate.panics.store(true, Ordering::SeqCst);
            let mut peer = world.attach(shard, Session::many());
            peer.say(&format!("ask 1 {room} count"));
            assert_eq!(peer.text(), "1 Unreadable");
            peer.say(&format!("ask 2 {room} count"));
            assert_eq!(peer.text(), format!("2 {count}"));
            drop(peer);
            until("it has gone", || world.connections() == 0);
            for shard in [0, 1] {
                until("it is not needed", || {
                    world.on(shard, |hub| hub.pending.borrow().is_empty())
                });
                forget(&world, shard);
            }
        }
    }
    assert_eq!(world.metric("syncline_panics_total"), 4);
}

#[test]
fn a_turn_that_is_refused_makes_the_room_anew_and_prepares_it_again() {
    let world = World::start(|plan| plan.options.record_bytes_max = 1_000);
    let room = large_room(&world);
    let mut peer = world.attach(1, Session::many());
    peer.say(&format!("ask 1 {room} count;ask 2 {room} put new v;ask 3 {room} count"));
    assert_eq!(peer.text(), format!("1 {MANY}"));
    assert!(peer.text().starts_with("2 "));
    assert_eq!(peer.text(), format!("3 {}", MANY + 1));
    assert_eq!(prepared(&world), 1);
    for n in 2..4 {
        peer.say(&format!("ask 4 {room} put lost {}", "x".repeat(2_000)));
        assert_eq!(peer.text(), "4 Unreadable");
        peer.say(&format!("ask 5 {room} count"));
        assert_eq!(peer.text(), format!("5 {}", MANY + 1), "what is in the store, and no more");
        assert_eq!(prepared(&world), n);
    }
}

#[test]
fn many_rooms_are_prepared_two_at_a_time() {
    let world = World::start(|plan| plan.shards = 1);
    let rooms: Vec<String> = (0..6).map(|n| format!("room{n}")).collect();
    for room in &rooms {
        assert_eq!(world.call(0, room, Command::Fill(MANY)), ok("filled"));
    }
    forget(&world, 0);
    world.gate.prepared.store(0, Ordering::SeqCst);
    world.gate.is_shut.store(true, Ordering::SeqCst);
    let mut peer = world.attach(0, Session::many());
    for (n, room) in rooms.iter().enumerate() {
        peer.say(&format!("ask {n} {room} count"));
    }
    until("two are being prepared", || prepared(&world) == 2);
    thread::sleep(Duration::from_millis(20));
    assert_eq!(prepared(&world), 2);
    world.gate.is_shut.store(false, Ordering::SeqCst);
    let mut answers: Vec<_> = rooms.iter().map(|_| peer.text()).collect();
    answers.sort();
    assert_eq!(answers, (0..6).map(|n| format!("{n} {MANY}")).collect::<Vec<_>>());
}

#[test]
fn what_is_due_in_a_room_is_done_without_being_asked() {
    let world = World::start(|_| ());
    for shard in [0, 1] {
        let room = world.room_of(shard);
        let mut peer = world.attach(0, Session::many());
        peer.say(&format!("watch {room};ask 1 {room} put due v"));
        assert!(peer.text().starts_with("1 "));
        let mut told = String::new();
        while !told.contains("swept") {
            told = peer.text();
            assert!(told.starts_with(&format!("{room}: ")));
        }
        peer.say(&format!("ask 2 {room} count"));
        assert_eq!(peer.text(), "2 0");
    }
}

#[test]
fn what_lingers_holds_no_more_memory_than_it_may() {
    let world = World::start(|plan| plan.shards = 1);
    let rooms: Vec<String> = (0..5).map(|n| format!("room{n}")).collect();
    for room in &rooms {
        assert_eq!(world.call(0, room, Command::Fill(10)), ok("filled"));
    }
    let present = |world: &World, max: usize| {
        let rooms = rooms.clone();
        world.on(0, move |hub| {
            hub.trim_lingering(max);
            let is_there = |room: &String| hub.rooms().find(room).is_some();
            rooms.iter().map(is_there).collect::<Vec<_>>()
        })
    };
    let mut watching = world.attach(0, Session::many());
    watching.say("watch room1;ask 1 room1 count");
    assert_eq!(watching.text(), "1 10");
    // Called again later than the others.
    world.on(0, |hub| hub.tick.set(hub.tick.get() + 1));
    assert_eq!(world.call(0, "room0", Command::Count), ok(10));
    assert_eq!(present(&world, 40 * KEY_BYTES), [true; 5], "who is watched does not count");
    assert_eq!(present(&world, 39 * KEY_BYTES), [true, true, false, true, true]);
    assert_eq!(present(&world, 20 * KEY_BYTES), [true, true, false, false, true]);
    assert_eq!(present(&world, 0), [true, true, false, false, false], "the last one stays");
    assert_eq!(world.call(0, "room3", Command::Count), ok(10));
}

#[test]
fn a_shutdown_waits_for_rooms_and_not_for_ever() {
    for is_shut in [false, true] {
        let world = World::start(|plan| {
            if is_shut {
                plan.ending = Duration::from_millis(400);
            }
        });
        let (room, gate) = (large_room(&world), world.gate.clone());
        gate.is_shut.store(true, Ordering::SeqCst);
        let mut peer = world.attach(1, Session::many());
        peer.say(&format!("send heard;ask 1 {room} count"));
        assert_eq!(peer.text(), "heard");
        until("it is being prepared", || prepared(&world) == 1);
        let ending = thread::spawn(move || drop(world));
        thread::sleep(Duration::from_millis(20));
        if is_shut {
            assert_eq!(peer.closed(), 1001);
        }
        gate.is_shut.store(false, Ordering::SeqCst);
        if !is_shut {
            assert_eq!(peer.text(), format!("1 {MANY}"));
            assert_eq!(peer.closed(), 1001);
        }
        drop(peer);
        ending.join().unwrap();
    }
}
