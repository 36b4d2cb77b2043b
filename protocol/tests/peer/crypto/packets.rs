//! Packets on the wire, and what their signatures cover.

use bytes::Bytes;
use proptest::prelude::*;
use syncline_protocol::dialects::peer::{
    id::REQUEST_ID_BYTES_MAX,
    keys::VerifyingKey,
    packet::{BadPacket, Kind, Packet},
};

use super::samples::{ROOM, full, keys, peer, request};

/// The packet with each field that the signature covers changed, one at a time and by one bit where it
/// has bits; with the name of the field.
fn changed(packet: &Packet) -> Vec<(&'static str, Packet)> {
    let mut all = Vec::new();
    let mut with = |name, change: &dyn Fn(&mut Packet)| {
        let mut other = packet.clone();
        change(&mut other);
        all.push((name, other));
    };
    for bit in 0..32 {
        with("kind", &|packet| packet.kind ^= 1 << bit);
        with("version", &|packet| packet.version ^= 1 << bit);
        with("uncompressed_size", &|packet| packet.uncompressed_size ^= 1 << bit);
        with("chunk_index", &|packet| packet.chunk_index ^= 1 << bit);
        with("chunk_count", &|packet| packet.chunk_count ^= 1 << bit);
    }
    for bit in 0..64 {
        with("physical_time", &|packet| packet.physical_time ^= 1 << bit);
        with("logical_time", &|packet| packet.logical_time ^= 1 << bit);
        with("key_epoch", &|packet| packet.key_epoch ^= 1 << bit);
    }
    with("is_last_chunk", &|packet| packet.is_last_chunk ^= true);
    with("encrypted", &|packet| packet.encrypted ^= true);
    with("target", &|packet| packet.target = None);
    for (at, bit) in places(packet.payload.len()) {
        with("payload", &|packet| packet.payload = flipped(&packet.payload, at, bit));
    }
    for (at, bit) in places(32) {
        with("encryption_public_key", &|packet| {
            packet.encryption_public_key = flipped(&packet.encryption_public_key, at, bit);
        });
        with("sender_public_key", &|packet| {
            packet.sender_public_key = flipped(&packet.sender_public_key, at, bit);
        });
    }
    with("no encryption_public_key", &|packet| packet.encryption_public_key = Bytes::new());
    with("longer payload", &|packet| packet.payload = [&packet.payload[..], &[0]].concat().into());
    for (at, bit) in places("request-1".len()) {
        if let Some(name) = flipped_text(packet.request.as_str(), at, bit) {
            with("request", &|packet| packet.request = request(&name));
        }
    }
    for (at, bit) in places("user:Alice".len()) {
        if let Some(name) = flipped_text(packet.sender.as_str(), at, bit) {
            with("sender", &|packet| packet.sender = peer(&name));
        }
    }
    for (at, bit) in places("bob".len()) {
        if let Some(name) = flipped_text("bob", at, bit) {
            with("target", &|packet| packet.target = Some(peer(&name)));
        }
    }
    all
}

fn places(bytes: usize) -> impl Iterator<Item = (usize, u32)> {
    (0..bytes).flat_map(|at| (0..8).map(move |bit| (at, bit)))
}

fn flipped(bytes: &[u8], at: usize, bit: u32) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << bit;
    bytes.into()
}

/// `None` when it is no name any more.
fn flipped_text(text: &str, at: usize, bit: u32) -> Option<String> {
    let text = String::from_utf8(flipped(text.as_bytes(), at, bit).to_vec()).ok()?;
    let is_name = !text.chars().any(char::is_control) && text.trim() == text;
    is_name.then_some(text)
}

#[test]
fn every_bit_is_covered() {
    let own = keys(1);
    let mut packet = full();
    packet.sign(ROOM, &own);
    let key = VerifyingKey::new(&own.public().sign).unwrap();
    assert!(packet.verify(ROOM, &key));
    for (name, packet) in changed(&packet) {
        assert!(!packet.verify(ROOM, &key), "{name}");
    }
    for room in ["room-2", "room-", "", "room-11"] {
        assert!(!packet.verify(room, &key), "another room: {room}");
    }
    for (at, bit) in places(64) {
        let signature = flipped(&packet.signature, at, bit);
        assert!(!Packet { signature, ..packet.clone() }.verify(ROOM, &key));
    }
    assert!(!packet.is_signed_by(ROOM, &keys(2).public().sign), "another key");
    for signature in [&b""[..], &packet.signature[..63], &[&packet.signature[..], &[0]].concat()] {
        let signature = Bytes::copy_from_slice(signature);
        assert!(!Packet { signature, ..packet.clone() }.verify(ROOM, &key));
    }
}

#[test]
fn every_field_but_the_payload_is_bound_to_it() {
    let packet = full();
    let bound = packet.bound(ROOM);
    for (name, other) in changed(&packet) {
        assert_eq!(other.bound(ROOM) == bound, name.ends_with("payload"), "{name}");
    }
    assert_ne!(packet.bound("room-2"), bound);
    assert_ne!(packet.signed_bytes(ROOM).unwrap()[..16], bound[..16], "tags");
}

/// In version 1 it does not show: see `legacy.rs`.
#[test]
fn a_byte_that_moves_between_names_shows() {
    let own = keys(1);
    let mut packet = full();
    packet.sign(ROOM, &own);
    let sign = own.public().sign;
    for (request_name, sender) in [("request-", "1user:Alice"), ("request-1u", "ser:Alice")] {
        let request = request(request_name);
        let moved = Packet { request, sender: peer(sender), ..packet.clone() };
        assert!(!moved.is_signed_by(ROOM, &sign));
    }
}

#[test]
fn versions_without_rules_are_never_signed() {
    let own = keys(1);
    for version in [3, 4, u32::MAX] {
        let mut packet = Packet { version, ..full() };
        packet.sign(ROOM, &own);
        assert_eq!(packet.signature, b""[..]);
        let mut signed = full();
        signed.sign(ROOM, &own);
        let relabelled = Packet { version, ..signed };
        assert!(!relabelled.is_signed_by(ROOM, &own.public().sign));
    }
}

/// Points of small order, of which signatures fit to many messages; 32 bytes that are no point.
#[test]
fn keys_that_are_none_check_no_signature() {
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let mut packet = full();
    // R the neutral element and s zero: with a weak key the plain check would take it.
    packet.signature = [one, [0; 32]].concat().into();
    for key in [[0; 32], one, minus_one, no_point] {
        assert_eq!(VerifyingKey::new(&key), None);
        assert!(!packet.is_signed_by(ROOM, &key));
    }
}

#[test]
fn what_is_no_packet() {
    use prost::Message as _;
    #[derive(prost::Message)]
    struct Fields {
        #[prost(string, tag = "2")]
        request: String,
        #[prost(string, tag = "3")]
        sender: String,
        #[prost(string, tag = "9")]
        target: String,
        #[prost(bytes = "vec", tag = "11")]
        exchange: Vec<u8>,
        #[prost(bytes = "vec", tag = "12")]
        sign: Vec<u8>,
    }
    let good = || Fields { sender: "a".into(), ..Fields::default() };
    let decode = |fields: Fields| Packet::decode(fields.encode_to_vec().into()).map(|_| ());
    assert_eq!(decode(good()), Ok(()));
    assert_eq!(decode(Fields::default()), Err(BadPacket::BadName), "no sender");
    assert_eq!(decode(Fields { sender: "x".repeat(129), ..good() }), Err(BadPacket::BadName));
    assert_eq!(decode(Fields { target: "a\n".into(), ..good() }), Err(BadPacket::BadName));
    let request = "x".repeat(REQUEST_ID_BYTES_MAX + 1);
    assert_eq!(decode(Fields { request, ..good() }), Err(BadPacket::BadRequest));
    for bytes in [1, 31, 33] {
        let key = vec![1; bytes];
        assert_eq!(decode(Fields { exchange: key.clone(), ..good() }), Err(BadPacket::BadKey));
        assert_eq!(decode(Fields { sign: key, ..good() }), Err(BadPacket::BadKey));
    }
    let decode = |bytes: &'static [u8]| Packet::decode(Bytes::from_static(bytes)).map(|_| ());
    assert_eq!(decode(&[0x1a, 5, b'a']), Err(BadPacket::NotAPacket));
    assert_eq!(decode(&[0x1a, 1, 0xff]), Err(BadPacket::NotAPacket));
}

#[test]
fn later_types_and_fields_are_read_past() {
    let packet = Packet { kind: 42, ..full() };
    assert_eq!(packet.kind(), None);
    let mut wire = packet.encode().to_vec();
    // Field 31, bytes.
    wire.extend_from_slice(&[0xfa, 0x01, 2, 7, 7]);
    assert_eq!(Packet::decode(wire.into()).unwrap(), packet);
    assert_eq!(full().kind(), Some(Kind::DataChunk));
}

#[test]
fn a_payload_is_not_shown() {
    let mut packet = full();
    packet.payload = Bytes::from_static(b"CODE-4711");
    let shown = format!("{packet:?}");
    assert!(shown.contains("user:Alice") && !shown.contains("4711"), "{shown}");
}

prop_compose! {
    fn packets()(
        (kind, payload) in (any::<i32>(), prop::collection::vec(any::<u8>(), 0..64)),
        (req, sender, target) in ("[ -~]{0,16}", "[a-z:]{0,8}[0-9]", prop::option::of("[a-z]{1,8}")),
        numbers: (i32, i32, u32, i64, i64, u64),
        (is_last_chunk, encrypted) in any::<(bool, bool)>(),
        key in prop::option::of(any::<[u8; 32]>()),
    ) -> Packet {
        let key = key.map_or_else(Bytes::new, |key| Bytes::copy_from_slice(&key));
        Packet {
            kind,
            payload: payload.into(),
            uncompressed_size: numbers.0,
            chunk_index: numbers.1,
            chunk_count: numbers.2,
            is_last_chunk,
            target: target.map(|name| peer(&name)),
            encrypted,
            encryption_public_key: key.clone(),
            sender_public_key: key,
            physical_time: numbers.3,
            logical_time: numbers.4,
            key_epoch: numbers.5,
            ..Packet::new(Kind::SyncReq, request(&req), peer(&sender))
        }
    }
}

proptest! {
    #[test]
    fn a_packet_is_what_was_sent(packet in packets()) {
        prop_assert_eq!(Packet::decode(packet.encode()).unwrap(), packet);
    }

    #[test]
    fn no_two_packets_have_the_same_signed_bytes(one in packets(), other in packets(), rooms: (String, String)) {
        let same = one == other && rooms.0 == rooms.1;
        prop_assert_eq!(one.signed_bytes(&rooms.0) == other.signed_bytes(&rooms.1), same);
        prop_assert_eq!(one.signed_bytes(&rooms.0), one.clone().signed_bytes(&rooms.0));
    }

    #[test]
    fn foreign_bytes_are_a_packet_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(packet) = Packet::decode(bytes.into()) {
            let _ = (packet.handshake(ROOM), packet.is_signed_by(ROOM, &keys(1).public().sign));
            prop_assert_eq!(Packet::decode(packet.encode()), Ok(packet));
        }
    }
}
