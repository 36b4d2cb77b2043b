//! What a room tells whoever observes it: everybody comes once and goes once, in order, between the begin of
//! the room and its end.

use syncline_protocol::{
    dialect::Ended,
    dialects::peer::{
        kind::RoomKind,
        relay::{Command, FOREVER, Handshake, Left, Notice, Settings},
    },
};

use super::double::{DATA_CHUNK, World, broadcast, handshake, id};

fn joined(name: &str) -> Notice {
    Notice::Joined(id(name))
}

fn left(name: &str, reason: Left) -> Notice {
    Notice::Left(id(name), reason)
}

fn noticed(world: &mut World) -> Vec<Notice> {
    std::mem::take(&mut world.noticed)
}

#[test]
fn a_room_begins_with_the_first_and_ends_with_the_last() {
    let mut world = World::new(Settings::default());
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    assert_eq!(noticed(&mut world), [Notice::Began, joined("alice"), joined("bob")]);
    world.send(alice, &broadcast(DATA_CHUNK, "alice", b"x"));
    world.end(alice, Ended::TimedOut);
    world.end(bob, Ended::Closed);
    world.end(bob, Ended::Closed);
    let gone = [left("alice", Left::Timeout), left("bob", Left::Closed), Notice::Ended];
    assert_eq!(noticed(&mut world), gone, "and nothing of a packet");
    world.join("bob");
    assert_eq!(noticed(&mut world), [Notice::Began, joined("bob")]);
}

#[test]
fn who_is_replaced_does_not_end_the_room() {
    let mut world = World::new(Settings::default());
    let before = world.join("alice");
    world.noticed.clear();
    let after = world.join("alice");
    assert_eq!(noticed(&mut world), [left("alice", Left::Replaced), joined("alice")]);
    world.end(before, Ended::Closed);
    assert_eq!(noticed(&mut world), [], "it was told already");
    world.end(after, Ended::Closed);
    assert_eq!(noticed(&mut world), [left("alice", Left::Closed), Notice::Ended]);
}

#[test]
fn who_is_not_let_in_has_never_come() {
    let mut world = World::new(Settings::default());
    world.call(Command::Kick { identity: id("bob"), ban_until: Some(FOREVER) });
    world.join("bob");
    assert_eq!(noticed(&mut world), []);
    world.join("alice");
    world.noticed.clear();
    world.connect(Handshake { kind: RoomKind::Invite, ..handshake("carol") });
    assert_eq!(noticed(&mut world), []);
}

#[test]
fn whom_an_operator_removes_is_told_of_once() {
    let mut world = World::new(Settings::default());
    for name in ["alice", "bob", "carol"] {
        world.join(name);
    }
    world.noticed.clear();
    world.call(Command::Kick { identity: id("carol"), ban_until: None });
    assert_eq!(noticed(&mut world), [left("carol", Left::Kicked)]);
    world.call(Command::CloseRoom);
    let gone = [left("alice", Left::Kicked), left("bob", Left::Kicked), Notice::Ended];
    assert_eq!(noticed(&mut world), gone);
    world.call(Command::CloseRoom);
    assert_eq!(noticed(&mut world), [], "nobody was there");
}
