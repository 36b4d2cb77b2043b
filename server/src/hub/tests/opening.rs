//! Openings: all that was applied before, then everything once, wherever the room lives.

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, TryRecvError, channel},
    },
    thread,
};

use super::{
    super::follow::Follow,
    client::{Frame, PATIENCE},
    probe::Command,
    session::Session,
    world::{World, until},
};

/// Worlds that differ in where a room's followers live: with the room, or spread over the shards.
pub(super) fn worlds() -> [World; 2] {
    [1_024, 0].map(|moved_max| {
        World::start(|plan| {
            plan.shards = 3;
            plan.config.limits.followers_moved_max = moved_max;
        })
    })
}

#[test]
fn whoever_opens_under_load_has_everything_once() {
    for world in worlds() {
        open_under_load(&world);
    }
}

fn open_under_load(world: &World) {
    const ROUNDS: u64 = 40;
    let room = world.room_of(1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for shard in 0..3 {
            let (mut writer, done) = (world.attach(shard, Session::of(&room)), &done);
            scope.spawn(move || {
                writer.opening();
                for n in 1.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    writer.say(&format!("put k{shard} {n}"));
                    // Keeps step with the server.
                    let own = (format!("k{shard}"), n.to_string());
                    while own != without_version(writer.change()) {}
                }
            });
        }
        let joiners: Vec<_> = (0..9)
            .map(|n| {
                let room = &room;
                scope.spawn(move || {
                    let mut peer = world.attach(n % 3, Session::of(room));
                    let (version, entries) = peer.opening();
                    let mut last = values(&entries);
                    for next in version + 1..=version + ROUNDS {
                        let (version, key, value) = peer.change();
                        assert_eq!(version, next, "each once and in order");
                        let value: u64 = value.parse().unwrap();
                        let before = last.insert(key, value).unwrap_or(0);
                        assert_eq!(before + 1, value, "the opening had all that was before");
                    }
                })
            })
            .collect();
        let joined: Vec<_> = joiners.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        joined.into_iter().for_each(|joined| joined.unwrap());
    });
}

fn without_version((_, key, value): (u64, String, String)) -> (String, String) {
    (key, value)
}

/// What an opening says, by key.
fn values(entries: &str) -> BTreeMap<String, u64> {
    let entries = entries.split(',').filter(|entry| !entry.is_empty());
    let entries = entries.map(|entry| entry.split_once('=').unwrap());
    entries.map(|(key, value)| (key.into(), value.parse().unwrap())).collect()
}

#[test]
fn an_opening_and_what_follows_wait_until_they_are_durable() {
    let world = World::hesitant();
    let room = world.room_of(0);
    let put = |value: &str| Command::Put { key: "k".into(), value: value.into(), echo: true };
    let _answer = world.calls(0, &room, vec![put("first")]);
    until("the turn waits", || world.on(0, |hub| !hub.pending.borrow().is_empty()));
    let mut here = world.attach(0, Session::of(&room));
    until("the opening waits", || world.on(0, |hub| hub.pending.borrow().len() > 1));
    let _answer = world.calls(0, &room, vec![put("second")]);
    until("all wait", || world.on(0, |hub| hub.pending.borrow().len() > 2));
    let is_untold = world.on(0, |hub| {
        hub.connections.borrow().iter().all(|(_, connection)| {
            connection.queued_bytes() == 0 && matches!(&*connection.follow(), Follow::Opening)
        })
    });
    assert!(is_untold);
    world.sync();
    assert_eq!(here.opening().1, "k=first");
    assert_eq!(here.change().2, "second");
}

#[test]
fn an_opening_comes_before_what_is_published_in_its_turn() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    let put = |value: &str| Command::Put { key: "k".into(), value: value.into(), echo: true };
    let mut first = world.attach_and_call(0, &room, put("one"));
    let (version, entries) = first.opening();
    assert_eq!(entries, "");
    assert_eq!(first.change(), (version + 1, "k".into(), "one".into()));
    let mut second = world.attach_and_call(0, &room, put("two"));
    assert_eq!(second.opening(), (version + 1, "k=one".into()));
    for peer in [&mut first, &mut second] {
        assert_eq!(peer.change(), (version + 2, "k".into(), "two".into()));
    }
    assert_eq!(world.metric("syncline_commits_total"), 2);
}

#[test]
fn what_was_changed_just_before_an_opening_is_in_it_and_not_behind_it() {
    let world = World::start(|_| ());
    let room = world.room_of(0);
    let put = |value: &str| Command::Put { key: "k".into(), value: value.into(), echo: true };
    let mut first = world.call_and_attach(0, &room, put("one"));
    let (version, entries) = first.opening();
    assert_eq!(entries, "k=one");
    let mut second = world.call_and_attach(0, &room, put("two"));
    assert_eq!(second.opening(), (version + 1, "k=two".into()));
    assert_eq!(world.call(0, &room, put("three")).map(drop), Ok(()));
    assert_eq!(first.change().2, "two");
    for peer in [&mut first, &mut second] {
        assert_eq!(peer.change(), (version + 2, "k".into(), "three".into()));
    }
}

#[test]
fn a_message_that_is_not_for_us_is_answered_at_once() {
    let world = World::hesitant();
    let mut peer = world.attach(1, Session::of(&world.room_of(0)));
    assert_eq!(peer.opening().1, "", "where nothing was changed, nothing is waited for");
    peer.say("put k v");
    peer.say("nonsense");
    assert_eq!(peer.text(), "what?", "the change is not durable yet");
    assert!(world.metric("syncline_messages_ignored_total") > 0);
    until("the change comes", || {
        world.sync();
        world.metric("syncline_deliveries_total") > 0
    });
    assert_eq!(peer.change().2, "v");
}

#[test]
fn what_is_said_before_the_opening_comes_behind_it() {
    let world = World::hesitant();
    let room = world.room_of(0);
    let put = Command::Put { key: "k".into(), value: "v".into(), echo: true };
    let _answer = world.calls(0, &room, vec![put]);
    until("the turn waits", || world.on(0, |hub| !hub.pending.borrow().is_empty()));
    for shard in [0, 1] {
        let mut peer = world.attach(shard, Session::of(&room));
        let ignored = world.metric("syncline_messages_ignored_total");
        peer.say("nonsense");
        peer.say("nonsense");
        until("it was heard", || world.metric("syncline_messages_ignored_total") == ignored + 2);
        world.sync();
        assert_eq!(peer.opening().1, "k=v");
        assert_eq!(peer.text(), "what?");
        // One of them is enough: the room's own answer is next.
        peer.say("resend k");
        assert_eq!(peer.change().2, "v");
        let put = Command::Put { key: "k".into(), value: "v".into(), echo: true };
        let _answer = world.calls(0, &room, vec![put]);
        until("the turn waits", || world.on(0, |hub| !hub.pending.borrow().is_empty()));
    }
}

#[test]
fn what_waits_behind_a_turn_without_changes_is_released_where_nothing_is_synced() {
    let world = World::start(|plan| {
        plan.config.storage.durability = crate::config::Durability::Os;
        plan.options.durability = syncline_engine::Durability::Os;
        plan.options.committer_thread = false;
    });
    let room = world.room_of(0);
    for round in ["one", "two", "three"] {
        let put = Command::Put { key: "k".into(), value: round.into(), echo: true };
        let mut peer = world.call_and_attach(0, &room, put);
        assert_eq!(peer.opening().1, format!("k={round}"));
    }
}

#[test]
fn openings_that_nobody_takes_have_a_bound() {
    let world = World::start(|plan| {
        plan.config.limits.message_bytes_max = 256 << 10;
        plan.config.limits.queue_bytes_max = 64 << 10;
        plan.config.limits.followers_moved_max = 2;
        plan.options.segment_bytes = 64 << 20;
    });
    let room = world.room_of(0);
    let put =
        |key: &str, value: &str| Command::Put { key: key.into(), value: value.into(), echo: true };
    for key in ["a", "b", "c"] {
        assert!(world.call(0, &room, put(key, &"x".repeat(1 << 20))).is_ok());
    }
    // Each opening is another one, 3 MiB of 8 that may be held; the kernel takes far less of it.
    let mut peers = Vec::new();
    for n in 0..4 {
        let before = world.metric("syncline_commands_total");
        assert!(world.call(0, &room, put("n", &n.to_string())).is_ok());
        peers.push(world.attach(n % 2, Session::of(&room)));
        until("it was applied", || world.metric("syncline_commands_total") == before + 2);
    }
    let (mut taken, mut refused) = (Vec::new(), 0);
    for mut peer in peers {
        match peer.frame() {
            Frame::Text(_) => taken.push(peer),
            Frame::Close(1013) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((taken.len(), refused), (2, 2));
    drop(taken);
    until("all have gone", || world.connections() == 0);
    assert_eq!(world.attach(0, Session::of(&room)).opening().1.len(), (3 << 20) + 12);
}

#[test]
fn what_a_connection_keeps_goes_with_it() {
    struct Guard(Sender<()>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let world = World::start(|_| ());
    for shard in [0, 1] {
        let (gone, wait) = channel();
        let mut ticket = world.ticket();
        ticket.keep(Box::new(Guard(gone)));
        // Of one of them the connection moves to another shard first.
        let mut peer = world.attach_with(shard, Session::of(&world.room_of(1)), ticket);
        peer.opening();
        assert_eq!((world.connections(), wait.try_recv()), (1, Err(TryRecvError::Empty)));
        drop(peer);
        assert_eq!(wait.recv_timeout(PATIENCE), Ok(()));
        until("it is counted no more", || world.connections() == 0);
    }
}
