//! What ends a connection, and what does not.

use std::time::Duration;

use bytes::Bytes;
use syncline_protocol::{
    dialect::{Dialect as _, Queue, Session as _, UnixMillis, Violation},
    dialects::peer::{
        Peer,
        kind::RoomKind,
        relay::{Code, Control, Handshake, Left, Settings},
    },
};

use super::double::{DATA_CHUNK, Got, World, broadcast, handshake, id, packet};

fn told_and_closed(code: Code) -> [Got; 2] {
    let error = Control::Error { code, request_id: None };
    [Got::Text(String::from_utf8(error.encode()).unwrap()), Got::Closed(4400)]
}

#[test]
fn a_frame_that_is_no_packet_is_answered_and_closes() {
    let good = broadcast(DATA_CHUNK, "alice", b"");
    let twice = |more: &[u8]| Bytes::from([&good[..], more].concat());
    let frames = [
        Bytes::from_static(b"\xff"),
        Bytes::from_static(b"{\"t\":\"ping\"}"),
        twice(b"\x08\x02"),                  // the type again
        twice(b"\x12\x01r"),                 // the request
        twice(b"\x1a\x05alice"),             // the sender
        twice(b"\x9a\x80\x80\x00\x05alice"), // the sender, in an overlong tag
        twice(b"\x88\x80\x80\x80\x80\x80\x80\x80\x80\x00\x02"),
        packet(0, &"x".repeat(129), "alice", "", b""),
        packet(0, "r", "alice", &"x".repeat(129), b""),
        packet(0, "r", &"alice".repeat(26), "", b""),
        twice(b"\x4a\x03bob\xca\x00\x05carol"), // two targets, one in an overlong tag
        Bytes::from_static(b"\x1a\x05alice\x0b\x0c"), // a group
    ];
    for frame in frames {
        let mut world = World::new(Settings::default());
        let (alice, bob) = (world.join("alice"), world.join_quietly("bob"));
        world.send(alice, &frame);
        assert_eq!(world.got(alice), told_and_closed(Code::Malformed), "{frame:?}");
        let gone = Control::Leave { id: id("alice"), reason: Left::Closed };
        assert_eq!(world.told(bob), [gone]);
        assert!(world.memory.log.is_empty());
    }
}

#[test]
fn nothing_is_taken_of_who_sent_no_packet() {
    let mut session = Peer::default().accept(handshake("alice"));
    drop(session.start());
    let mut receive = |frame: &Bytes| {
        let message = syncline_protocol::dialect::Incoming::Binary(frame.clone());
        format!("{:?}", session.receive(message, syncline_protocol::dialect::Moment::default()))
    };
    assert_eq!(receive(&Bytes::from_static(b"\xff")), "Ok(Command(Malformed))");
    let good = broadcast(DATA_CHUNK, "alice", b"");
    assert_eq!(receive(&good), r#"Ok(Ignored("after_malformed"))"#);
}

#[test]
fn a_frame_may_be_as_long_as_it_may() {
    for (kind, most) in [(RoomKind::Data, 65_536), (RoomKind::Invite, 4096)] {
        let mut world = World::new(Settings::default());
        let connect =
            |world: &mut World, name| world.connect(Handshake { kind, ..handshake(name) });
        let (alice, bob) = (connect(&mut world, "alice"), connect(&mut world, "bob"));
        let frames = (20..40).map(|less| broadcast(8, "alice", &vec![0; most - less]));
        let longest = frames.into_iter().find(|frame| frame.len() == most);
        let longest = longest.expect("a frame of this length");
        world.clear();
        world.send(alice, &longest);
        assert_eq!(world.got(alice), [], "taken");
        assert_eq!(world.got(bob), [Got::Packet(longest.clone())]);
        world.send(alice, &[&longest[..], b"\0"].concat().into());
        assert_eq!(world.got(alice), [Got::Closed(4413)]);
        assert_eq!(world.told(bob).len(), 1, "told that it left");
        world.say(bob, &"x".repeat(most + 1));
        assert_eq!(world.got(bob), [Got::Closed(4413)]);
    }
}

#[test]
fn a_connection_ends_with_its_token() {
    let mut world = World::new(Settings::default());
    let expires = UnixMillis(world.now.0 + 5000);
    let alice = world.connect(Handshake { expires, ..handshake("alice") });
    let bob = world.join_quietly("bob");
    let frame = broadcast(DATA_CHUNK, "alice", b"");
    world.after_ms(4999);
    world.send(alice, &frame);
    assert_eq!(world.got(bob), [Got::Packet(frame.clone())]);
    world.after_ms(1);
    world.send(alice, &frame);
    assert_eq!(world.got(alice), [Got::Closed(4401)]);
    assert_eq!(world.told(bob).len(), 1, "told that it left");
    // Who says nothing is closed by the server.
    let session = Peer::default().accept(Handshake { expires, ..handshake("alice") });
    let closed = session.expires().map(|(at, Violation { code, .. })| (at, code));
    assert_eq!(closed, Some((expires, 4401)));
}

#[test]
fn text_that_is_nothing_is_passed_over() {
    let mut world = World::new(Settings::default());
    let alice = world.join_quietly("alice");
    let deep = "[".repeat(30_000);
    let nothing = [
        "",
        "ping",
        "{}",
        "[]",
        "null",
        r#"{"t":1}"#,
        r#"{"t":"pong"}"#,
        r#"{"t":"join","id":"b"}"#,
    ];
    for text in
        nothing.into_iter().chain([r#"{"t":"later","x":[1]}"#, r#"{"t":"ping","t":"x"}"#, &deep])
    {
        world.say(alice, text);
        assert_eq!(world.got(alice), [], "{text}");
    }
    for ping in [r#"{"t":"ping"}"#, r#" {"x":{"t":0},"t":"ping","n":[]} "#] {
        world.say(alice, ping);
        assert_eq!(world.told(alice), [Control::Pong]);
    }
}

#[test]
fn what_waits_is_bounded() {
    let settings = Settings { queue_frames_max: 7, queue_bytes_max: 99, ..Settings::default() };
    let peer = Peer::new(settings);
    assert_eq!(peer.queue(), Some(Queue { frames_max: 7, bytes_max: 99 }));
    assert_eq!((peer.too_slow().code, peer.too_large().code), (4408, 4413));
    assert_eq!(Peer::default().queue(), Some(Queue { frames_max: 1024, bytes_max: 8 << 20 }));
    assert_eq!(peer.window(), Duration::ZERO);
}
