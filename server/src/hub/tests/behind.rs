//! Peers that do not keep up: they get the newest of each entry, and end up where all others are.

use std::collections::BTreeMap;

use super::{
    super::follow::Follow,
    client::Client,
    opening::worlds,
    session::Session,
    world::{World, until},
};

/// Worlds in which few bytes may wait, on either side of a mailbox.
fn narrow_worlds() -> [World; 2] {
    [1_024, 0].map(|moved_max| {
        World::start(|plan| {
            plan.config.limits.followers_moved_max = moved_max;
            plan.config.limits.queue_bytes_max = 8 << 10;
        })
    })
}

/// Makes sure that everything a peer has said was applied and released.
fn settle(peer: &mut Client) {
    peer.say("marks");
    while !peer.text().starts_with("marks ") {}
}

#[test]
fn whoever_reads_late_gets_the_newest_and_not_everything() {
    for world in narrow_worlds() {
        read_late(&world);
    }
}

fn read_late(world: &World) {
    const CHANGES: u64 = 3_000;
    let room = world.room_of(0);
    let mut slow = world.attach(1, Session::of(&room));
    let (first, _) = slow.opening();
    let mut writer = world.attach(0, Session::of(&room));
    writer.opening();
    let padding = "x".repeat(1_000);
    for n in 1..=CHANGES {
        writer.say(&format!("quiet k{} {n}{padding}", n % 10));
    }
    settle(&mut writer);
    until("it is behind", || world.metric("syncline_behind_total") > 0);
    writer.say("quiet last one");
    let (mut newest, mut frames, mut version) = (BTreeMap::new(), 0, first);
    while !newest.contains_key("last") {
        let (later, key, value) = slow.change();
        // Among what it has missed the order is that of the first change of each.
        assert!(later > first && later <= first + CHANGES + 1);
        assert!(newest.get(&key).is_none_or(|(before, _)| *before < later), "no way back");
        newest.insert(key, (later, value));
        (frames, version) = (frames + 1, version.max(later));
    }
    for n in CHANGES - 9..=CHANGES {
        let expected = (first + n, format!("{n}{padding}"));
        assert_eq!(newest[&format!("k{}", n % 10)], expected);
    }
    assert!(frames < CHANGES, "{frames} frames: changes of one key are sent once");
    // It keeps up again: what comes now comes as it is.
    for n in 0..50 {
        writer.say(&format!("quiet k {n}"));
        assert_eq!(slow.change(), (version + 1 + n, "k".into(), n.to_string()));
    }
}

#[test]
fn one_who_has_missed_too_many_keys_is_told_so() {
    for world in narrow_worlds() {
        let room = world.room_of(0);
        let mut slow = world.attach(1, Session::of(&room));
        slow.opening();
        let mut writer = world.attach(0, Session::of(&room));
        writer.opening();
        let padding = "x".repeat(1_000);
        for n in 0..3_000 {
            writer.say(&format!("quiet key{n} {padding}"));
        }
        settle(&mut writer);
        assert_eq!(slow.closed(), 1013);
        assert!(world.metric("syncline_connections_closed_total{code=\"1013\"}") > 0);
    }
}

#[test]
fn a_resend_brings_the_entry_as_it_is_and_is_counted() {
    for world in worlds() {
        let room = world.room_of(2);
        for shard in [0, 2] {
            let mut writer = world.attach(shard, Session::of(&room));
            writer.opening();
            for n in 1..=3 {
                writer.say("quiet k mine");
                writer.say("resend k");
                let (_, key, value) = writer.change();
                assert_eq!((key.as_str(), value.as_str()), ("k", "mine"));
                let resends = format!(" {n} true");
                until("the pong has come", || {
                    writer.say("marks");
                    writer.text().ends_with(&resends)
                });
            }
            writer.say("resend nothing");
            until("a resend of nothing counts too", || {
                writer.say("marks");
                writer.text().ends_with(" 4 true")
            });
        }
        assert_eq!(world.metric("syncline_resends_total"), 8);
    }
}

#[test]
fn what_is_not_visible_yet_is_not_fed() {
    let world = World::hesitant();
    let room = world.room_of(0);
    let mut peer = world.attach(0, Session::of(&room));
    until("it is opened", || {
        world.sync();
        is_live(&world)
    });
    peer.opening();
    peer.say("put k one");
    until("the first waits", || world.on(0, |hub| !hub.pending.borrow().is_empty()));
    world.sync();
    assert_eq!(peer.change().2, "one");
    peer.say("put k two");
    until("the second waits", || world.on(0, |hub| !hub.pending.borrow().is_empty()));
    // It is to be told of the entry, but may be told of nothing that is not durable.
    world.on(0, |hub| {
        let connection = hub.connections.borrow().iter().next().unwrap().1.clone();
        hub.resend(&connection, b"k");
    });
    until("it was fed", || is_live(&world));
    peer.say("nonsense");
    assert_eq!(peer.text(), "what?", "nothing was fed before it");
    world.sync();
    assert_eq!(peer.change().2, "two");
}

/// Whether the first connection of shard 0 keeps up.
fn is_live(world: &World) -> bool {
    world.on(0, |hub| {
        let connections = hub.connections.borrow();
        connections.iter().next().is_some_and(|(_, it)| matches!(&*it.follow(), Follow::Live))
    })
}
