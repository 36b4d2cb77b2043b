//! Version 1, behind its feature: what it was, and what is wrong with it.

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    keys::{PublicKeys, RoomKeys},
    packet::{Handshake, Kind, Packet},
    seal::{Key, pairwise_key_v1},
};

use super::samples::{ROOM, full, hex, keys, peer, request, unhex, unhex32, vectors};

#[test]
fn a_signature_of_version_1() {
    let vector = &vectors("vectors.json")["signature_v1"];
    let mut seeds = unhex(&vector["ed25519_seed"]);
    seeds.resize(64, 0);
    let keys = RoomKeys::from_bytes(&seeds).unwrap();
    let wire = Bytes::from(unhex(&vector["wire"]));
    let mut packet = Packet::decode(wire.clone()).unwrap();
    assert_eq!((packet.version, packet.kind()), (0, Some(Kind::DataChunk)));
    assert_eq!(hex(&packet.signed_bytes("any room").unwrap()), vector["signed_bytes"]);
    assert!(packet.is_signed_by("any room", &unhex32(&vector["ed25519_public"])));
    packet.sign("another room", &keys);
    assert_eq!(hex(&packet.signature), vector["signature"]);
    assert_eq!(packet.encode(), wire);
}

#[test]
fn a_payload_sealed_for_one_in_version_1() {
    let vector = &vectors("vectors.json")["pairwise_v1"];
    let own = RoomKeys::from_bytes(&[[0; 32], [1; 32]].concat()).unwrap();
    let other = PublicKeys { sign: [0; 32], exchange: unhex32(&vector["pub_b"]) };
    let key = pairwise_key_v1(vector["room"].as_str().unwrap(), &own, &other).unwrap();
    let blob = unhex(&vector["blob = nonce||ct||tag (no AAD)"]);
    let nonce = unhex(&vector["nonce"]);
    let mut source = |out: &mut [u8]| out.copy_from_slice(&nonce);
    let plaintext = vector["plaintext"].as_str().unwrap().as_bytes();
    assert_eq!(key.seal(&mut source, b"", plaintext), blob);
    assert_eq!(*key.open(b"", &blob).unwrap(), plaintext);
    let raw = Key::new(&unhex32(&vector["key = SHA256(shared||utf8(room))"]));
    assert_eq!(raw.seal(&mut source, b"", plaintext), blob);
    // The other end has the same.
    let own = RoomKeys::from_bytes(&[[0; 32], [2; 32]].concat()).unwrap();
    let other = PublicKeys { sign: [0; 32], exchange: unhex32(&vector["pub_a"]) };
    assert!(pairwise_key_v1(ROOM, &own, &other).unwrap().open(b"", &blob).is_some());
    let weak = PublicKeys { sign: [0; 32], exchange: [0; 32] };
    assert!(pairwise_key_v1(ROOM, &own, &weak).is_err());
}

/// Why version 2 says how long everything is.
#[test]
fn two_packets_have_one_signature_in_version_1() {
    let keys = keys(1);
    let mut packet = Packet { version: 0, ..full() };
    packet.sign(ROOM, &keys);
    let sign = keys.public().sign;
    let moved =
        Packet { request: request("request-"), sender: peer("1user:Alice"), ..packet.clone() };
    assert_ne!(moved.encode(), packet.encode());
    assert!(moved.is_signed_by(ROOM, &sign), "a byte moved from the request to the sender");
    assert!(moved.is_signed_by("another room", &sign), "the room is not covered");
    let other = Packet { encryption_public_key: Bytes::from(vec![9; 32]), ..packet.clone() };
    assert!(other.is_signed_by(ROOM, &sign), "nor are the keys");
    let upgraded = Packet { version: 2, ..packet };
    assert!(!upgraded.is_signed_by(ROOM, &sign), "but no such signature holds in version 2");
}

#[test]
fn nothing_is_bound_to_a_payload_in_version_1() {
    assert_eq!(Packet { version: 1, ..full() }.bound(ROOM), b"");
}

#[test]
fn a_handshake_of_version_1_may_have_another_key_beside() {
    let own = keys(1);
    let mut packet = Packet::announcement(&own.public(), request("r"), peer("old"));
    packet.version = 0;
    packet.sender_public_key = Bytes::from(vec![9; 32]);
    packet.sign(ROOM, &own);
    assert_eq!(packet.handshake(ROOM), Ok(Handshake::Announce(own.public())));
}
