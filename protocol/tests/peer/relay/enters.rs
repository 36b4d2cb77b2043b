//! Who comes and goes, and what the others are told of it.

use syncline_protocol::{
    dialect::{Ended, UnixMillis},
    dialects::peer::{
        kind::RoomKind,
        relay::{Control, FrameLimits, Handshake, Left, Rate, Settings, Welcome},
    },
};

use super::double::{DATA_CHUNK, Got, ROOM, World, broadcast, handshake, id};

#[test]
fn a_welcome_says_who_is_here_and_what_may_be() {
    let mut world = World::new(Settings::default());
    let (zoe, bob) = (world.join("zoe"), world.join("bob"));
    let alice = world.join("alice");
    let welcome = Welcome {
        room: ROOM.into(),
        kind: RoomKind::Data,
        me: id("alice"),
        participants: vec![id("bob"), id("zoe")],
        server_time: UnixMillis(1_000_000),
        last_seq: 0,
        limits: FrameLimits {
            frame_bytes_max: 65_536,
            queue_bytes_max: 8_388_608,
            queue_frames_max: 1024,
        },
    };
    assert_eq!(world.told(alice), [Control::Welcome(welcome)]);
    assert_eq!(world.told(bob)[1..], [Control::Join(id("alice"))]);
    assert_eq!(world.told(zoe)[1..], [Control::Join(id("bob")), Control::Join(id("alice"))]);
}

#[test]
fn a_welcome_says_how_much_is_stored() {
    let mut world = World::new(Settings::default());
    let bob = world.join("bob");
    for _ in 0..3 {
        world.send(bob, &broadcast(DATA_CHUNK, "bob", b"x"));
    }
    world.memory.undurable = 1;
    let alice = world.join("alice");
    let Control::Welcome(welcome) = &world.told(alice)[0] else { panic!() };
    assert_eq!(welcome.last_seq, 2, "what a power cut cannot take back");
}

#[test]
fn the_others_are_told_why_somebody_left() {
    let mut world = World::new(Settings::default());
    let (alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    world.clear();
    world.end(bob, Ended::Closed);
    world.end(carol, Ended::TimedOut);
    let leave = |name, reason| Control::Leave { id: id(name), reason };
    assert_eq!(world.told(alice), [leave("bob", Left::Closed), leave("carol", Left::Timeout)]);
    assert_eq!((world.got(bob), world.got(carol)), (vec![], vec![leave_text("bob")]));
}

fn leave_text(name: &str) -> Got {
    let leave = Control::Leave { id: id(name), reason: Left::Closed };
    Got::Text(String::from_utf8(leave.encode()).unwrap())
}

/// Check 14.
#[test]
fn the_newest_connection_of_an_identity_wins() {
    let mut world = World::new(Settings::default());
    let (alice, old) = (world.join("alice"), world.join("bob"));
    world.clear();
    let new = world.join("bob");
    assert_eq!(world.got(old), [Got::Closed(4409)]);
    let gone = Control::Leave { id: id("bob"), reason: Left::Replaced };
    assert_eq!(world.told(alice), [gone, Control::Join(id("bob"))]);
    let Control::Welcome(welcome) = &world.told(new)[0] else { panic!() };
    assert_eq!(welcome.participants, [id("alice")]);
    // What the old one still says, and its end, are nobody's.
    let frame = broadcast(0, "bob", b"");
    let late = syncline_protocol::dialect::Member(2);
    assert_eq!(old, late);
    world.end(old, Ended::Closed);
    assert_eq!((world.got(alice), world.got(new)), (vec![], vec![]));
    world.send(new, &frame);
    assert_eq!(world.got(alice), [Got::Packet(frame)]);
}

#[test]
fn names_that_differ_are_different_participants() {
    let mut world = World::new(Settings::default());
    let (one, other) = (world.join("alice"), world.join("user:alice"));
    assert!(world.is_open(one) && world.is_open(other));
}

#[test]
fn the_kinds_never_meet_in_one_room() {
    let invited = |name| Handshake { kind: RoomKind::Invite, ..handshake(name) };
    let mut world = World::new(Settings::default());
    let alice = world.join("alice");
    let bob = world.connect(invited("bob"));
    // Not even as the same identity, which would replace itself.
    let again = world.connect(invited("alice"));
    assert_eq!(
        (world.got(bob), world.got(again)),
        (vec![Got::Closed(4403)], vec![Got::Closed(4403)])
    );
    assert_eq!(world.got(alice).len(), 1, "its welcome alone");
    // Once nobody is in it the room is for either.
    world.end(alice, Ended::Closed);
    let carol = world.connect(invited("carol"));
    assert!(world.is_open(carol));
    let dave = world.join("dave");
    assert_eq!(world.got(dave), [Got::Closed(4403)]);
}

#[test]
fn a_full_room_takes_nobody_but_who_is_in_it() {
    let mut world = World::new(Settings { participants_max: 2, ..Settings::default() });
    let (alice, bob, carol) = (world.join("alice"), world.join("bob"), world.join("carol"));
    assert_eq!(world.got(carol), [Got::Closed(4403)]);
    assert_eq!(world.told(alice)[1..], [Control::Join(id("bob"))]);
    let again = world.join("bob");
    assert!(world.is_open(again) && !world.is_open(bob));
    world.end(again, Ended::Closed);
    let carol = world.join("carol");
    assert!(world.is_open(carol));
}

/// Two clients of one identity that throw each other out, or one that comes and goes.
#[test]
fn a_storm_of_comings_is_stopped() {
    let enters = Rate { per_second: 1, burst: 3 };
    let mut world = World::new(Settings { enters, ..Settings::default() });
    let alice = world.join_quietly("alice");
    let come = |world: &mut World| {
        let member = world.join("bob");
        (world.is_open(member), world.got(member).last().cloned())
    };
    for _ in 0..3 {
        assert!(come(&mut world).0);
    }
    world.clear();
    assert_eq!(come(&mut world), (false, Some(Got::Closed(4429))));
    assert_eq!(world.got(alice), [], "nobody hears of it");
    let carol = world.join("carol");
    assert!(world.is_open(carol), "others may come");
    world.after_ms(1000);
    assert!(come(&mut world).0);
    assert!(!come(&mut world).0);
}
