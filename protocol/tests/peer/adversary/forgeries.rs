//! Packets that are not what they say: of others, of another time, room or version.

use syncline_protocol::dialects::peer::{
    packet::{Kind, Packet},
    participant::{Event, Why},
};

use super::siege::{ALICE, BOB, CAROL, Siege};
use crate::participants::{rogue::Rogue, world::Sent};

const KINDS: [Kind; 6] = [
    Kind::SyncReq,
    Kind::SyncClaim,
    Kind::DataChunk,
    Kind::ConsistencyCheck,
    Kind::UnicastReq,
    Kind::UnicastAck,
];

#[test]
fn nobody_speaks_in_anothers_name() {
    let mut siege = Siege::new(600);
    let bob = siege.whom(BOB).0;
    let (before, drops) =
        (siege.world.members[ALICE].digest(), siege.drops(ALICE, Why::BadSignature));
    for kind in KINDS {
        let task = siege.row("forged", "x", 0);
        let mut packet = siege.sealed(kind, ALICE, format!(r#"{{"tasks":[{task}]}}"#).as_bytes());
        packet.sender = bob.clone();
        let frame = siege.mallory.sign(packet);
        siege.world.inject(ALICE, frame);
    }
    assert_eq!(siege.drops(ALICE, Why::BadSignature), drops + KINDS.len() as u64);
    assert_eq!(siege.world.members[ALICE].digest(), before);
    siege.holds();
}

#[test]
fn a_known_key_is_not_overwritten_and_told_of_once() {
    let mut siege = Siege::new(601);
    let bob = siege.whom(BOB);
    let mut impostor = Rogue::new("bob", 602);
    for _ in 0..50 {
        let announcement = impostor.announcement(&siege.world);
        siege.world.inject(ALICE, announcement.clone());
        siege.world.inject(CAROL, announcement);
        siege.world.run_ms(100);
    }
    for at in [ALICE, CAROL] {
        assert_eq!(siege.world.members[at].keys_of(&bob.0), Some(bob.1));
        assert_eq!(siege.drops(at, Why::KeyConflict), 50);
        assert_eq!(siege.saw(at, |event| matches!(event, Event::KeyConflict { .. })), 1);
    }
    // Nor by a rotation that is not Bob's: Mallory signs it, or signs with the new key alone.
    let (to, keys) = siege.whom(ALICE);
    let mine = impostor.keys.public();
    let base64 = |bytes: &[u8]| data_encoding::BASE64.encode(bytes);
    let pop = base64(&[7; 64]);
    let (sign, enc) = (base64(&mine.sign), base64(&mine.exchange));
    let json = format!(r#"{{"type":"KEY_ROTATE","sign":"{sign}","enc":"{enc}","pop":"{pop}"}}"#);
    siege.send(Kind::UnicastReq, ALICE, json.as_bytes());
    let packet = impostor.packet(Kind::UnicastReq, &siege.world);
    let packet = impostor.seal_for(packet, (&to, &keys), json.as_bytes());
    let frame = impostor.sign(packet);
    siege.world.inject(ALICE, frame);
    assert_eq!(siege.world.members[ALICE].keys_of(&bob.0), Some(bob.1));
    let mallory = siege.mallory.keys.public();
    assert_eq!(siege.world.members[ALICE].keys_of(&siege.mallory.id.clone()), Some(mallory));
    siege.holds();
}

#[test]
fn everything_that_was_ever_said_may_be_said_again() {
    let mut siege = Siege::new(603);
    siege.world.write(ALICE, "tasks", "1", Some("old"));
    siege.world.write(ALICE, "tasks", "1", None);
    let now = siege.world.now(BOB);
    siege.world.members[BOB].rotate_keys(now).unwrap();
    siege.world.run_secs(30);
    let (bobs, epochs) = (siege.whom(BOB), siege.world.members[CAROL].epoch());
    let digest = siege.world.members[ALICE].digest();
    let again = |siege: &mut Siege| {
        let frames: Vec<_> = siege.world.sent.iter().map(|sent| sent.frame.clone()).collect();
        siege.world.members.iter_mut().for_each(|member| member.events.clear());
        for frame in frames {
            siege.relay(&frame);
        }
        for at in siege.all() {
            assert_eq!(siege.world.members[at].digest(), digest);
            assert_eq!(siege.saw(at, |event| matches!(event, Event::Changed { .. })), 0);
        }
        assert_eq!(siege.world.members[CAROL].epoch(), epochs);
        assert_eq!(siege.world.members[CAROL].keys_of(&bobs.0), Some(bobs.1), "the newer keys");
    };
    again(&mut siege);
    assert!(siege.drops(CAROL, Why::Replayed) > 10);
    // When nobody remembers them they are too old.
    siege.world.run_secs(700);
    let stale = siege.drops(CAROL, Why::Stale);
    again(&mut siege);
    assert!(siege.drops(CAROL, Why::Stale) > stale);
    siege.holds();
}

#[test]
fn what_was_said_in_another_room_says_nothing_here() {
    let mut siege = Siege::new(604);
    let mut opening = siege.world.opening("dave");
    opening.room = "room-2".into();
    let dave = siege.world.add(opening);
    siege.world.connect(dave);
    let frames: Vec<_> = siege.world.sent.iter().map(|Sent { frame, .. }| frame.clone()).collect();
    let known = |siege: &Siege| {
        (0..3)
            .filter(|at| siege.world.members[dave].keys_of(&siege.world.members[*at].id).is_some())
            .count()
    };
    for frame in frames {
        siege.world.inject(dave, frame);
    }
    assert_eq!(known(&siege), 0);
    assert!(siege.drops(dave, Why::HandshakeUnproven) >= 3);
    assert_eq!(siege.world.members[dave].counts(), (0, 0));
    let [(packets, bytes), _] = siege.world.members[dave].waiting();
    assert!(packets <= 1024 && bytes <= 4 << 20);
    siege.world.run_secs(31);
    assert_eq!(siege.world.members[dave].waiting(), [(0, 0); 2]);
}

#[test]
fn nobody_is_brought_down_to_an_older_version() {
    let mut siege = Siege::new(605);
    let digest = siege.world.members[ALICE].digest();
    let mut fresh = Rogue::new("fresh", 606);
    for version in [0, 1] {
        for kind in KINDS {
            let mut packet = siege.sealed(kind, ALICE, b"{}");
            packet.version = version;
            let frame = siege.mallory.sign(packet);
            siege.world.inject(ALICE, frame);
        }
        // Somebody who was never here, and everybody who is.
        let announced = fresh.announcement(&siege.world);
        for rogue in [&fresh, &siege.mallory] {
            let mut packet = Packet::decode(announced.clone()).unwrap();
            packet.version = version;
            packet.sender = rogue.id.clone();
            let frame = rogue.sign(packet);
            siege.world.inject(ALICE, frame);
        }
    }
    assert_eq!(siege.world.members[ALICE].digest(), digest);
    assert_eq!(siege.world.members[ALICE].keys_of(&fresh.id), None);
    assert!(siege.drops(ALICE, Why::VersionFloor) >= 2 * KINDS.len() as u64);
    siege.holds();
}
