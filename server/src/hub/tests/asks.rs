//! Sessions that ask many rooms: answered when durable, in order, and whatever happens.

use std::{thread, time::Duration};

use syncline_engine::storage::sim::{Call, Charge, Fault};

use super::{
    super::many::ASKED_MAX,
    client::{Client, Frame},
    session::Session,
    world::{World, until},
};

/// Whether turns wait on this shard.
fn waiting(world: &World, shard: usize) -> usize {
    world.on(shard, |hub| hub.pending.borrow().len())
}

#[test]
fn an_answer_waits_for_the_device_and_an_early_one_does_not() {
    let world = World::hesitant();
    let room = world.room_of(1);
    for shard in [0, 1] {
        let mut peer = world.attach(shard, Session::many());
        peer.say(&format!("ask 1 {room} put k v{shard}"));
        until("it waits", || waiting(&world, 1) > 0);
        peer.say(&format!("early 2 {room} get k"));
        assert_eq!(peer.text(), format!("2 v{shard}"), "it is told what is only in memory");
        peer.say(&format!("ask 3 {room} get k"));
        until("they wait", || waiting(&world, 1) > 2);
        peer.say("send me");
        assert_eq!(peer.text(), "me", "nothing before it");
        world.sync();
        assert!(peer.text().starts_with("1 "));
        assert_eq!(peer.text(), format!("3 v{shard}"));
    }
}

#[test]
fn what_a_session_asks_one_room_is_applied_in_order_wherever_it_lives() {
    let world = World::start(|plan| plan.shards = 3);
    let rooms = [0, 1, 2].map(|shard| world.room_of(shard));
    thread::scope(|scope| {
        for writer in 0..3_usize {
            let (world, rooms) = (&world, &rooms);
            scope.spawn(move || {
                let mut peer = world.attach(writer, Session::many());
                for n in 0..600 {
                    let room = &rooms[n % 3];
                    peer.say(&format!("ask {n} {room} append {writer}:{n}"));
                }
                let (mut last, mut next) = ([0; 3], [0, 1, 2]);
                for _ in 0..600 {
                    let text = peer.text();
                    let (ticket, seq) = text.split_once(' ').unwrap();
                    let (n, seq): (usize, u64) = (ticket.parse().unwrap(), seq.parse().unwrap());
                    assert_eq!(n, next[n % 3], "answers of a room come in order");
                    next[n % 3] += 3;
                    assert!(seq > last[n % 3], "and so it was applied");
                    last[n % 3] = seq;
                }
            });
        }
    });
    for room in rooms {
        let log = world.store.find_log(&format!("probe/{room}")).unwrap().unwrap();
        assert_eq!(log.next_seq().0, 601);
    }
}

#[test]
fn acts_happen_in_their_order_and_none_behind_a_close() {
    let world = World::start(|_| ());
    let (here, there) = (world.room_of(0), world.room_of(1));
    let mut peer = world.attach(0, Session::many());
    peer.say(&format!("send a;ask 1 {here} put k v;send b;ask 2 {there} put k v;send c"));
    assert_eq!([peer.text(), peer.text(), peer.text()], ["a", "b", "c"]);
    let mut answered =
        [peer.text(), peer.text()].map(|text| text.split(' ').next().map(String::from));
    answered.sort();
    assert_eq!(answered, [Some("1".to_owned()), Some("2".to_owned())]);
    // What an answer leads to, too.
    peer.say(&format!("then ask 4 {there} get k;ask 3 {here} get k"));
    assert_eq!([peer.text(), peer.text()], ["3 v", "4 v"]);
    peer.say(&format!("send last;close;send never;ask 5 {here} put k w"));
    assert_eq!(peer.text(), "last");
    assert_eq!(peer.frame(), Frame::Close(4002));
    let mut other = world.attach(0, Session::many());
    other.say(&format!("ask 1 {here} get k"));
    assert_eq!(other.text(), "1 v");
}

#[test]
fn questions_without_an_answer_are_bounded_and_none_is_lost() {
    const ALL: usize = 2 * ASKED_MAX + 7;
    let world = World::hesitant();
    for shard in [0, 1] {
        let room = world.room_of(1);
        let mut peer = world.attach(shard, Session::many());
        let before = world.metric("syncline_commands_total") as usize;
        for n in 0..ALL {
            peer.say(&format!("ask {n} {room} append x"));
        }
        let asked = || world.metric("syncline_commands_total") as usize - before;
        until("it has asked enough", || asked() == ASKED_MAX);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(asked(), ASKED_MAX, "no more is read");
        let reader = thread::spawn(move || {
            let tickets = (0..ALL).map(|_| peer.text());
            let tickets = tickets.map(|text| text.split(' ').next().unwrap().parse().unwrap());
            tickets.collect::<Vec<usize>>()
        });
        until("all are answered", || {
            world.sync();
            reader.is_finished()
        });
        assert_eq!(reader.join().unwrap(), (0..ALL).collect::<Vec<_>>());
    }
}

#[test]
fn what_a_session_keeps_while_it_waits_counts_until_it_asks_or_has_all_its_answers() {
    let world = World::hesitant();
    let room = world.room_of(1);
    let pressure = |shard: usize| world.on(shard, move |hub| hub.env.signals[shard].pressure());
    let padding = "x".repeat(10_000);
    for end in ["asks", "has nothing to ask", "goes"] {
        let mut peer = world.attach(0, Session::many());
        peer.say(&format!("send {padding}"));
        peer.text();
        assert_eq!(pressure(0), 0, "nothing is waited for");
        if end == "asks" {
            peer.say(&format!("then ask 2 {room} get nothing"));
        }
        peer.say(&format!("ask 1 {room} put k v"));
        until("it waits", || waiting(&world, 1) > 0);
        peer.say(&format!("send {padding}"));
        peer.text();
        assert!(pressure(0) >= 10_000);
        if end == "goes" {
            drop(peer);
            until("it has gone", || pressure(0) == 0);
            world.sync();
            continue;
        }
        world.sync();
        assert!(peer.text().starts_with("1 "));
        if end == "asks" {
            assert!(pressure(0) < 10_000, "it counts where it is asked");
            world.sync();
            assert!(peer.text().starts_with("2 "));
        }
        until("nothing waits", || pressure(0) + pressure(1) == 0);
    }
}

#[test]
fn a_session_may_go_with_questions_unanswered() {
    let world = World::hesitant();
    let room = world.room_of(0);
    for shard in [0, 1] {
        let mut peer = world.attach(shard, Session::many());
        peer.say(&format!("ask 1 {room} put k {shard};ask 2 {room} get k"));
        until("they wait", || waiting(&world, 0) > 0);
        drop(peer);
        until("it has gone", || world.on(shard, |hub| hub.connections.borrow().is_empty()));
        world.sync();
        until("they were released", || waiting(&world, 0) == 0);
        let mut other = world.attach(shard, Session::many());
        other.say(&format!("early 1 {room} get k"));
        assert_eq!(other.text(), format!("1 {shard}"), "it happened all the same");
        drop(other);
        until("all have gone", || world.connections() == 0);
        world.sync();
    }
}

#[test]
fn a_turn_that_cannot_be_committed_is_answered_and_closes_nobody() {
    let world = World::start(|plan| plan.options.record_bytes_max = 1_000);
    let room = world.room_of(0);
    let large = "x".repeat(2_000);
    for shard in [0, 1] {
        let mut peer = world.attach(shard, Session::many());
        peer.say(&format!("ask 1 {room} put k small"));
        assert!(peer.text().starts_with("1 "));
        peer.say(&format!("ask 4 {room} put k {large}"));
        assert_eq!(peer.text(), "4 Unreadable");
        if shard == 0 {
            // Of one turn: what is asked from afar may come in several.
            let lost = format!("ask 2 {room} put l lost;early 3 {room} get l");
            peer.say(&format!("{lost};ask 4 {room} put k {large}"));
            let mut told = [peer.text(), peer.text(), peer.text()];
            told.sort();
            assert_eq!(told, ["2 Unreadable", "3 Unreadable", "4 Unreadable"]);
        }
        peer.say(&format!("ask 5 {room} get k;ask 6 {room} get l;ask 7 {room} fail"));
        let answers = [peer.text(), peer.text(), peer.text()];
        assert_eq!(answers, ["5 small", "6 nothing", "7 Unreadable"]);
    }
}

#[test]
fn a_full_disk_is_told_to_who_asked() {
    let world = World::start(|plan| {
        plan.options.segment_bytes = 16 << 10;
        plan.options.reserve_bytes = 0;
    });
    let room = world.room_of(1);
    let mut peer = world.attach(0, Session::many());
    world.disk.limit_space(Some(0), Charge::Length);
    let value = "x".repeat(1_000);
    let full = (0..100).find_map(|n| {
        peer.say(&format!("early {n} {room} put k {value}"));
        let text = peer.text();
        text.ends_with("Full").then_some(text == format!("{n} Full"))
    });
    assert_eq!(full, Some(true));
    world.disk.limit_space(None, Charge::Length);
    peer.say(&format!("ask 200 {room} put k after;ask 201 {room} get k"));
    assert!(peer.text().starts_with("200 "));
    assert_eq!(peer.text(), "201 after");
}

#[test]
fn a_store_that_has_failed_closes_who_asks() {
    let world = World::start(|_| ());
    let mut peers = [0, 1].map(|shard| world.attach(shard, Session::many()));
    world.disk.fail(Fault { call: Call::Sync, after: 0, times: 1, errno: Fault::EIO });
    let room = world.room_of(1);
    for peer in &mut peers {
        peer.say(&format!("ask 1 {room} put k v"));
    }
    for peer in &mut peers {
        assert_eq!(peer.closed(), 1011, "nothing was promised");
    }
}

#[test]
fn a_room_that_panics_fails_its_turn_and_goes_on() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    for shard in [0, 1] {
        let mut peer = world.attach(shard, Session::many());
        peer.say(&format!("ask 1 {room} put k good"));
        assert!(peer.text().starts_with("1 "));
        peer.say(&format!("ask 3 {room} panic"));
        assert_eq!(peer.text(), "3 Unreadable");
        if shard == 0 {
            let lost = format!("ask 2 {room} put k bad;ask 3 {room} panic");
            peer.say(&format!("{lost};ask 4 {room} put k bad"));
            let mut told = [peer.text(), peer.text(), peer.text()];
            told.sort();
            assert_eq!(told, ["2 Unreadable", "3 Unreadable", "4 Unreadable"]);
        }
        peer.say(&format!("ask 5 {room} get k;ask 6 {room} get half"));
        assert_eq!([peer.text(), peer.text()], ["5 good", "6 nothing"]);
    }
    assert_eq!(world.metric("syncline_panics_total"), 3);
}

#[test]
fn a_session_that_panics_ends_alone() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    for shard in [0, 1] {
        let mut other = world.attach(shard, Session::many());
        let mut peer = world.attach(shard, Session::many());
        peer.say(&format!("ask 1 {room} put k panic!"));
        assert!(peer.text().starts_with("1 "));
        peer.say(&format!("ask 2 {room} get k"));
        assert_eq!(peer.closed(), 1011);
        other.say(&format!("ask 1 {room} put k fine;ask 2 {room} get k"));
        assert!(other.text().starts_with("1 "));
        assert_eq!(other.text(), "2 fine");
    }
}

#[test]
fn a_shutdown_answers_what_was_heard() {
    let world = World::start(|_| ());
    let rooms = [world.room_of(0), world.room_of(1)];
    let mut peers: Vec<Client> = (0..4).map(|n| world.attach(n % 2, Session::many())).collect();
    for room in &rooms {
        peers[0].say(&format!("ask 0 {room} put k v"));
        assert!(peers[0].text().starts_with("0 "));
    }
    for (n, peer) in peers.iter_mut().enumerate() {
        let (one, two) = (&rooms[n % 2], &rooms[1 - n % 2]);
        // Each answer leads to the next question, on the other shard.
        peer.say(&format!("then ask 2 {two} get k;then ask 3 {one} get k"));
        peer.say(&format!("send heard;ask 1 {one} put k v"));
    }
    for peer in &mut peers {
        assert_eq!(peer.text(), "heard");
    }
    let ending = thread::spawn(move || drop(world));
    for peer in &mut peers {
        assert!(peer.text().starts_with("1 "));
        assert_eq!([peer.text(), peer.text()], ["2 v", "3 v"]);
        assert_eq!(peer.closed(), 1001);
    }
    drop(peers);
    ending.join().unwrap();
}

#[test]
fn who_speaks_with_many_rooms_need_join_none() {
    let world = World::start(|plan| plan.config.limits.join_timeout = Duration::from_millis(80));
    let mut peer = world.attach(0, Session::many());
    thread::sleep(Duration::from_millis(300));
    peer.say("send still-here");
    assert_eq!(peer.text(), "still-here");
}
