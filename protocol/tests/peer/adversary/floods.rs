//! Much of everything: packets that cannot be read yet, pieces, bombs, handshakes, and JSON that is too
//! large or too deep.

use bytes::Bytes;
use syncline_protocol::dialects::peer::{
    chunks,
    packet::{Kind, Packet},
    participant::Why,
};

use super::siege::{ALICE, BOB, CAROL, Siege};
use crate::participants::{
    rogue::Rogue,
    world::{Seeded, request},
};

#[test]
fn one_stranger_takes_its_share_and_no_more() {
    let mut siege = Siege::new(640);
    let mut quiet = Rogue::new("quiet", 641);
    let (id, keys) = siege.whom(ALICE);
    let task = siege.row("quiet", "x", 0);
    let json = format!(r#"{{"tasks":[{task}]}}"#);
    let first = quiet.changes_for(&siege.world, (&id, &keys), &json).remove(0);
    siege.world.inject(ALICE, first);
    let mut loud = Rogue::new("loud", 642);
    let base = loud.packet(Kind::DataChunk, &siege.world);
    for n in 0..3000 {
        let mut packet = base.clone();
        packet.request = request(&format!("loud-{n}"));
        packet.payload = vec![n as u8; if n % 10 == 0 { 40 << 10 } else { 10 }].into();
        siege.world.inject(ALICE, packet.encode());
        let [(packets, bytes), _] = siege.world.members[ALICE].waiting();
        assert!(packets <= 65 && bytes <= 257 << 10, "{packets} packets, {bytes} bytes");
    }
    // Who says little is heard in spite of it.
    let announcement = quiet.announcement(&siege.world);
    siege.world.inject(ALICE, announcement);
    assert_eq!(siege.world.members[ALICE].value("tasks", "quiet").as_deref(), Some("x"));
    siege.holds();
    assert_eq!(siege.world.members[ALICE].waiting()[0], (0, 0));
}

#[test]
fn what_no_key_opens_waits_within_bounds() {
    let mut siege = Siege::new(643);
    let mut dice = Seeded(644);
    let asked = siege.world.sent.len();
    for n in 0..1500_u64 {
        let kind = if n % 2 == 0 { Kind::DataChunk } else { Kind::SyncReq };
        let packet = siege.mallory.packet(kind, &siege.world);
        let secret = dice.next().to_le_bytes().repeat(4).try_into().unwrap();
        let epoch = [1, 2, 1 << 40][n as usize % 3];
        let garbage = vec![0; if n % 20 == 0 { 30 << 10 } else { 8 }];
        let packet = siege.mallory.seal_for_group(packet, (&secret, epoch), &garbage);
        let frame = siege.mallory.sign(packet);
        siege.world.inject(BOB, frame);
        let [_, (packets, bytes)] = siege.world.members[BOB].waiting();
        assert!(packets <= 1024 && bytes <= 8 << 20, "{packets} packets, {bytes} bytes");
    }
    siege.world.run_secs(2);
    let sent = siege.world.sent.len() - asked;
    assert!(sent < 40, "{sent} packets for all of them");
    siege.holds();
    siege.world.run_secs(60);
    assert_eq!(siege.world.members[BOB].waiting()[1], (0, 0), "they waited in vain");
}

#[test]
fn streams_that_never_end_take_no_memory_without_bound() {
    let mut siege = Siege::new(645);
    let piece = vec![7; 2 << 10];
    let mut sent = 0;
    for n in 0..400_u32 {
        let mut packet = siege.mallory.packet(Kind::DataChunk, &siege.world);
        packet.request = request(&format!("flood-{}", n / 4));
        (packet.chunk_index, packet.chunk_count) = ((n % 4) as i32, 4096);
        packet.uncompressed_size = 64 << 20;
        packet.is_last_chunk = false;
        let (id, keys) = siege.whom(ALICE);
        let packet = siege.mallory.seal_for(packet, (&id, &keys), &piece);
        let frame = siege.mallory.sign(packet);
        sent += frame.len();
        siege.world.inject(ALICE, frame);
        let (streams, bytes) = siege.world.members[ALICE].reassembling();
        assert!(streams <= chunks::STREAMS_PER_SENDER_MAX);
        // Nothing is set aside for what was only announced.
        assert!(bytes <= sent + (streams << 10), "{bytes} bytes of {sent}");
    }
    assert_eq!(siege.world.members[ALICE].reassembling().0, chunks::STREAMS_PER_SENDER_MAX);
    assert!(siege.drops(ALICE, Why::BadPieces) > 0);
    // And many that have only just begun.
    for n in 0..200 {
        let mut packet = siege.sealed(Kind::DataChunk, BOB, b"");
        packet.request = request(&format!("begun-{n}"));
        packet.chunk_count = 4096;
        packet.is_last_chunk = false;
        let (id, keys) = siege.whom(BOB);
        let packet = siege.mallory.seal_for(packet, (&id, &keys), b"x");
        let frame = siege.mallory.sign(packet);
        siege.world.inject(BOB, frame);
    }
    let (streams, _) = siege.world.members[BOB].reassembling();
    assert_eq!(streams, chunks::STREAMS_PER_SENDER_MAX);
    siege.holds();
    for at in siege.all() {
        assert_eq!(siege.world.members[at].reassembling(), (0, 0));
    }
}

#[test]
fn bombs_do_not_go_off() {
    let mut siege = Siege::new(646);
    let digest = siege.world.members[ALICE].digest();
    let bomb = zstd::bulk::compress(&vec![b' '; 128 << 20], 1).unwrap();
    assert!(bomb.len() < 48 << 10);
    for size in [1 << 20, 65 << 20, i32::MAX, -1, 1, 0] {
        let mut packet = siege.mallory.packet(Kind::DataChunk, &siege.world);
        packet.uncompressed_size = size;
        let (id, keys) = siege.whom(ALICE);
        let packet = siege.mallory.seal_for(packet, (&id, &keys), &bomb);
        let frame = siege.mallory.sign(packet);
        siege.world.inject(ALICE, frame);
    }
    let bad = siege.drops(ALICE, Why::BadPieces) + siege.drops(ALICE, Why::BadPayload);
    assert_eq!(bad, 6);
    assert_eq!(siege.world.members[ALICE].digest(), digest);
    assert_eq!(siege.world.members[ALICE].reassembling(), (0, 0));
    siege.holds();
}

#[test]
fn a_storm_of_handshakes_is_answered_once_a_second() {
    let mut siege = Siege::new(647);
    let since = siege.world.sent.len();
    for n in 0..500 {
        let id = siege.mallory.id.clone();
        let keys = siege.mallory.keys.public();
        let mut packet = Packet::keys_request(&keys, request(&format!("storm-{n}")), id);
        let stamped = siege.mallory.packet(Kind::Handshake, &siege.world);
        (packet.physical_time, packet.logical_time) = (stamped.physical_time, 1);
        let frame = siege.mallory.sign(packet);
        siege.relay(&frame);
        siege.world.run_ms(20);
    }
    let answers = siege.world.sent_since(since, Kind::Handshake).len();
    assert!((3..=3 * 12).contains(&answers), "{answers} answers of three in ten seconds");
    assert!(siege.drops(ALICE, Why::TooOften) > 400);
    // Strangers without number, who never tell their keys.
    let since = siege.world.sent.len();
    for n in 0..300 {
        let stranger = Rogue::new(&format!("stranger-{n}"), n);
        let mut packet = siege.mallory.packet(Kind::SyncReq, &siege.world);
        packet.sender = stranger.id;
        siege.world.inject(CAROL, packet.encode());
    }
    let asked = siege.world.sent_since(since, Kind::Handshake).len();
    assert!(asked <= 300, "each is asked once, not {asked}");
    siege.holds();
}

/// Payloads that are much too much, or no JSON at all.
fn monsters() -> Vec<Vec<u8>> {
    let deep = |open: &str, close: &str| open.repeat(8_000) + &close.repeat(8_000);
    let text = [
        deep("[", "]"),
        deep(r#"{"a":"#, "}"),
        format!(r#"{{"tasks":{}}}"#, deep("[", "]")),
        format!(r#"{{"$meta":{}}}"#, deep(r#"{"a":"#, "}")),
        format!(r#"{{"$later":{}}}"#, deep("[", "]")),
        format!(r#"{{"type":{}}}"#, deep("[", "]")),
        format!(r#"{{"type":"{}"}}"#, "x".repeat(30_000)),
        format!(r#"{{"v":2,"count":1,"hash":"{}","alg":"setsum-sha256"}}"#, "0".repeat(30_000)),
        "\u{0}".repeat(100),
        "nul".into(),
    ];
    let mut all: Vec<Vec<u8>> = text.map(String::into_bytes).to_vec();
    all.push(vec![0xff; 4000]);
    all
}

#[test]
fn json_that_is_too_deep_is_none() {
    let mut siege = Siege::new(648);
    let kinds = [
        Kind::SyncReq,
        Kind::DataChunk,
        Kind::ConsistencyCheck,
        Kind::UnicastReq,
        Kind::UnicastAck,
    ];
    let digest = siege.world.members[ALICE].digest();
    for kind in kinds {
        for monster in monsters() {
            let fits = monster.len() <= 48 << 10;
            assert!(fits);
            siege.send(kind, ALICE, &monster);
        }
    }
    assert!(siege.drops(ALICE, Why::BadPayload) > 20);
    // In the value of a row it is a text like others, and in that of a role it gives nothing.
    let deep = "[".repeat(9_000);
    let task = siege.row("deep", &deep, 0);
    siege.change(ALICE, &format!(r#"{{"tasks":[{task}]}}"#));
    assert_eq!(siege.world.members[ALICE].value("tasks", "deep"), Some(deep.clone()));
    assert_ne!(siege.world.members[ALICE].digest(), digest);
    siege.world.write(ALICE, "roles", "deep", Some(&deep));
    siege.holds();
}

#[test]
fn a_changeset_of_too_many_rows_is_none() {
    let mut siege = Siege::new(649);
    let row = siege.row("1", "x", 0);
    let rows = vec![row.as_str(); syncline_protocol::dialects::peer::rows::ROWS_MAX + 1].join(",");
    let before = siege.world.members[ALICE].counts();
    siege.change(ALICE, &format!(r#"{{"tasks":[{rows}]}}"#));
    assert_eq!(siege.drops(ALICE, Why::BadPayload), 1);
    assert_eq!(siege.world.members[ALICE].counts(), before);
    // A row that is too large is refused alone.
    let (large, small) = (siege.row("large", &"x".repeat(9 << 20), 0), siege.row("small", "x", 0));
    siege.change(ALICE, &format!(r#"{{"tasks":[{large},{small}]}}"#));
    assert_eq!(siege.world.members[ALICE].value("tasks", "large"), None);
    assert_eq!(siege.world.members[ALICE].value("tasks", "small").as_deref(), Some("x"));
    siege.world.inject(ALICE, Bytes::from(vec![0; 1 << 20]));
    assert_eq!(siege.drops(ALICE, Why::TooLarge), 1);
    siege.holds();
}
