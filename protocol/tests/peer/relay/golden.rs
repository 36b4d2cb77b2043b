//! Every control message, a stored packet and the entries of a room's maps against files: whoever changes a
//! byte on the wire or in stores that exist sees it here.

use std::{fs, path::PathBuf};

use syncline_protocol::{
    dialect::UnixMillis,
    dialects::peer::{
        id::RequestId,
        kind::RoomKind,
        relay::{
            Answer, Ask, Code, Command, Control, FrameLimits, Left, Settings, Stored, Welcome,
        },
    },
};

use super::double::{DATA_CHUNK, World, broadcast, id};

fn file(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/golden/peer/relay");
    let path = folder.join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of a `.hex` file: hexadecimal digits, white space, comments from `#` to line end.
fn hex_file(name: &str) -> Vec<u8> {
    let text = file(name);
    let digits: Vec<u32> = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::chars)
        .filter_map(|c| c.to_digit(16))
        .collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

fn is_as_in(name: &str, message: &[u8]) {
    assert_eq!(str::from_utf8(message).unwrap(), file(name).trim_end(), "{name}");
}

fn request(name: &str) -> RequestId {
    RequestId::new(name).unwrap()
}

#[test]
fn control_messages() {
    let welcome = Welcome {
        room: "plans".into(),
        kind: RoomKind::Data,
        me: id("user:alice"),
        participants: vec![id("user:bob"), id("user:\"carol\"")],
        server_time: UnixMillis(1_700_000_000_000),
        last_seq: 7,
        limits: FrameLimits {
            frame_bytes_max: 65_536,
            queue_bytes_max: 8_388_608,
            queue_frames_max: 1024,
        },
    };
    let leave = |reason| Control::Leave { id: id("user:bob"), reason };
    let error = |code, request_id| Control::Error { code, request_id };
    let undeliverable =
        Control::Undeliverable { request_id: request("req-1"), target_id: "user:dave".into() };
    let messages = [
        ("welcome.json", Control::Welcome(welcome)),
        ("join.json", Control::Join(id("user:bob"))),
        ("leave_closed.json", leave(Left::Closed)),
        ("leave_timeout.json", leave(Left::Timeout)),
        ("leave_replaced.json", leave(Left::Replaced)),
        ("leave_kicked.json", leave(Left::Kicked)),
        ("undeliverable.json", undeliverable),
        ("error_malformed.json", error(Code::Malformed, None)),
        ("error_sender_mismatch.json", error(Code::SenderMismatch, Some(request("req-1")))),
        ("error_type_not_allowed.json", error(Code::TypeNotAllowed, Some(request("req-1")))),
        ("error_rate.json", error(Code::Rate, Some(request("req-1")))),
        ("error_forbidden.json", error(Code::Forbidden, Some(request("req-1")))),
        ("pong.json", Control::Pong),
        ("replayed.json", Control::Replayed { seq: 7 }),
        ("caught_up.json", Control::CaughtUp),
    ];
    for (name, message) in messages {
        is_as_in(name, &message.encode());
        assert_eq!(Control::decode(file(name).trim_end()), Some(message), "{name}");
    }
    is_as_in("ping.json", &Ask::Ping.encode());
    assert_eq!(Ask::decode(&file("ping.json")), Some(Ask::Ping));
}

#[test]
fn what_a_room_keeps() {
    let mut world = World::new(Settings::default());
    world.now = UnixMillis(1_700_000_000_000);
    let alice = world.join("alice");
    let frame = broadcast(DATA_CHUNK, "alice", &[1, 2, 3]);
    world.send(alice, &frame);
    let until = UnixMillis(1_800_000_000_000);
    let kick = Command::Kick { identity: id("user:Bob"), ban_until: Some(until) };
    assert_eq!(world.call(kick), Answer::Kicked { connections: 0 });
    assert_eq!(world.memory.log, [hex_file("stored.hex")]);
    let stored = hex_file("stored.hex");
    assert_eq!(Stored::decode(&stored).unwrap().frame, frame);
    let entry = |map, key: &[u8]| world.memory.maps[&map][key].clone();
    assert_eq!(entry(1, &1_u64.to_be_bytes()), hex_file("mark.hex"));
    assert_eq!(entry(2, b"bob"), hex_file("ban.hex"));
    assert_eq!(world.memory.maps.len(), 2);
}
