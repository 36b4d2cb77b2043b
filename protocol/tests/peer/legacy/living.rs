//! What an original client and participants of ours do together.

use std::time::Duration;

use syncline_protocol::dialects::peer::{
    packet::Kind,
    participant::{Event, Participant, Settings, Why},
    store::{Space, Store as _},
};

use super::{
    client::Old,
    room::Room,
    wire::{DATA_CHUNK, SYNC_CLAIM},
};

/// Alice, who owns the group, and Bob, with a row that Alice wrote; the original client is a member.
fn room(seed: u64) -> (Room, usize, usize, Old) {
    let mut room = Room::new(seed);
    let alice = room.enter_old("user:alice", None);
    room.found_group(alice, &["user:bob", "user:vic"]);
    room.write(alice, "tasks", "early", Some("of alice"));
    let bob = room.enter_old("user:bob", Some("user:alice"));
    room.run_secs(10);
    (room, alice, bob, Old::new("user:vic", seed + 1))
}

/// Version 1 is for the original client alone, and each packet to it is whole and has no word of version 2.
fn assert_versions(room: &Room, old: &Old) {
    for sent in &room.sent {
        let packet = &sent.packet;
        let is_for_old = packet.target.as_ref().is_some_and(|target| target.as_str() == old.id);
        if packet.version < 2 {
            assert!(is_for_old, "{packet:?}");
            assert_eq!((packet.chunk_count, packet.key_epoch, packet.uncompressed_size), (0, 0, 0));
        }
        let is_private = !matches!(packet.kind(), Some(Kind::Handshake | Kind::UnicastReq));
        assert!(!is_for_old || packet.version < 2 || !is_private, "{packet:?}");
    }
}

#[test]
fn it_joins_gets_the_key_reads_and_writes() {
    let (mut room, alice, bob, mut vic) = room(200);
    room.join(&mut vic);
    room.live(&mut vic, 10);
    assert!(vic.group_key.is_some(), "it was given the group's key");
    for at in [alice, bob] {
        let keys = room.members[at].keys();
        let theirs = vic.peers[room.members[at].id.as_str()];
        assert_eq!((theirs.sign, theirs.exchange), (keys.sign, keys.exchange));
    }
    assert_eq!(vic.value("tasks", "early").as_deref(), Some("of alice"), "it asked for rows");

    room.write(alice, "tasks", "live", Some("of alice"));
    room.write(bob, "notes", "live", Some("of bob"));
    room.carry(&mut vic);
    assert_eq!(vic.value("tasks", "live").as_deref(), Some("of alice"));
    assert_eq!(vic.value("notes", "live").as_deref(), Some("of bob"));
    room.write(alice, "tasks", "live", None);
    room.carry(&mut vic);
    assert_eq!(vic.value("tasks", "live"), None, "it is deleted");

    room.run_ms(50);
    vic.ms = room.ms();
    vic.write("tasks", "old", "of vic");
    room.carry(&mut vic);
    for at in [alice, bob] {
        assert_eq!(room.members[at].value("tasks", "old").as_deref(), Some("of vic"));
    }
    room.live(&mut vic, 60);
    room.assert_same();
    assert_versions(&room, &vic);
    assert!(vic.unread > 0, "what is of version 2 it drops");
    assert_eq!(room.members[alice].drops(Why::VersionFloor), 0);
}

#[test]
fn what_it_wrote_before_is_asked_of_it_whatever_its_answers_are_named() {
    for echoes in [false, true] {
        let mut room = Room::new(210);
        let mut vic = Old::new("user:vic", 211);
        (vic.ms, vic.echoes) = (room.ms(), echoes);
        for (at, id) in ["1", "2", "3"].into_iter().enumerate() {
            let row = vic.row(id, "of vic", &format!("{at:04X}"));
            vic.rows.insert(("tasks".into(), id.into()), row);
        }
        let alice = room.enter_old("user:alice", None);
        room.join(&mut vic);
        room.live(&mut vic, 10);
        assert_eq!(room.members[alice].rows("tasks").unwrap().len(), 3);
        let synced =
            |event: &Event| matches!(event, Event::Synced { with } if with.as_str() == "user:vic");
        assert!(
            room.members[alice].saw(synced) > 0,
            "the answer ends the request, echoes: {echoes}"
        );
        let asked = room.sent_since(0, Kind::SyncReq).len();
        room.live(&mut vic, 60);
        assert_eq!(room.sent_since(0, Kind::SyncReq).len(), asked, "it is not asked again");
    }
}

#[test]
fn many_rows_come_in_whole_packets_and_one_that_fits_in_none_does_not() {
    let (mut room, alice, _, mut vic) = room(220);
    for n in 0..300 {
        room.write(alice, "tasks", &format!("{n:03}"), Some(&"x".repeat(1000)));
    }
    room.write(alice, "tasks", "huge", Some(&"x".repeat(100_000)));
    room.join(&mut vic);
    room.live(&mut vic, 10);
    let tasks = vic.rows.keys().filter(|(table, _)| table == "tasks").count();
    assert_eq!(tasks, 301, "all but the one of 100,000 bytes");
    assert_eq!(vic.value("tasks", "huge"), None);
    let chunks = vic.taken.iter().filter(|kind| **kind == DATA_CHUNK).count();
    assert!(chunks >= 6, "300 KB in packets of at most 64 KiB: {chunks}");
    let left_out: u64 = room.members.iter().map(|member| member.drops(Why::TooLarge)).sum();
    assert!(left_out > 0, "and it is counted");
    assert_versions(&room, &vic);
}

#[test]
fn one_of_several_answers_it() {
    let (mut room, _, _, mut vic) = room(230);
    room.join(&mut vic);
    room.live(&mut vic, 5);
    let (since, claims) = (room.sent.len(), vic.taken.clone());
    vic.ask_for_rows();
    room.live(&mut vic, 2);
    let answers = room.sent_since(since, Kind::DataChunk);
    let answers: Vec<_> = answers.iter().filter(|sent| sent.packet.version < 2).collect();
    assert_eq!(answers.len(), 1, "Alice and Bob hear each other's claims");
    let count = |kinds: &[i32]| kinds.iter().filter(|kind| **kind == SYNC_CLAIM).count();
    assert_eq!(count(&vic.taken) - count(&claims), 1, "and it hears one");
}

#[test]
fn who_is_no_member_gets_nothing() {
    let (mut room, alice, _, _) = room(240);
    let mut eve = Old::new("user:eve", 241);
    room.join(&mut eve);
    room.live(&mut eve, 10);
    room.write(alice, "tasks", "live", Some("of alice"));
    room.live(&mut eve, 10);
    assert_eq!((eve.group_key, eve.rows.len()), (None, 0));
    assert!(room.members[alice].drops(Why::Forbidden) > 0);
}

#[test]
fn its_clock_is_not_asked_for_the_time_nor_told_it() {
    let (mut room, alice, _, mut vic) = room(250);
    room.join(&mut vic);
    room.live(&mut vic, 30);
    vic.say(&serde_json::json!({"type": "SYNC_PING", "t0": 1.5}));
    let before = room.members[alice].drops(Why::VersionFloor);
    // The client fails on what it does not expect, an answer among it.
    room.live(&mut vic, 2);
    assert_eq!(room.members[alice].drops(Why::VersionFloor), before + 1);
}

/// What it says that it knows is the newest, and something before that may be missing.
#[test]
fn a_deletion_is_kept_while_it_was_seen_of_late() {
    let day = Duration::from_secs(24 * 60 * 60);
    let mut room = Room::new(270);
    let (alice, mut vic) = (room.enter_old("user:alice", None), Old::new("user:vic", 271));
    room.write(alice, "tasks", "1", Some("x"));
    room.write(alice, "tasks", "1", None);
    room.join(&mut vic);
    room.live(&mut vic, 10);
    assert_eq!((vic.rows.len(), vic.value("tasks", "1")), (1, None));
    room.disconnect(alice);
    room.run(29 * day);
    room.connect(alice);
    room.join(&mut vic);
    vic.ask_for_rows();
    room.live(&mut vic, 10);
    room.disconnect(alice);
    room.run(2 * day);
    let other = room.opening("user:other");
    let other = Participant::open(other, room.now(alice)).unwrap();
    let store = std::mem::replace(&mut room.members[alice].participant, other).into_store();
    let mut rows = 0;
    store.each(Space::Rows, &mut |_, _| rows += 1).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn nobody_speaks_version_1_to_who_has_spoken_version_2() {
    let mut room = Room::new(260);
    let alice = room.enter_old("user:alice", None);
    let plain = room.enter("user:bob");
    assert_eq!(Settings::default().min_version.number(), 2);
    room.run_secs(20);
    room.write(alice, "tasks", "1", Some("x"));
    room.run_secs(20);
    assert_eq!(room.members[plain].value("tasks", "1").as_deref(), Some("x"));
    assert!(room.sent.iter().all(|sent| sent.packet.version == 2));
    room.assert_same();
}
