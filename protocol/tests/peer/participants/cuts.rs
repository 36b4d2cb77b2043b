//! Power that is lost between two writes of one decision.

use syncline_protocol::dialects::peer::{
    id::PeerId,
    kind::RoomKind,
    now::Now,
    packet::{Kind, Packet},
    participant::{Edit, OpenError, Opening, Output, Participant, Settings, Welcome},
};

use super::{
    rogue::Rogue,
    world::{ROOM, START_MS, Seeded, World},
};
use crate::simulation::disk::Disk;

/// Changes after which the power may be cut, at most.
const CUTS: usize = 12;

fn opening<S>(name: &str, is_host: bool, store: S) -> Opening<S> {
    Opening {
        room: ROOM.to_owned(),
        kind: RoomKind::Data,
        me: PeerId::new(name).unwrap(),
        settings: Settings::default(),
        store,
        random: Box::new(Seeded(name.len() as u64)),
        is_host,
        expected_host: None,
    }
}

fn now() -> Now {
    let elapsed = std::time::Duration::from_secs(1);
    Now { elapsed, wall_micros: START_MS * 1000 + 1_000_000 }
}

fn up(store: Disk, name: &str, is_host: bool) -> Participant<Disk> {
    let mut participant = Participant::open(opening(name, is_host, store), now()).unwrap();
    participant.connected(Welcome::default(), now());
    participant.outputs().unwrap();
    participant
}

fn group(owner: &str) -> Vec<Edit> {
    let edit = |table: &str, id: &str, value: String| Edit {
        table: table.into(),
        id: id.into(),
        value: Some(value),
    };
    let settings = format!(r#"{{"name":"lobby","ownerId":"{owner}"}}"#);
    vec![edit("group_settings", "g", settings), edit("members", owner, "{}".into())]
}

#[test]
fn who_had_the_key_before_the_group_does_not_keep_it_through_a_cut() {
    let mut founded = 0;
    for kept in 0..CUTS {
        let disk = Disk::default();
        let mut alice = up(disk.clone(), "alice", true);
        let mut eve = Rogue::new("eve", 3);
        let announcement = eve.announcement(&World::new(1));
        alice.received(announcement, now());
        alice.outputs().unwrap();
        assert_eq!(alice.epoch(), Some(1), "Eve has it, too");
        alice.write(group("alice"), now()).unwrap();
        drop(alice);
        disk.cut_power(kept);
        let alice = up(disk, "alice", true);
        if alice.get("group_settings", "g").unwrap().is_some() {
            founded += 1;
            assert!(alice.epoch() >= Some(2), "{kept} changes were kept");
        }
    }
    assert!(founded > 1);
}

#[test]
fn a_key_that_a_stranger_gave_is_not_kept_through_a_cut() {
    let mut founded = 0;
    for kept in 0..CUTS {
        let disk = Disk::default();
        let mut bob = up(disk.clone(), "bob", false);
        let mut eve = Rogue::new("eve", 3);
        let world = World::new(1);
        let mut frames = vec![eve.announcement(&world)];
        let key = data_encoding::BASE64.encode(&[9; 32]);
        let share = format!(r#"{{"type":"GSK_SHARE","key":"{key}","epoch":9}}"#);
        let packet = eve.packet(Kind::UnicastReq, &world);
        let me = PeerId::new("bob").unwrap();
        let packet = eve.seal_for(packet, (&me, &bob.keys()), share.as_bytes());
        frames.push(eve.sign(packet));
        frames.into_iter().for_each(|frame| bob.received(frame, now()));
        bob.outputs().unwrap();
        assert_eq!(bob.epoch(), Some(9));
        // Alice's rows, as she sends them to Bob.
        let mut alice = up(Disk::default(), "alice", true);
        let member = Edit { table: "members".into(), id: "bob".into(), value: Some("{}".into()) };
        alice.write([group("alice"), vec![member]].concat(), now()).unwrap();
        exchange(&mut alice, &mut bob);
        drop(bob);
        disk.cut_power(kept);
        let bob = up(disk, "bob", false);
        if bob.get("group_settings", "g").unwrap().is_some() {
            founded += 1;
            assert_ne!(bob.epoch(), Some(9), "{kept} changes were kept");
        }
    }
    assert!(founded > 1);
}

/// Lets Bob hear Alice until he knows her group; what he would release is not released any more from there.
fn exchange(alice: &mut Participant<Disk>, bob: &mut Participant<Disk>) {
    let (alices, bobs) = (PeerId::new("alice").unwrap(), PeerId::new("bob").unwrap());
    alice.joined(bobs, now());
    bob.joined(alices, now());
    let mut later = now();
    for _ in 0..2000 {
        later.elapsed += std::time::Duration::from_millis(10);
        later.wall_micros += 10_000;
        alice.due(later);
        bob.due(later);
        for output in bob.outputs().unwrap() {
            if let Output::Send(frame) = output {
                alice.received(frame, later);
            }
        }
        for output in alice.outputs().unwrap() {
            if let Output::Send(frame) = output {
                let target = Packet::decode(frame.clone()).unwrap().target;
                if target.is_none_or(|target| target.as_str() == "bob") {
                    bob.received(frame, later);
                }
                if bob.get("group_settings", "g").unwrap().is_some() {
                    return;
                }
            }
        }
    }
    panic!("Bob hears nothing of the group");
}

#[test]
fn a_store_is_one_identitys() {
    let disk = Disk::default();
    drop(up(disk.clone(), "user:Alice", true));
    drop(up(disk.clone(), "alice", true));
    let other = Participant::open(opening("bob", false, disk), now());
    assert_eq!(other.err(), Some(OpenError::OtherIdentity));
}
