//! Announcements and requests of keys: believed only when signed with the key that they tell.

use bytes::Bytes;
use syncline_protocol::dialects::peer::packet::{BadHandshake, Handshake, Kind, Packet};

use super::samples::{ROOM, keys, peer, request};

fn announced(change: impl Fn(&mut Packet)) -> Packet {
    let own = keys(1);
    let mut packet = Packet::announcement(&own.public(), request("r"), peer("a"));
    change(&mut packet);
    packet.sign(ROOM, &own);
    packet
}

#[test]
fn an_announcement_and_a_request() {
    let own = keys(1);
    assert_eq!(announced(|_| {}).handshake(ROOM), Ok(Handshake::Announce(own.public())));
    let read = Packet::decode(announced(|_| {}).encode()).unwrap();
    assert_eq!(read.handshake(ROOM), Ok(Handshake::Announce(own.public())));
    let mut asked = Packet::keys_request(&own.public(), request("r"), peer("a"));
    asked.sign(ROOM, &own);
    assert_eq!(asked.handshake(ROOM), Ok(Handshake::Request(Some(own.public()))));
    asked.encryption_public_key = Bytes::new();
    asked.sign(ROOM, &own);
    assert_eq!(asked.handshake(ROOM), Ok(Handshake::Request(None)));
}

#[test]
fn a_key_is_announced_by_its_owner_only() {
    let (own, other) = (keys(1), keys(2));
    let mut packet = Packet::announcement(&own.public(), request("r"), peer("a"));
    assert_eq!(packet.handshake(ROOM), Err(BadHandshake::Unproven), "not signed");
    packet.sign(ROOM, &other);
    assert_eq!(packet.handshake(ROOM), Err(BadHandshake::Unproven), "by another");
    packet.sign("room-2", &own);
    assert_eq!(packet.handshake(ROOM), Err(BadHandshake::Unproven), "in another room");
    packet.sign(ROOM, &own);
    packet.sender = peer("b");
    assert_eq!(packet.handshake(ROOM), Err(BadHandshake::Unproven), "under another name");
    let mut packet = announced(|_| {});
    packet.encryption_public_key = Bytes::copy_from_slice(&other.public().exchange);
    assert_eq!(packet.handshake(ROOM), Err(BadHandshake::Unproven), "with another key beside");
}

#[test]
fn keys_that_cannot_be_used_are_not_announced() {
    let other = Bytes::copy_from_slice(&keys(2).public().sign);
    let zero = || Bytes::from(vec![0; 32]);
    let cases: [(&str, Packet); 6] = [
        ("two keys", announced(|packet| packet.sender_public_key = other.clone())),
        ("one key", announced(|packet| packet.sender_public_key = Bytes::new())),
        ("a short key", announced(|packet| packet.payload = Bytes::from(vec![1; 31]))),
        ("no key for exchanges", announced(|packet| packet.encryption_public_key = Bytes::new())),
        ("a weak key for exchanges", announced(|packet| packet.encryption_public_key = zero())),
        (
            "a weak key",
            announced(|packet| (packet.payload, packet.sender_public_key) = (zero(), zero())),
        ),
    ];
    for (name, packet) in cases {
        assert_eq!(packet.handshake(ROOM), Err(BadHandshake::BadKeys), "{name}");
    }
}

#[test]
fn what_is_no_handshake() {
    let sealed = announced(|packet| packet.encrypted = true);
    assert_eq!(sealed.handshake(ROOM), Err(BadHandshake::NotOne));
    let data = announced(|packet| packet.kind = Kind::DataChunk as i32);
    assert_eq!(data.handshake(ROOM), Err(BadHandshake::NotOne));
}
