//! Invite rooms: what may be said there, how much, and by how many.

use syncline_protocol::{
    dialect::{Ended, Member, UnixMillis},
    dialects::peer::{
        id::RequestId,
        kind::RoomKind,
        relay::{Code, Control, Handshake, Settings},
    },
};

use super::double::{DATA_CHUNK, Got, HANDSHAKE, World, broadcast, handshake, packet};

fn invited(name: &str) -> Handshake {
    Handshake { kind: RoomKind::Invite, ..handshake(name) }
}

fn lobby() -> (World, Member, Member) {
    let mut world = World::new(Settings::default());
    let (host, joiner) = (world.connect(invited("host")), world.connect(invited("joiner")));
    world.clear();
    (world, host, joiner)
}

fn error(code: Code) -> Control {
    Control::Error { code, request_id: Some(RequestId::new("r").unwrap()) }
}

#[test]
fn a_welcome_says_what_kind_of_room_it_is() {
    let mut world = World::new(Settings::default());
    let host = world.connect(invited("host"));
    let Control::Welcome(welcome) = &world.told(host)[0] else { panic!() };
    assert_eq!((welcome.kind, welcome.limits.frame_bytes_max), (RoomKind::Invite, 4096));
}

#[test]
fn no_data_gets_into_a_lobby() {
    let (mut world, host, joiner) = lobby();
    for kind in 0..=42 {
        world.after_ms(1000);
        let frame = broadcast(kind, "joiner", b"x");
        world.send(joiner, &frame);
        if [3, 5, 6, 7, 8, 9].contains(&kind) {
            assert_eq!(world.got(host), [Got::Packet(frame)]);
            assert_eq!(world.got(joiner), []);
        } else {
            assert_eq!(world.got(host), []);
            assert_eq!(world.told(joiner), [error(Code::TypeNotAllowed)]);
        }
    }
    // Nor to one participant.
    world.send(joiner, &packet(DATA_CHUNK, "r", "joiner", "host", b"x"));
    assert_eq!(world.told(joiner), [error(Code::TypeNotAllowed)]);
    assert_eq!(world.got(host), []);
    assert!(world.memory.log.is_empty());
    assert!(world.is_open(joiner));
}

#[test]
fn one_message_a_second_and_ten_at_once() {
    let (mut world, host, joiner) = lobby();
    let frame = broadcast(HANDSHAKE, "joiner", b"x");
    for _ in 0..11 {
        world.send(joiner, &frame);
    }
    assert_eq!(world.got(host).len(), 10);
    assert_eq!(world.told(joiner), [error(Code::Rate)]);
    world.after_ms(999);
    world.send(joiner, &frame);
    assert_eq!(world.told(joiner), [error(Code::Rate)]);
    world.after_ms(1);
    world.send(joiner, &frame);
    assert_eq!((world.got(joiner), world.got(host).len()), (vec![], 1));
    // The host has a rate of its own.
    world.send(host, &broadcast(HANDSHAKE, "host", b"x"));
    assert_eq!(world.got(joiner).len(), 1);
}

#[test]
fn what_is_not_allowed_counts_too() {
    let (mut world, _, joiner) = lobby();
    for _ in 0..11 {
        world.send(joiner, &broadcast(DATA_CHUNK, "joiner", b"x"));
    }
    let told = world.told(joiner);
    assert_eq!(told[..10], vec![error(Code::TypeNotAllowed); 10]);
    assert_eq!(told[10..], [error(Code::Rate)]);
}

#[test]
fn who_goes_on_is_closed() {
    let (mut world, host, joiner) = lobby();
    for _ in 0..30 {
        world.send(joiner, &broadcast(HANDSHAKE, "joiner", b"x"));
    }
    let got = world.got(joiner);
    assert_eq!(got.len(), 12, "ten and one more refused, then closed");
    assert_eq!(got.last(), Some(&Got::Closed(4429)));
    assert_eq!(world.got(host).len(), 11, "ten, and that it left");
}

#[test]
fn who_is_refused_now_and_then_stays() {
    let (mut world, host, joiner) = lobby();
    let frame = broadcast(HANDSHAKE, "joiner", b"x");
    for _ in 0..30 {
        world.send(joiner, &frame);
        world.send(joiner, &frame);
        world.after_ms(1000);
    }
    assert!(world.is_open(joiner));
    assert_eq!(world.got(host).len(), 39, "ten, and one a second");
}

#[test]
fn who_comes_back_has_no_more_than_before() {
    let (mut world, host, joiner) = lobby();
    let frame = broadcast(HANDSHAKE, "joiner", b"x");
    for _ in 0..10 {
        world.send(joiner, &frame);
    }
    world.end(joiner, Ended::Closed);
    let again = world.connect(invited("joiner"));
    world.clear();
    world.send(again, &frame);
    assert_eq!((world.told(again), world.got(host)), (vec![error(Code::Rate)], vec![]));
}

#[test]
fn the_65th_participant_is_kept_out() {
    let mut world = World::new(Settings::default());
    for count in 0..64 {
        let member = world.connect(invited(&format!("joiner-{count}")));
        assert!(world.is_open(member));
    }
    let late = world.connect(invited("late"));
    assert_eq!(world.got(late), [Got::Closed(4403)]);
}

#[test]
fn nothing_is_replayed_in_a_lobby() {
    let mut world = World::new(Settings::default());
    let alice = world.join("alice");
    world.send(alice, &broadcast(DATA_CHUNK, "alice", b"x"));
    world.end(alice, Ended::Closed);
    let handshake = Handshake { may_read_history: true, since_seq: Some(0), ..invited("bob") };
    let bob = world.connect(handshake);
    assert_eq!(world.got(bob).len(), 1, "its welcome alone");
}

/// More identities than a lobby remembers cost no more memory, and nobody gets a second burst by them.
#[test]
fn many_that_come_and_go_are_forgotten_once_they_are_rested() {
    let mut world = World::new(Settings::default());
    let host = world.connect(invited("host"));
    for count in 0..2000 {
        let name = format!("joiner-{count}");
        let joiner = world.connect(invited(&name));
        world.send(joiner, &broadcast(HANDSHAKE, &name, b""));
        world.end(joiner, Ended::Closed);
        world.after_ms(10);
        world.got(host);
    }
    assert_eq!(world.now, UnixMillis(1_000_000 + 20_000));
    let one = world.connect(invited("joiner-1999"));
    world.clear();
    for _ in 0..10 {
        world.send(one, &broadcast(HANDSHAKE, "joiner-1999", b""));
    }
    assert_eq!((world.got(host).len(), world.told(one)), (9, vec![error(Code::Rate)]));
}
