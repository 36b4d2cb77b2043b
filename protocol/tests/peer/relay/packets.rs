//! Where packets go: to all, to one, to nobody.

use bytes::Bytes;
use syncline_protocol::{
    dialect::Member,
    dialects::peer::{
        id::RequestId,
        relay::{Code, Control, Handshake, Rate, Settings},
    },
};

use super::double::{
    DATA_CHUNK, Got, HANDSHAKE, SYNC_REQ, UNKNOWN, World, broadcast, handshake, packet,
};

struct Three {
    world: World,
    alice: Member,
    bob: Member,
    carol: Member,
}

fn three() -> Three {
    let mut world = World::new(Settings::default());
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let carol = world.join_quietly("carol");
    Three { world, alice, bob, carol }
}

fn undeliverable(request: &str, target: &str) -> Control {
    let request_id = RequestId::new(request).unwrap();
    Control::Undeliverable { request_id, target_id: target.into() }
}

fn error(code: Code, request: &str) -> Control {
    Control::Error { code, request_id: Some(RequestId::new(request).unwrap()) }
}

/// Checks 1, 2 and 13.
#[test]
fn what_is_for_all_reaches_all_others_byte_for_byte_in_order() {
    let Three { mut world, alice, bob, carol } = three();
    let frames = [SYNC_REQ, DATA_CHUNK, UNKNOWN, 0].map(|kind| broadcast(kind, "alice", b"\0\xff"));
    let of_bob = broadcast(UNKNOWN, "bob", b"");
    for frame in &frames {
        world.send(alice, frame);
        world.send(bob, &of_bob);
    }
    let expected: Vec<_> =
        frames.iter().flat_map(|frame| [frame, &of_bob]).cloned().map(Got::Packet).collect();
    let heard = world.got(carol);
    assert_eq!(heard, expected);
    let Got::Packet(first) = &heard[0] else { panic!() };
    assert_eq!(first.as_ptr(), frames[0].as_ptr(), "the very bytes that came, and no copy");
    assert_eq!(world.got(bob), frames.map(Got::Packet));
    assert_eq!(world.got(alice), vec![Got::Packet(of_bob); 4], "nothing of its own");
}

#[test]
fn a_packet_of_no_type_is_a_sync_req_and_not_stored() {
    let Three { mut world, alice, bob, .. } = three();
    let frame = Bytes::from_static(b"\x1a\x05alice");
    world.send(alice, &frame);
    assert_eq!(world.got(bob), [Got::Packet(frame)]);
    assert!(world.memory.log.is_empty());
}

/// Check 12.
#[test]
fn what_is_for_one_reaches_that_one_alone() {
    let Three { mut world, alice, bob, carol } = three();
    let frame = packet(8, "req", "alice", "carol", b"secret");
    world.send(alice, &frame);
    assert_eq!(world.got(carol), [Got::Packet(frame)]);
    assert_eq!((world.got(alice), world.got(bob)), (vec![], vec![]));
}

#[test]
fn what_is_for_an_absent_one_is_undeliverable() {
    let Three { mut world, alice, bob, carol } = three();
    let targets = ["dave", "Carol", "carol ", "\u{1}\"\\\n", &"x".repeat(128)];
    for target in targets {
        world.send(alice, &packet(8, "req", "alice", target, b""));
        assert_eq!(world.told(alice), [undeliverable("req", target)]);
    }
    assert_eq!((world.got(bob), world.got(carol)), (vec![], vec![]));
}

#[test]
fn what_is_for_oneself_is_undeliverable_and_not_stored() {
    let Three { mut world, alice, .. } = three();
    world.send(alice, &packet(DATA_CHUNK, "req", "alice", "alice", b""));
    assert_eq!(world.told(alice), [undeliverable("req", "alice")]);
    assert!(world.memory.log.is_empty());
}

#[test]
fn data_for_an_absent_one_is_stored() {
    let Three { mut world, alice, .. } = three();
    world.send(alice, &packet(DATA_CHUNK, "req", "alice", "dave", b"for later"));
    assert_eq!(world.told(alice), [undeliverable("req", "dave")]);
    assert_eq!(world.memory.log.len(), 1);
    world.send(alice, &packet(8, "req", "alice", "dave", b"not for later"));
    assert_eq!(world.memory.log.len(), 1);
}

/// Check 11.
#[test]
fn nobody_speaks_for_another() {
    let Three { mut world, alice, bob, carol } = three();
    let forged = ["bob", "", "Alice", "alice ", "user:alice", "alicE"];
    for (kind, name) in [SYNC_REQ, DATA_CHUNK, UNKNOWN].into_iter().zip(forged).chain([(2, "bob")])
    {
        world.send(alice, &packet(kind, "req", name, "", b"lies"));
        assert_eq!(world.told(alice), [error(Code::SenderMismatch, "req")]);
    }
    assert_eq!((world.got(bob), world.got(carol)), (vec![], vec![]));
    assert!(world.memory.log.is_empty());
    let truth = broadcast(DATA_CHUNK, "alice", b"");
    world.send(alice, &truth);
    assert_eq!(world.got(bob), [Got::Packet(truth)], "the connection stays");
}

#[test]
fn answers_come_in_the_order_of_what_they_are_about() {
    let Three { mut world, alice, .. } = three();
    world.send(alice, &packet(HANDSHAKE, "one", "alice", "nobody", b""));
    world.send(alice, &packet(HANDSHAKE, "two", "bob", "", b""));
    world.say(alice, r#"{"t":"ping"}"#);
    world.send(alice, &packet(HANDSHAKE, "three", "alice", "alice", b""));
    let told = world.told(alice);
    let expected = [
        undeliverable("one", "nobody"),
        error(Code::SenderMismatch, "two"),
        Control::Pong,
        undeliverable("three", "alice"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn who_lies_all_the_time_is_not_told_each_time() {
    let Three { mut world, alice, .. } = three();
    for _ in 0..1000 {
        world.send(alice, &broadcast(DATA_CHUNK, "bob", b"lies"));
    }
    assert_eq!(world.told(alice).len(), 100);
    world.after_ms(1000);
    for _ in 0..1000 {
        world.send(alice, &broadcast(DATA_CHUNK, "bob", b"lies"));
    }
    assert_eq!(world.told(alice).len(), 10);
    assert!(world.is_open(alice));
}

#[test]
fn who_may_not_publish_hears_and_is_not_heard() {
    let Three { mut world, alice, bob, .. } = three();
    let dave = world.connect(Handshake { may_publish: false, ..handshake("dave") });
    world.clear();
    world.send(dave, &packet(DATA_CHUNK, "req", "dave", "", b""));
    assert_eq!(world.told(dave), [error(Code::Forbidden, "req")]);
    let frame = broadcast(DATA_CHUNK, "bob", b"");
    world.send(bob, &frame);
    assert_eq!(world.got(dave), [Got::Packet(frame.clone())]);
    assert_eq!(world.got(alice), [Got::Packet(frame)]);
    world.say(dave, r#"{"t":"ping"}"#);
    assert_eq!(world.told(dave), [Control::Pong]);
}

#[test]
fn a_data_room_has_a_rate_when_its_owner_wants_one() {
    let packets = Rate { per_second: 5, burst: 2 };
    let mut world = World::new(Settings { packets, refused_max: 1, ..Settings::default() });
    let (alice, bob) = (world.join("alice"), world.join_quietly("bob"));
    let frame = broadcast(DATA_CHUNK, "alice", b"");
    for _ in 0..3 {
        world.send(alice, &frame);
    }
    assert_eq!(world.got(bob).len(), 2);
    assert_eq!(world.told(alice), [error(Code::Rate, "r")]);
    assert_eq!(world.memory.log.len(), 2, "what is refused is not stored");
    world.after_ms(200);
    world.send(alice, &frame);
    assert_eq!((world.got(bob).len(), world.got(alice)), (1, vec![]));
    // It goes on.
    world.send(alice, &frame);
    world.send(alice, &frame);
    assert_eq!(world.got(alice).last(), Some(&Got::Closed(4429)));
    assert_eq!(world.got(bob).len(), 1, "and the others are told that it left");
}

#[test]
fn without_a_rate_a_participant_may_send_as_much_as_it_likes() {
    let Three { mut world, alice, bob, .. } = three();
    for _ in 0..2000 {
        world.send(alice, &broadcast(SYNC_REQ, "alice", b""));
    }
    assert_eq!((world.got(alice).len(), world.got(bob).len()), (0, 2000));
}
