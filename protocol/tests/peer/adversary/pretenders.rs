//! Who is no member pretends to have a key, to answer, or to found still; and keys that were given before a
//! member was taken out.

use std::time::Duration;

use syncline_protocol::dialects::peer::{id::CanonicalId, packet::Kind};

use super::{
    outsiders::meets,
    siege::{ALICE, BOB, CAROL, Siege},
};
use crate::participants::{rogue::hlc, world::World};

/// Requests of one since then.
fn asked_by(world: &World, since: usize, at: usize) -> usize {
    world.sent_since(since, Kind::SyncReq).iter().filter(|sent| sent.from == at).count()
}

#[test]
fn an_epoch_that_is_only_named_makes_nobody_a_member() {
    let mut siege = Siege::new(820);
    siege.world.run_secs(400);
    let mut eve = meets(&mut siege.world, BOB, "eve", 821);
    let (bob, keys) = siege.whom(BOB);
    let since = siege.world.sent.len();
    for _ in 0..4 {
        // As if there were rows that Bob lacks.
        let (zero, at) = ("0".repeat(64), hlc(&siege.world, 0, "zed"));
        let check = format!(
            r#"{{"v":2,"count":9,"records":9,"hash":"{zero}","alg":"setsum-sha256","vc":{{"zed":"{at}"}},"tables":{{}}}}"#
        );
        let mut packet = eve.packet(Kind::ConsistencyCheck, &siege.world);
        packet.key_epoch = 1;
        let packet = eve.seal_for(packet, (&bob, &keys), check.as_bytes());
        let frame = eve.sign(packet);
        siege.world.inject(BOB, frame);
        siege.world.run_secs(4);
    }
    assert_eq!(asked_by(&siege.world, since, BOB), 0, "a stranger's word makes him ask");
    siege.holds();
}

#[test]
fn who_is_no_member_answers_nothing() {
    let mut siege = Siege::new(822);
    let mut eve = meets(&mut siege.world, BOB, "eve", 823);
    // What the members answer Bob is lost.
    siege.world.fate = Box::new(|sent, to| {
        let is_answer =
            [Kind::SyncClaim as i32, Kind::DataChunk as i32].contains(&sent.packet.kind);
        (to != BOB || !is_answer).then_some(Duration::ZERO)
    });
    siege.world.disconnect(BOB);
    let since = siege.world.sent.len();
    siege.world.connect(BOB);
    let now = siege.world.now(BOB);
    siege.world.members[BOB].joined(eve.id.clone(), now);
    siege.world.run_secs(1);
    let (bob, keys) = siege.whom(BOB);
    let asked = siege.world.sent_since(since, Kind::SyncReq);
    let asked: Vec<_> = asked.iter().filter(|sent| sent.from == BOB).collect();
    let request = asked.last().unwrap().packet.request.clone();
    let mut packet = eve.packet(Kind::DataChunk, &siege.world);
    (packet.request, packet.chunk_count, packet.is_last_chunk) = (request, 1, true);
    let packet = eve.seal_for(packet, (&bob, &keys), b"{}");
    let frame = eve.sign(packet);
    siege.world.inject(BOB, frame);
    assert!(!siege.world.members[BOB].is_synced(), "a stranger has answered");
    siege.world.fate = Box::new(|_, _| Some(Duration::ZERO));
    siege.world.run_secs(60);
    assert!(siege.world.members[BOB].is_synced());
    siege.holds();
}

#[test]
fn who_comes_after_a_removal_is_not_given_the_key_from_before() {
    let mut siege = Siege::new(824);
    // Carol may take members in and out, and give nobody another key.
    let lets_in = 1 << 2 | 1 << 26;
    let role = format!(r#"{{"name":"doors","position":5,"permissions":{lets_in}}}"#);
    siege.world.write(ALICE, "roles", "doors", Some(&role));
    siege.world.write(ALICE, "members", "carol", Some(r#"{"roleIds":["doors"]}"#));
    siege.world.run_secs(60);
    siege.world.disconnect(ALICE);
    siege.world.disconnect(BOB);
    let now = siege.world.now(CAROL);
    siege.world.members[CAROL].remove_member(&CanonicalId::of("mallory"), now).unwrap();
    siege.world.run_secs(10);
    siege.world.write(CAROL, "members", "dave", Some(r#"{"roleIds":["member"]}"#));
    let since = siege.world.sent.len();
    let dave = siege.world.enter_invited("dave", CAROL);
    siege.world.run_secs(30);
    assert_eq!(siege.world.members[dave].epoch(), None, "what Mallory has");
    siege.world.write(dave, "tasks", "secret", Some("after"));
    siege.world.run_secs(10);
    assert_eq!(siege.world.members[CAROL].value("tasks", "secret").as_deref(), Some("after"));
    for sent in &siege.world.sent[since..] {
        assert_ne!(sent.packet.key_epoch, 1, "{:?} is Mallory's to read", sent.packet.kind());
    }
    siege.world.connect(ALICE);
    siege.world.connect(BOB);
    siege.world.run_secs(60);
    assert_eq!(siege.world.members[dave].epoch(), Some(2));
    siege.holds();
}

#[test]
fn a_key_that_comes_when_a_removal_is_known_is_behind_it() {
    let mut siege = Siege::new(826);
    // The clock of Bob's rows is ahead, and so are all that come after them.
    siege.world.members[BOB].wall_off_ms = 40_000;
    siege.world.write(BOB, "tasks", "ahead", Some("x"));
    siege.world.run_secs(5);
    let now = siege.world.now(ALICE);
    siege.world.members[ALICE].remove_member(&CanonicalId::of("mallory"), now).unwrap();
    siege.world.run_secs(5);
    let since = siege.world.sent.len();
    siege.world.write(ALICE, "tasks", "1", Some("x"));
    let sent = siege.world.sent_since(since, Kind::DataChunk);
    assert_eq!((sent.len(), sent[0].packet.key_epoch), (1, 2), "one packet for all");
    siege.holds();
}
