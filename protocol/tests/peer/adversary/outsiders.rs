//! Who is no member, or bears another's name: nothing is given to it, also by who has only just come.

use syncline_protocol::dialects::peer::{
    access,
    chunks::{Place, Reassembly},
    id::{CanonicalId, PeerId},
    packet::Kind,
    participant::{Event, Why},
    rows::{Changes, VersionVector},
    seal,
};

use super::siege::{ALICE, BOB, CAROL, Siege};
use crate::participants::{
    rogue::{Rogue, hlc, row},
    world::{ROOM, Sent, World},
};

/// What was sent to one alone since then.
fn sent_to(world: &World, since: usize, kind: Kind, to: &PeerId) -> usize {
    let sent = world.sent_since(since, kind);
    sent.iter().filter(|sent| sent.packet.target.as_ref() == Some(to)).count()
}

/// Somebody who is in the room, and whose keys one participant knows.
pub(super) fn meets(world: &mut World, at: usize, name: &str, seed: u64) -> Rogue {
    let mut rogue = Rogue::new(name, seed);
    world.ghosts.push(rogue.id.clone());
    let now = world.now(at);
    world.members[at].joined(rogue.id.clone(), now);
    let announcement = rogue.announcement(world);
    world.inject(at, announcement);
    rogue
}

/// Says something to one alone.
fn says(world: &mut World, rogue: &mut Rogue, kind: Kind, to: usize, plaintext: &[u8]) {
    let (id, keys) = (world.members[to].id.clone(), world.members[to].keys());
    let packet = rogue.packet(kind, world);
    let packet = rogue.seal_for(packet, (&id, &keys), plaintext);
    let frame = rogue.sign(packet);
    world.inject(to, frame);
}

#[test]
fn ones_own_name_in_another_spelling_is_nobodys() {
    let mut siege = Siege::new(800);
    let since = siege.world.sent.len();
    let mut twin = meets(&mut siege.world, ALICE, "user:ALICE", 801);
    let (alice, keys) = siege.whom(ALICE);
    let role = row("twins", r#"{"permissions":-1}"#, &hlc(&siege.world, 0, "t"));
    let json = format!(r#"{{"roles":[{role}]}}"#);
    for frame in twin.changes_for(&siege.world, (&alice, &keys), &json) {
        siege.world.inject(ALICE, frame);
    }
    says(&mut siege.world, &mut twin, Kind::UnicastReq, ALICE, br#"{"type":"GSK_REQ"}"#);
    says(&mut siege.world, &mut twin, Kind::SyncReq, ALICE, b"{}");
    siege.world.run_secs(30);
    assert_eq!(siege.world.members[ALICE].value("roles", "twins"), None, "as if the owner said it");
    for kind in [Kind::UnicastReq, Kind::DataChunk] {
        assert_eq!(sent_to(&siege.world, since, kind, &twin.id), 0, "{kind:?}");
    }
    siege.holds();
}

#[test]
fn who_was_just_invited_gives_nothing_to_strangers() {
    let mut world = World::new(802);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob", "carol", "dave"]);
    let bob = world.enter_invited("bob", alice);
    let carol = world.enter_invited("carol", alice);
    world.write(alice, "tasks", "1", Some("secret"));
    world.run_secs(10);
    world.disconnect(alice);
    world.disconnect(carol);
    // His host is away: what he gets is Bob's, and he does not know yet who is a member.
    let dave = world.enter_invited("dave", carol);
    world.run_secs(10);
    assert_eq!(world.members[dave].value("tasks", "1").as_deref(), Some("secret"));
    assert_eq!(world.members[dave].value("group_settings", "g"), None);
    let since = world.sent.len();
    let mut eve = meets(&mut world, dave, "eve", 803);
    says(&mut world, &mut eve, Kind::SyncReq, dave, b"{}");
    world.write(dave, "tasks", "2", Some("his own"));
    world.run_secs(30);
    assert_eq!(sent_to(&world, since, Kind::DataChunk, &eve.id), 0, "rows for a stranger");
    world.connect(carol);
    world.connect(alice);
    world.run_secs(60);
    assert_eq!(world.members[bob].value("tasks", "2").as_deref(), Some("his own"));
    world.assert_same();
}

#[test]
fn half_of_a_group_is_completed_by_its_host() {
    let mut world = World::new(804);
    let alice = world.enter("alice");
    world.found_group(alice, &["bob"]);
    world.write(alice, "members", "carol", Some(r#"{"roleIds":["admin"]}"#));
    let bob = world.enter_invited("bob", alice);
    let carol = world.enter_invited("carol", alice);
    world.run_secs(10);
    // Carol lets Dave in and goes. Bob can show what she has signed, and nothing else of the group.
    world.write(carol, "members", "dave", Some(r#"{"roleIds":["member"]}"#));
    world.run_secs(5);
    world.disconnect(carol);
    world.disconnect(alice);
    let dave = world.enter_invited("dave", carol);
    world.run_secs(60);
    assert_eq!(world.members[dave].value("group_settings", "g"), None);
    assert!(world.members[dave].value("members", "dave").is_some());
    // She is back when Bob is away, and Dave asks her what is new.
    world.disconnect(dave);
    world.disconnect(bob);
    world.connect(carol);
    world.connect(dave);
    world.run_secs(120);
    assert!(world.members[dave].value("group_settings", "g").is_some());
    assert_eq!(world.members[dave].digest(), world.members[carol].digest());
    world.connect(alice);
    world.connect(bob);
    world.run_secs(60);
    world.assert_same();
}

#[test]
fn who_is_no_member_says_nothing_of_what_is_here() {
    for is_removed in [false, true] {
        let mut siege = Siege::new(806);
        let name = if is_removed { "mallory" } else { "stranger" };
        let mut rogue = match is_removed {
            true => {
                let now = siege.world.now(ALICE);
                let name = CanonicalId::of(name);
                siege.world.members[ALICE].remove_member(&name, now).unwrap();
                siege.world.run_secs(5);
                std::mem::replace(&mut siege.mallory, Rogue::new("nobody", 1))
            }
            false => meets(&mut siege.world, BOB, name, 807),
        };
        let before: VersionVector = siege.world.members[BOB].frontier().clone();
        let claims: Vec<String> = before
            .iter()
            .map(|at| format!(r#""{}":"{}""#, at.node, hlc(&siege.world, 50, at.node.as_str())))
            .collect();
        let (bob, keys) = siege.whom(BOB);
        for kind in ["sync", "live"] {
            let vc = claims.join(",");
            let json = format!(r#"{{"$meta":{{"v":2,"kind":"{kind}","vc":{{{vc}}}}}}}"#);
            for frame in rogue.changes_for(&siege.world, (&bob, &keys), &json) {
                siege.world.inject(BOB, frame);
            }
        }
        assert_eq!(siege.world.members[BOB].frontier(), &before, "{name}");
        siege.holds();
    }
}

#[test]
fn strangers_are_not_told_who_has_written() {
    let mut siege = Siege::new(808);
    let since = siege.world.sent.len();
    let eve = meets(&mut siege.world, BOB, "eve", 809);
    // Nobody of the group answers Bob, who lacks something.
    siege.world.fate = Box::new(|sent, to| {
        let is_answer = [Kind::SyncClaim, Kind::DataChunk]
            .iter()
            .any(|kind| sent.packet.kind == *kind as i32 && sent.packet.target.is_some());
        (to != BOB || !is_answer).then_some(std::time::Duration::ZERO)
    });
    siege.world.disconnect(BOB);
    siege.world.connect(BOB);
    let now = siege.world.now(BOB);
    siege.world.members[BOB].joined(eve.id.clone(), now);
    siege.world.run_secs(180);
    let asked = siege.world.sent_since(since, Kind::SyncReq).len();
    assert!(asked > 10, "{asked} requests");
    let keys = siege.world.members[BOB].keys();
    for sent in siege.world.sent_since(since, Kind::SyncReq) {
        if sent.packet.target.as_ref() == Some(&eve.id) {
            let key = seal::pairwise_key(ROOM, &eve.keys, &keys).unwrap();
            let said = key.open(&sent.packet.bound(ROOM), &sent.packet.payload).unwrap();
            assert_eq!(said.as_slice(), b"{}", "who has written, and when");
        }
    }
    siege.world.fate = Box::new(|_, _| Some(std::time::Duration::ZERO));
    siege.holds();
    // Once she is let in she is asked like all others.
    siege.world.write(ALICE, "members", "eve", Some(r#"{"roleIds":["member"]}"#));
    siege.world.run_secs(5);
    let since = siege.world.sent.len();
    siege.world.disconnect(BOB);
    siege.world.connect(BOB);
    let now = siege.world.now(BOB);
    siege.world.members[BOB].joined(eve.id.clone(), now);
    siege.world.run_secs(5);
    assert!(sent_to(&siege.world, since, Kind::SyncReq, &eve.id) > 0);
}

#[test]
fn what_a_stranger_seals_with_an_unknown_key_makes_nobody_ask() {
    let mut siege = Siege::new(810);
    let mut eve = Rogue::new("eve", 811);
    siege.world.ghosts.push(eve.id.clone());
    let announcement = eve.announcement(&siege.world);
    siege.relay(&announcement);
    siege.world.run_secs(60);
    let since = siege.world.sent.len();
    for _ in 0..20 {
        let packet = eve.packet(Kind::DataChunk, &siege.world);
        let packet = eve.seal_for_group(packet, (&[7; 32], 2), b"{}");
        let frame = eve.sign(packet);
        siege.relay(&frame);
        siege.world.run_secs(3);
    }
    let (asked, keys) = (Kind::SyncReq, Kind::UnicastReq);
    let asked = siege.world.sent_since(since, asked).len();
    assert!(asked <= 6, "{asked} requests for rows");
    // Pings are of this kind, too: one in a minute to each of the others.
    let keys = siege.world.sent_since(since, keys).len();
    assert!(keys <= 2 * 9, "{keys} requests for keys");
    assert!(siege.drops(CAROL, Why::Malformed) == 0);
    siege.holds();
}

#[test]
fn who_was_removed_reads_nothing_of_who_has_only_the_old_key() {
    let mut siege = Siege::new(812);
    siege.world.disconnect(BOB);
    let now = siege.world.now(ALICE);
    siege.world.members[ALICE].remove_member(&CanonicalId::of("mallory"), now).unwrap();
    siege.world.run_secs(10);
    assert_eq!(siege.world.members[CAROL].epoch(), Some(2));
    siege.world.disconnect(ALICE);
    siege.world.run_secs(60);
    // Carol tells Bob who was taken out. She may not give him the new key, and Mallory has the old one.
    siege.world.connect(BOB);
    siege.world.run_secs(20);
    assert_eq!(siege.world.members[BOB].value("members", "mallory"), None);
    assert_eq!(siege.world.members[BOB].epoch(), Some(1));
    for restarts in [false, true] {
        if restarts {
            siege.world.restart_kept(BOB);
            siege.world.connect(BOB);
            siege.world.run_secs(10);
        }
        let since = siege.world.sent.len();
        siege.world.write(BOB, "tasks", "secret", Some(&format!("after {restarts}")));
        siege.world.run_secs(60);
        for sent in siege.world.sent[since..].iter().filter(|sent| sent.from == BOB) {
            let Sent { packet, .. } = sent;
            assert!(packet.key_epoch != 1, "{:?} of Bob's is Mallory's to read", packet.kind());
            assert_ne!(packet.target, Some(siege.mallory.id.clone()));
        }
        let seen = siege.world.members[CAROL].value("tasks", "secret");
        assert_eq!(seen, Some(format!("after {restarts}")));
    }
    siege.world.connect(ALICE);
    siege.world.run_secs(20);
    assert_eq!(siege.world.members[BOB].epoch(), Some(2));
    let since = siege.world.sent.len();
    siege.world.write(BOB, "tasks", "secret", Some("for all"));
    let sent = siege.world.sent_since(since, Kind::DataChunk);
    assert_eq!((sent.len(), sent[0].packet.key_epoch), (1, 2));
    siege.holds();
}

#[test]
fn who_was_removed_is_told_so() {
    for is_away in [false, true] {
        let mut siege = Siege::new(814);
        if is_away {
            siege.world.disconnect(BOB);
        }
        let now = siege.world.now(ALICE);
        siege.world.members[ALICE].remove_member(&CanonicalId::of("bob"), now).unwrap();
        siege.world.run_secs(5);
        if is_away {
            siege.world.connect(BOB);
            siege.world.run_secs(10);
        }
        assert_eq!(siege.saw(BOB, |event| *event == Event::Removed), 1, "away: {is_away}");
        assert!(siege.world.members[BOB].is_removed());
        // He is let in again, and need not come anew to hear of it.
        siege.world.write(ALICE, "members", "bob", Some(r#"{"roleIds":["member"]}"#));
        siege.world.run_secs(60);
        assert!(!siege.world.members[BOB].is_removed());
        siege.holds();
    }
    // A member says it to a member: nobody heeds that.
    let mut siege = Siege::new(816);
    siege.send_all(Kind::UnicastAck, br#"{"ok":false,"code":"not_member"}"#);
    assert!((ALICE..=CAROL).all(|at| !siege.world.members[at].is_removed()));
}

#[test]
fn signatures_stay_only_with_rows_that_are_judged_by_them() {
    // To check one takes as long as to merge many rows: nobody is to be kept busy with those that say nothing.
    let mut siege = Siege::new(818);
    let plain = siege.row("mine", "x", 0);
    let changes = Changes::from_json(format!(r#"{{"tasks":[{plain}]}}"#).as_bytes()).unwrap();
    let sig = siege.mallory.keys.sign(&access::signed_bytes(ROOM, &changes.rows[0]));
    let sig = data_encoding::BASE64.encode(&sig);
    let auth = format!(r#"{{"tasks/mine":{{"by":"mallory","sig":"{sig}"}}}}"#);
    let meta = format!(r#"{{"v":2,"kind":"sync","vc":{{}},"auth":{auth}}}"#);
    siege.change(BOB, &format!(r#"{{"tasks":[{plain}],"$meta":{meta}}}"#));
    assert_eq!(siege.world.members[BOB].value("tasks", "mine").as_deref(), Some("x"));
    // What Bob has of it, as he answers Mallory.
    let since = siege.world.sent.len();
    siege.send(Kind::SyncReq, BOB, b"{}");
    siege.world.run_secs(1);
    let keys = siege.world.members[BOB].keys();
    let key = seal::pairwise_key(ROOM, &siege.mallory.keys, &keys).unwrap();
    let sent = siege.world.sent_since(since, Kind::DataChunk);
    let sent = sent.iter().find(|sent| sent.packet.target.as_ref() == Some(&siege.mallory.id));
    let packet = &sent.unwrap().packet;
    let piece = key.open(&packet.bound(ROOM), &packet.payload).unwrap();
    let place = Place {
        index: packet.chunk_index,
        count: packet.chunk_count,
        is_last: packet.is_last_chunk,
        uncompressed_size: packet.uncompressed_size,
        epoch: packet.key_epoch,
    };
    let now = siege.world.now(BOB);
    let json = Reassembly::default().take(&keys.sign, &packet.request, place, &piece, now);
    let json = String::from_utf8(json.unwrap().unwrap()).unwrap();
    assert!(json.contains(r#""id":"mine""#) && json.contains("members/bob"), "{json}");
    assert!(!json.contains("tasks/mine"), "{json}");
}
