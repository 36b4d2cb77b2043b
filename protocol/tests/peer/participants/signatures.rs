//! What is not signed as it must be changes nothing: checks 2 to 6, 8, 9 and 37, and replays (H3).

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    packet::{Kind, Packet},
    participant::{Event, Why},
};

use super::{
    rogue::{Rogue, hlc, row},
    world::{World, request},
};

/// Alice alone, a stranger whose keys she knows, and a changeset of the stranger's for her.
fn world() -> (World, Rogue, Vec<Bytes>) {
    let mut world = World::new(10);
    let alice = world.enter("alice");
    let mut mallory = Rogue::new("mallory", 11);
    world.ghosts.push(mallory.id.clone());
    let announcement = mallory.announcement(&world);
    world.inject(alice, announcement);
    let json = format!(r#"{{"tasks":[{}]}}"#, row("1", "one", &hlc(&world, 0, "m")));
    let (id, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    let frames = mallory.changes_for(&world, (&id, &keys), &json);
    (world, mallory, frames)
}

#[test]
fn what_is_signed_is_taken() {
    let (mut world, _, frames) = world();
    world.inject(0, frames[0].clone());
    assert_eq!(world.members[0].value("tasks", "1").as_deref(), Some("one"));
    assert_eq!(world.members[0].participant.drops().all(), 0);
}

#[test]
fn check_02_an_unknown_type_is_ignored() {
    let (mut world, mut mallory, _) = world();
    let mut packet = mallory.packet(Kind::SyncReq, &world);
    packet.kind = 42;
    let frame = mallory.sign(packet);
    let before = world.members[0].digest();
    world.inject(0, frame);
    assert_eq!(world.members[0].drops(Why::UnknownType), 1);
    assert_eq!(world.members[0].participant.drops().all(), 1);
    assert_eq!(world.members[0].digest(), before);
}

#[test]
fn check_03_any_bit_that_is_flipped_makes_it_void() {
    let (mut world, mallory, frames) = world();
    let before = world.members[0].digest();
    let good = Packet::decode(frames[0].clone()).unwrap();
    let mut bad: Vec<(&str, Packet)> = Vec::new();
    for bit in 0..good.payload.len() * 8 {
        let mut packet = good.clone();
        let mut payload = packet.payload.to_vec();
        payload[bit / 8] ^= 1 << (bit % 8);
        packet.payload = payload.into();
        bad.push(("payload", packet));
    }
    let mut add = |what: &'static str, change: &dyn Fn(&mut Packet)| {
        let mut packet = good.clone();
        change(&mut packet);
        assert_ne!(packet, good);
        bad.push((what, packet));
    };
    add("type", &|packet| packet.kind = Kind::ConsistencyCheck as i32);
    add("request", &|packet| packet.request = request("mallory-3"));
    add("target", &|packet| packet.target = None);
    add("sealed", &|packet| packet.encrypted = false);
    add("time", &|packet| packet.physical_time ^= 1);
    add("logical time", &|packet| packet.logical_time ^= 1);
    add("size", &|packet| packet.uncompressed_size ^= 1);
    add("index", &|packet| packet.chunk_index ^= 1);
    add("count", &|packet| packet.chunk_count ^= 2);
    add("last", &|packet| packet.is_last_chunk = false);
    add("epoch", &|packet| packet.key_epoch ^= 1);
    add("version", &|packet| packet.version = 3);
    add("key for exchanges", &|packet| packet.encryption_public_key = vec![1; 32].into());
    add("key for signatures", &|packet| {
        packet.sender_public_key = mallory.keys.public().sign.to_vec().into();
    });
    let count = bad.len() as u64;
    for (what, packet) in bad {
        let void = world.members[0].drops(Why::BadSignature);
        world.inject(0, packet.encode());
        assert_eq!(world.members[0].drops(Why::BadSignature), void + 1, "{what}");
    }
    assert_eq!(world.members[0].participant.drops().all(), count);
    assert_eq!(world.members[0].digest(), before);
    assert_eq!(world.members[0].value("tasks", "1"), None);
}

#[test]
fn check_04_what_is_not_signed_is_dropped() {
    let (mut world, _, frames) = world();
    let mut packet = Packet::decode(frames[0].clone()).unwrap();
    packet.signature = Bytes::new();
    world.inject(0, packet.encode());
    assert_eq!(world.members[0].drops(Why::BadSignature), 1);
    assert_eq!(world.members[0].value("tasks", "1"), None);
}

#[test]
fn check_05_bytes_do_not_move_from_one_name_to_the_next() {
    let (mut world, mallory, frames) = world();
    let mut packet = Packet::decode(frames[0].clone()).unwrap();
    let moved = format!("{}m", packet.request.as_str());
    packet.request = request(&moved);
    packet.sender = syncline_protocol::dialects::peer::id::PeerId::new("allory").unwrap();
    // Even when the shortened name has the same key.
    let mut twin = Rogue::new("allory", 11);
    assert_eq!(twin.keys.public(), mallory.keys.public());
    let announcement = twin.announcement(&world);
    world.inject(0, announcement);
    world.inject(0, packet.encode());
    assert_eq!(world.members[0].drops(Why::BadSignature), 1);
    assert_eq!(world.members[0].value("tasks", "1"), None);
}

#[test]
fn check_06_the_same_bytes_count_in_no_other_room() {
    let (mut world, mut mallory, _) = world();
    let mut opening = world.opening("alice");
    opening.room = "room-2".into();
    let other = world.add(opening);
    let announcement = mallory.announcement(&world);
    world.inject(other, announcement.clone());
    assert_eq!(world.members[other].drops(Why::HandshakeUnproven), 1);
    assert_eq!(world.members[other].keys_of(&mallory.id), None);
    // Also when the sender has the same keys there.
    let mut there = Packet::decode(announcement).unwrap();
    there.sign("room-2", &mallory.keys);
    world.inject(other, there.encode());
    assert_eq!(world.members[other].keys_of(&mallory.id), Some(mallory.keys.public()));
    let packet = mallory.packet(Kind::DataChunk, &world);
    let (id, keys) = (world.members[other].id.clone(), world.members[other].keys());
    let sealed = mallory.seal_for(packet, (&id, &keys), b"{}");
    let frame = mallory.sign(sealed);
    world.inject(other, frame);
    assert_eq!(world.members[other].drops(Why::BadSignature), 1);
}

#[test]
fn check_08_strangers_take_no_memory_without_bound() {
    let mut world = World::new(12);
    let alice = world.enter("alice");
    let mut first = None;
    for n in 0..10_000 {
        let mut stranger = Rogue::new(&format!("stranger-{}", n % 40), n);
        let packet = stranger.packet(Kind::DataChunk, &world);
        let frame = stranger.sign(packet);
        first = first.or(Some(frame.clone()));
        world.inject(alice, frame);
        let [(packets, bytes), _] = world.members[alice].waiting();
        assert!(packets <= 1024 && bytes <= 4 << 20);
    }
    let [(packets, _), _] = world.members[alice].waiting();
    assert_eq!(packets, 1024);
    assert_eq!(world.members[alice].drops(Why::UnknownSender), 10_000 - 1024);
    assert_eq!(world.sent_since(0, Kind::Handshake).len(), 1 + 40, "each is asked once");
    world.run_secs(31);
    assert_eq!(world.members[alice].waiting()[0], (0, 0));
}

#[test]
fn check_09_a_handshake_signed_by_another_key_is_ignored() {
    let mut world = World::new(13);
    let alice = world.enter("alice");
    let (mut bob, mallory) = (Rogue::new("bob", 1), Rogue::new("bob", 2));
    let announced = Packet::decode(bob.announcement(&world)).unwrap();
    world.inject(alice, mallory.sign(announced));
    assert_eq!(world.members[alice].drops(Why::HandshakeUnproven), 1);
    assert_eq!(world.members[alice].keys_of(&bob.id), None);
    assert_eq!(world.members[alice].saw(|event| matches!(event, Event::PeerKnown { .. })), 0);
}

#[test]
fn check_37_nobody_goes_back_to_an_older_version() {
    let (mut world, mut mallory, _) = world();
    for version in [0, 1] {
        let mut packet = mallory.packet(Kind::SyncReq, &world);
        packet.version = version;
        let frame = mallory.sign(packet);
        world.inject(0, frame);
    }
    assert_eq!(world.members[0].drops(Why::VersionFloor), 2);
    assert_eq!(world.members[0].participant.drops().all(), 2);
}

#[test]
fn the_same_packet_is_done_once() {
    let (mut world, mut mallory, frames) = world();
    let ping = mallory.packet(Kind::UnicastReq, &world);
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    let ping = mallory.seal_for(ping, (&id, &keys), br#"{"type":"SYNC_PING","t0":1}"#);
    let ping = mallory.sign(ping);
    for frame in [&ping, &frames[0]] {
        world.inject(0, frame.clone());
        world.inject(0, frame.clone());
    }
    assert_eq!(world.members[0].drops(Why::Replayed), 2);
    assert_eq!(world.sent_since(0, Kind::UnicastReq).len(), 1 + 1, "one answer, and the group key");
}

#[test]
fn what_is_old_is_not_done_but_rows_are_taken() {
    let (mut world, mut mallory, frames) = world();
    let (id, keys) = (world.members[0].id.clone(), world.members[0].keys());
    let ping = mallory.packet(Kind::UnicastReq, &world);
    let ping = mallory.seal_for(ping, (&id, &keys), br#"{"type":"SYNC_PING","t0":1}"#);
    let ping = mallory.sign(ping);
    world.run_secs(121);
    world.inject(0, ping);
    assert_eq!(world.members[0].drops(Why::Stale), 1);
    world.inject(0, frames[0].clone());
    assert_eq!(world.members[0].value("tasks", "1").as_deref(), Some("one"));
}

#[test]
fn a_logical_time_too_far_ahead_is_refused() {
    let (mut world, mut mallory, _) = world();
    let mut packet = mallory.packet(Kind::UnicastReq, &world);
    packet.logical_time = 1 << 41;
    let frame = mallory.sign(packet);
    world.inject(0, frame);
    assert_eq!(world.members[0].drops(Why::LogicalJump), 1);
}

#[test]
fn foreign_bytes_do_no_harm() {
    let mut world = World::new(14);
    world.enter("alice");
    for len in 0..600 {
        let mut bytes = vec![0; len];
        for byte in &mut bytes {
            *byte = world.random.next().to_le_bytes()[0];
        }
        world.inject(0, bytes.into());
    }
    world.inject(0, vec![8; (64 << 10) + 1].into());
    assert_eq!(world.members[0].drops(Why::TooLarge), 1);
    assert_eq!(world.members[0].participant.drops().all(), 601);
}
