//! The vectors that every implementation of the dialect shares, and those made for what they leave out.

use bytes::Bytes;
use serde_json::Value;
use syncline_protocol::dialects::peer::{
    access::{Permission, Permissions},
    keys::{PublicKeys, RoomKeys, is_rotation_proven, prove_rotation},
    now::Now,
    packet::{Kind, Packet},
    relay::Route,
    rows::{NodeId, VersionVector},
    seal::{Key, group_key, key_id, pairwise_key, session_key},
    sync::{check::Check, control::Control, time::TimeSync},
};

use super::samples::{ROOM, hex, peer, request, unhex, unhex32, vectors};

fn count_up(out: &mut [u8]) {
    (0..).zip(out).for_each(|(number, byte)| *byte = number);
}

fn is_same(one: &Key, other: &Key) -> bool {
    one.seal(&mut count_up, b"b", b"p") == other.seal(&mut count_up, b"b", b"p")
}

/// The keys of a seed for signatures and another for exchanges.
fn room_keys(sign: [u8; 32], exchange: [u8; 32]) -> RoomKeys {
    RoomKeys::from_bytes(&[sign, exchange].concat()).unwrap()
}

#[test]
fn every_shared_vector_is_checked_here() {
    let known = [
        "control_payloads",
        "group_key_v2",
        "invite_req_wire",
        "pairwise_v1",
        "permission_bits",
        "signature_v1",
        "signature_v2",
        "wire_sync_req_from_upstream_test",
    ];
    let vectors = vectors("vectors.json");
    let mut names: Vec<&String> = vectors.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, known);
}

#[test]
fn packets_without_signature() {
    let vectors = vectors("vectors.json");
    let wire = Bytes::from(unhex(&vectors["wire_sync_req_from_upstream_test"]["hex"]));
    let packet = Packet::decode(wire.clone()).unwrap();
    let expected = Packet {
        payload: Bytes::from_static(&[1, 2, 3, 4]),
        uncompressed_size: 100,
        version: 0,
        chunk_count: 0,
        is_last_chunk: false,
        ..Packet::new(Kind::SyncReq, request("req-123"), peer("user-a"))
    };
    assert_eq!(packet, expected);
    assert_eq!(packet.encode(), wire);

    let wire = Bytes::from(unhex(&vectors["invite_req_wire"]));
    let packet = Packet::decode(wire.clone()).unwrap();
    assert_eq!(packet.kind(), Some(Kind::InviteReq));
    assert_eq!((packet.request.as_str(), packet.sender.as_str()), ("req-1", "joiner"));
    assert_eq!(packet.payload.as_ref(), b"CODE123");
    assert_eq!(packet.encode(), wire);
    assert_eq!(Route::scan(&wire).unwrap().sender_id, "joiner");
}

#[test]
fn a_signature_of_version_2() {
    let (one, two) =
        (&vectors("vectors.json")["signature_v1"], &vectors("vectors.json")["signature_v2"]);
    let keys = room_keys(unhex32(&one["ed25519_seed"]), [0; 32]);
    assert_eq!(keys.public().sign, unhex32(&one["ed25519_public"]));
    assert_eq!(two["room"], ROOM);
    let mut packet = Packet {
        payload: Bytes::from_static(&[1, 2, 3]),
        physical_time: 1_700_000_000_000,
        logical_time: 7,
        sender_public_key: Bytes::copy_from_slice(&keys.public().sign),
        ..Packet::new(Kind::DataChunk, request("test-req"), peer("user-1"))
    };
    assert_eq!(hex(&packet.signed_bytes(ROOM).unwrap()), two["signed_bytes"]);
    packet.sign(ROOM, &keys);
    assert_eq!(hex(&packet.signature), two["signature"]);
    assert_eq!(hex(&packet.encode()), two["wire"]);
    let decoded = Packet::decode(packet.encode()).unwrap();
    assert_eq!(decoded, packet);
    assert!(decoded.is_signed_by(ROOM, &keys.public().sign));
}

#[test]
fn public_keys_and_the_key_of_a_group() {
    let vectors = vectors("vectors.json");
    let pairwise = &vectors["pairwise_v1"];
    for (number, name) in [(1, "pub_a"), (2, "pub_b")] {
        let keys = room_keys([9; 32], [number; 32]);
        assert_eq!(keys.public().exchange, unhex32(&pairwise[name]));
    }
    let group = &vectors["group_key_v2"];
    let secret = unhex32(&group["gsk"]);
    assert_eq!(key_id(&secret), group["key_id = first 8 bytes of SHA256(gsk)"]);
    let (epoch, sender) = (group["epoch"].as_u64().unwrap(), group["sender"].as_str().unwrap());
    let made = group_key(group["room"].as_str().unwrap(), &secret, epoch, sender);
    assert!(is_same(&made, &Key::new(&unhex32(&group["content_key"]))));
}

#[test]
fn control_messages() {
    let vectors = vectors("vectors.json");
    let payloads = &vectors["control_payloads"];
    let text = |name: &str| {
        let key = data_encoding::BASE64.encode(&[3; 32]);
        let text = payloads[name].as_str().unwrap();
        text.replace("<base64 32 bytes>", &key).replace("<base64>", &key).replace("<hex>", "00ff")
    };
    let clock = VersionVector::from_json(text("SYNC_REQ").as_bytes()).unwrap();
    let hlc = clock.get(&NodeId::new("nodeA").unwrap()).unwrap().to_string();
    assert_eq!(hlc, "2026-02-23T02:58:09.544865Z-0000-nodeA");
    assert_eq!(clock.to_json(), text("SYNC_REQ").as_bytes());
    let parse = |name: &str| Control::parse(text(name).as_bytes()).unwrap();
    assert!(matches!(parse("SYNC_PING"), Control::SyncPing { .. }));
    assert!(matches!(parse("SYNC_PONG"), Control::SyncPong { .. }));
    assert_eq!(parse("GSK_REQ"), Control::GskReq);
    assert_eq!(parse("KEY_REQ"), Control::KeyReq);
    let Control::GskShare { key, epoch: None, key_id: None } = parse("GSK_SHARE") else { panic!() };
    assert_eq!(*key.0, [3; 32]);
    let Control::RoomKey { key } = parse("ROOM_KEY") else { panic!() };
    assert_eq!(*key.0, [3; 32]);
    let check = Check::parse(text("CONSISTENCY_CHECK").as_bytes()).unwrap();
    assert_eq!((check.count, check.hash.as_str(), check.version), (2, "00ff", 0));
}

#[test]
fn the_arithmetic_of_a_pong() {
    let vectors = vectors("vectors.json");
    let payloads = &vectors["control_payloads"];
    let pong: Value = serde_json::from_str(payloads["SYNC_PONG"].as_str().unwrap()).unwrap();
    // The vector counts seconds, the machine whole milliseconds.
    let ms = |value: &Value| (value.as_f64().unwrap() * 1000.0) as i64;
    let at = |ms: i64| Now { wall_micros: ms * 1000, ..Now::default() };
    let mut time = TimeSync::new();
    let other = peer("other");
    assert_eq!(time.ask(&other, at(ms(&pong["t0"]))), Some(1500));
    let times = (ms(&pong["t0"]), ms(&pong["t1"]), ms(&pong["t2"]));
    let sample = time.answered(&other, times, at(3000)).unwrap();
    let math = &payloads["pong_math t3=3.0"];
    assert_eq!(sample.round_trip_ms, ms(&math["rtt"]));
    assert_eq!(sample.offset_ms, ms(&math["theta"]));
}

#[test]
fn bits_of_permissions() {
    let vectors = vectors("vectors.json");
    let bits = vectors["permission_bits"].as_object().unwrap();
    let all = [
        ("administrator", Permission::Administrator),
        ("manageGroup", Permission::ManageGroup),
        ("manageRoles", Permission::ManageRoles),
        ("manageMembers", Permission::ManageMembers),
        ("manageInvites", Permission::ManageInvites),
    ];
    assert_eq!(bits.len(), all.len() + 1);
    assert_eq!(bits["all"].as_i64(), Some(Permissions::ALL.bits()));
    for (name, permission) in all {
        let bits = bits[name].as_i64().unwrap();
        assert_eq!(bits, 1 << permission as u8);
        assert!(Permissions::of_bits(bits).has(permission));
    }
}

#[test]
fn what_the_shared_vectors_leave_out() {
    let made = vectors("sealed.json");
    let room = made["room"].as_str().unwrap();
    let keys = |name: &str| RoomKeys::from_bytes(&unhex(&made[name])).unwrap();
    let (a, b) = (keys("seeds_a"), keys("seeds_b"));
    for (keys, name) in [(&a, "public_a"), (&b, "public_b")] {
        assert_eq!(hex(&keys.public().to_bytes()), made[name]);
    }
    let key = pairwise_key(room, &a, &b.public()).unwrap();
    assert!(is_same(&key, &pairwise_key(room, &b, &a.public()).unwrap()));
    assert!(is_same(&key, &Key::new(&unhex32(&made["pairwise_key"]))));
    let sender = made["group_sender"].as_str().unwrap();
    let epoch = made["group_epoch"].as_u64().unwrap();
    let group = group_key(room, &unhex32(&made["group_secret"]), epoch, sender);
    assert!(is_same(&group, &Key::new(&unhex32(&made["group_key"]))));
    let session = session_key(room, &unhex32(&made["session_secret"]), sender);
    assert!(is_same(&session, &Key::new(&unhex32(&made["session_key"]))));

    let mut packet = Packet {
        target: Some(peer("bob")),
        encrypted: true,
        physical_time: 1_700_000_000_123,
        logical_time: -9,
        uncompressed_size: 70_000,
        chunk_index: 1,
        chunk_count: 3,
        is_last_chunk: false,
        key_epoch: 7,
        sender_public_key: Bytes::copy_from_slice(&a.public().sign),
        ..Packet::new(Kind::UnicastReq, request("r-1"), peer(sender))
    };
    let (bound, plaintext) = (packet.bound(room), unhex(&made["plaintext"]));
    assert_eq!(hex(&bound), made["aad"]);
    packet.payload = key.seal(&mut count_up, &bound, &plaintext).into();
    assert_eq!(hex(&packet.payload), made["payload"]);
    assert_eq!(*key.open(&bound, &packet.payload).unwrap(), plaintext);
    assert_eq!(hex(&packet.signed_bytes(room).unwrap()), made["signed_bytes"]);
    packet.sign(room, &a);
    assert_eq!(hex(&packet.signature), made["signature"]);

    let (new, sender) = (keys("rotation_seeds"), peer(sender));
    let public = PublicKeys::from_bytes(&unhex(&made["rotation_public"])).unwrap();
    assert_eq!(public, new.public());
    let proof = prove_rotation(room, &sender, &new);
    assert_eq!(hex(&proof), made["rotation_proof"]);
    assert!(is_rotation_proven(room, &sender, &public, &proof));
}
