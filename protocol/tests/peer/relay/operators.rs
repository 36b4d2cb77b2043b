//! What an operator does: removing, banning, closing, looking.

use syncline_protocol::{
    dialect::{
        Collections as _, Dialect as _, Incoming, Moment, Refused, Session as _, UnixMillis,
    },
    dialects::peer::{
        Peer,
        id::CanonicalId,
        kind::RoomKind,
        relay::{Answer, Ban, Command, Control, Description, FOREVER, Left, Participant, Settings},
    },
};

use super::double::{DATA_CHUNK, Got, World, broadcast, handshake, id};

fn kick(name: &str, ban_until: Option<UnixMillis>) -> Command {
    Command::Kick { identity: id(name), ban_until }
}

#[test]
fn who_is_removed_may_come_back() {
    let mut world = World::new(Settings::default());
    let (alice, bob) = (world.join("alice"), world.join_quietly("bob"));
    assert_eq!(world.call(kick("bob", None)), Answer::Kicked { connections: 1 });
    assert_eq!(world.got(bob), [Got::Closed(4403)]);
    assert_eq!(world.told(alice), [Control::Leave { id: id("bob"), reason: Left::Kicked }]);
    assert_eq!(world.call(kick("bob", None)), Answer::Kicked { connections: 0 });
    let bob = world.join("bob");
    assert!(world.is_open(bob));
}

#[test]
fn who_is_banned_may_not_come_back_in_any_form_of_its_name() {
    let mut world = World::new(Settings::default());
    let (bob, other) = (world.join("bob"), world.join_quietly("user:BOB"));
    let until = UnixMillis(world.now.0 + 1000);
    assert_eq!(world.call(kick("Bob", Some(until))), Answer::Kicked { connections: 2 });
    assert!(!world.is_open(bob) && !world.is_open(other));
    world.restart(Settings::default());
    for name in ["bob", "user:Bob"] {
        let bob = world.join(name);
        assert_eq!(world.got(bob), [Got::Closed(4403)]);
    }
    world.after_ms(999);
    let bob = world.join("bob");
    assert!(!world.is_open(bob));
    world.after_ms(1);
    let bob = world.join("bob");
    assert!(world.is_open(bob));
}

#[test]
fn a_ban_can_be_ended() {
    let mut world = World::new(Settings::default());
    assert_eq!(world.call(kick("bob", Some(FOREVER))), Answer::Kicked { connections: 0 });
    let bob = world.join("bob");
    assert!(!world.is_open(bob));
    let unban = || Command::Unban { identity: id("user:bob") };
    assert_eq!(world.call(unban()), Answer::Unbanned { was_banned: true });
    assert_eq!(world.call(unban()), Answer::Unbanned { was_banned: false });
    let bob = world.join("bob");
    assert!(world.is_open(bob));
}

#[test]
fn a_ban_in_the_past_only_removes() {
    let mut world = World::new(Settings::default());
    let bob = world.join("bob");
    let now = world.now;
    assert_eq!(world.call(kick("bob", Some(now))), Answer::Kicked { connections: 1 });
    assert!(!world.is_open(bob) && world.memory.maps.is_empty());
}

#[test]
fn a_ban_that_cannot_be_read_keeps_out() {
    let mut world = World::new(Settings::default());
    world.memory.put(2, b"bob", b"?");
    let bob = world.join("bob");
    assert_eq!(world.got(bob), [Got::Closed(4403)]);
}

#[test]
fn bans_are_bounded_and_go_when_they_are_over() {
    let mut world = World::new(Settings { bans_max: 2, ..Settings::default() });
    let until = UnixMillis(world.now.0 + 1000);
    for name in ["a", "b", "user:B"] {
        assert_eq!(world.call(kick(name, Some(until))), Answer::Kicked { connections: 0 });
    }
    let carol = world.join("carol");
    let full = Answer::Refused(Refused::RoomRecords);
    assert_eq!(world.call(kick("carol", Some(until))), full);
    assert!(world.is_open(carol), "nothing is done of it");
    world.after_ms(1000);
    assert_eq!(world.memory.maps[&2].len(), 2);
    world.call(Command::Sweep);
    assert_eq!(world.memory.maps[&2].len(), 0);
    let later = UnixMillis(world.now.0 + 1);
    assert_eq!(world.call(kick("carol", Some(later))), Answer::Kicked { connections: 1 });
}

#[test]
fn bans_that_are_over_make_room_for_others() {
    let mut world = World::new(Settings { bans_max: 1, ..Settings::default() });
    let until = UnixMillis(world.now.0 + 1000);
    world.call(kick("a", Some(until)));
    world.after_ms(1000);
    assert_eq!(world.call(kick("b", Some(FOREVER))), Answer::Kicked { connections: 0 });
    assert_eq!(world.memory.maps[&2].len(), 1);
}

#[test]
fn a_room_can_be_closed_and_its_packets_stay() {
    let mut world = World::new(Settings::default());
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    world.send(alice, &broadcast(DATA_CHUNK, "alice", b""));
    world.clear();
    assert_eq!(world.call(Command::CloseRoom), Answer::Closed { connections: 2 });
    assert_eq!(
        (world.got(alice), world.got(bob)),
        (vec![Got::Closed(4403)], vec![Got::Closed(4403)])
    );
    assert_eq!(world.memory.log.len(), 1);
    assert_eq!(world.call(Command::CloseRoom), Answer::Closed { connections: 0 });
}

#[test]
fn a_room_is_described() {
    let mut world = World::new(Settings::default());
    let empty = Description {
        kind: None,
        participants: vec![],
        bans: vec![],
        packets: 0,
        packet_bytes: 0,
        last_seq: 0,
        durable_seq: 0,
    };
    assert_eq!(world.call(Command::Describe), Answer::Described(empty));
    let bob = world.join("bob");
    world.after_ms(5);
    world.join("alice");
    let frame = broadcast(DATA_CHUNK, "bob", b"x");
    world.send(bob, &frame);
    world.call(kick("zoe", Some(FOREVER)));
    world.call(kick("user:Dave", Some(UnixMillis(world.now.0 + 1))));
    world.call(kick("eve", Some(UnixMillis(world.now.0 + 9))));
    world.after_ms(1);
    let participant = |name, since| Participant { identity: id(name), since: UnixMillis(since) };
    let ban = |name, until| Ban { identity: CanonicalId::of(name), until };
    let described = Description {
        kind: Some(RoomKind::Data),
        participants: vec![participant("alice", 1_000_005), participant("bob", 1_000_000)],
        bans: vec![ban("eve", UnixMillis(1_000_014)), ban("zoe", FOREVER)],
        packets: 1,
        packet_bytes: frame.len() as u64 + 9,
        last_seq: 1,
        durable_seq: 1,
    };
    assert_eq!(world.call(Command::Describe), Answer::Described(described));
}

#[test]
fn who_reads_all_bans_says_so() {
    let peer = Peer::default();
    assert!(peer.reads_entries(&kick("a", Some(FOREVER))));
    assert!(peer.reads_entries(&Command::Sweep) && peer.reads_entries(&Command::Describe));
    assert!(!peer.reads_entries(&kick("a", None)) && !peer.reads_entries(&Command::CloseRoom));
}

#[test]
fn nothing_prints_what_a_packet_holds() {
    let mut session = Peer::default().accept(handshake("alice"));
    let frame = broadcast(DATA_CHUNK, "alice", b"do not print");
    let step = session.receive(Incoming::Binary(frame), Moment::default());
    let printed = format!("{step:?}");
    assert!(printed.contains("frame_bytes: 32") && !printed.contains("print\""), "{printed}");
}
