//! What a participant gets that comes back: stored packets after the last one it has, then the live ones.

use bytes::Bytes;
use syncline_protocol::{
    dialect::{Ended, Member},
    dialects::peer::relay::{Control, Handshake, Settings, Stored},
};

use super::double::{DATA_CHUNK, Got, SYNC_REQ, UNKNOWN, World, broadcast, handshake, packet};

fn reader(name: &str, since_seq: u64) -> Handshake {
    Handshake { may_read_history: true, since_seq: Some(since_seq), ..handshake(name) }
}

/// Six stored packets of alice and bob.
fn stored() -> (World, Vec<Bytes>) {
    let mut world = World::new(Settings::default());
    let (alice, bob) = (world.join("alice"), world.join("bob"));
    let frames = vec![
        broadcast(DATA_CHUNK, "alice", b"1"),
        packet(DATA_CHUNK, "r", "alice", "bob", b"2"),
        packet(DATA_CHUNK, "r", "alice", "carol", b"3"),
        broadcast(DATA_CHUNK, "bob", b"4"),
        packet(DATA_CHUNK, "r", "bob", "dave", b"5"),
        packet(DATA_CHUNK, "r", "bob", "alice", b"6"),
    ];
    for frame in &frames {
        let from = if Stored::decode(&record(frame)).unwrap().route.sender_id == "bob" {
            bob
        } else {
            alice
        };
        world.send(from, frame);
    }
    world.clear();
    (world, frames)
}

fn record(frame: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    Stored::encode(syncline_protocol::dialect::UnixMillis(7), frame, &mut record);
    record
}

fn replayed(world: &mut World, member: Member) -> Vec<Got> {
    let got = world.got(member);
    assert!(matches!(got[0].control(), Control::Welcome(_)), "the welcome comes first");
    got[1..].to_vec()
}

fn packets(frames: &[Bytes], which: &[usize]) -> Vec<Got> {
    which.iter().map(|&which| Got::Packet(frames[which - 1].clone())).collect()
}

/// Check 36.
#[test]
fn data_alone_is_stored_byte_for_byte() {
    let mut world = World::new(Settings::default());
    let alice = world.join("alice");
    for kind in (0..=9).chain([UNKNOWN]) {
        world.send(alice, &broadcast(kind, "alice", b"value"));
    }
    let [record] = &world.memory.log[..] else { panic!("{:?}", world.memory.log) };
    let stored = Stored::decode(record).unwrap();
    assert_eq!(stored.frame, broadcast(DATA_CHUNK, "alice", b"value"));
    assert_eq!((stored.received_at, stored.route.kind), (world.now, DATA_CHUNK));
}

#[test]
fn a_room_that_stores_nothing_passes_everything_on() {
    let mut world = World::new(Settings { store: false, ..Settings::default() });
    let (alice, bob) = (world.join("alice"), world.join_quietly("bob"));
    world.send(alice, &broadcast(DATA_CHUNK, "alice", b""));
    assert_eq!((world.got(bob).len(), world.memory.log.len()), (1, 0));
}

#[test]
fn a_newcomer_gets_what_was_for_all_and_for_it() {
    let (mut world, frames) = stored();
    let carol = world.connect(reader("carol", 0));
    assert_eq!(replayed(&mut world, carol), packets(&frames, &[1, 3, 4]));
    let live = broadcast(SYNC_REQ, "carol", b"");
    world.send(carol, &live);
    assert_eq!(world.got(carol), []);
    let eve = world.connect(reader("eve", 0));
    assert_eq!(replayed(&mut world, eve), packets(&frames, &[1, 4]));
}

#[test]
fn nobody_gets_its_own_packets_again() {
    let (mut world, frames) = stored();
    let alice = world.connect(reader("alice", 0));
    assert_eq!(replayed(&mut world, alice), packets(&frames, &[4, 6]));
}

#[test]
fn what_somebody_has_is_not_replayed() {
    let (mut world, frames) = stored();
    for (since, expected) in [(3, &[4][..]), (4, &[]), (6, &[]), (7, &[]), (u64::MAX, &[])] {
        let carol = world.connect(reader("carol", since));
        assert_eq!(replayed(&mut world, carol), packets(&frames, expected), "{since}");
        let dave = world.connect(reader("dave", since));
        let of_dave: Vec<usize> = [1, 4, 5].into_iter().filter(|&seq| seq as u64 > since).collect();
        assert_eq!(replayed(&mut world, dave), packets(&frames, &of_dave), "{since}");
    }
}

#[test]
fn who_may_not_read_history_gets_none() {
    let (mut world, _) = stored();
    let handshake = Handshake { may_read_history: false, ..reader("carol", 0) };
    let carol = world.connect(handshake);
    assert_eq!(replayed(&mut world, carol), []);
    // Nor does who does not ask for it.
    let handshake = Handshake { since_seq: None, ..reader("dave", 0) };
    let dave = world.connect(handshake);
    assert_eq!(replayed(&mut world, dave), []);
}

#[test]
fn what_is_too_old_is_not_replayed_even_if_nobody_swept() {
    let mut settings = Settings::default();
    settings.retention.age_max_ms = 1000;
    let mut world = World::new(settings);
    let alice = world.join("alice");
    world.send(alice, &broadcast(DATA_CHUNK, "alice", b"old"));
    world.end(alice, Ended::Closed);
    world.after_ms(2000);
    let bob = world.connect(reader("bob", 0));
    assert_eq!(replayed(&mut world, bob), []);
}

#[test]
fn a_record_of_another_make_is_nobodys() {
    let good = record(&broadcast(DATA_CHUNK, "alice", b""));
    assert!(Stored::decode(&good).is_some());
    let mut other_form = good.clone();
    other_form[0] = 2;
    let twice = record(&[&good[9..], &b"\x08\x02"[..]].concat());
    for record in [&b""[..], &good[..8], &other_form, &twice] {
        assert!(Stored::decode(record).is_none(), "{record:?}");
    }
}

#[test]
fn who_may_see_a_stored_packet() {
    let visible = |target: &str| {
        let record = record(&packet(DATA_CHUNK, "r", "alice", target, b""));
        let stored = Stored::decode(&record).unwrap();
        ["alice", "bob", "carol"]
            .map(|name| (stored.is_visible_to(name), stored.is_replayed_to(name)))
    };
    assert_eq!(visible(""), [(true, false), (true, true), (true, true)]);
    assert_eq!(visible("bob"), [(true, false), (true, true), (false, false)]);
}
