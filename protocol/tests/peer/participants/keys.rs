//! How keys become known, and what is not believed: checks 7 and 10.

use syncline_protocol::dialects::peer::{
    packet::Kind,
    participant::{Event, HostPin, Participant, Why},
};

use super::{
    rogue::{Rogue, hlc, row},
    world::World,
};

#[test]
fn check_07_rows_of_a_stranger_wait_for_its_keys_and_are_merged_once() {
    let mut world = World::new(20);
    let alice = world.enter("alice");
    let mut bob = Rogue::new("bob", 21);
    let json = format!(r#"{{"tasks":[{}]}}"#, row("1", "one", &hlc(&world, 0, "b")));
    let (id, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    let frames = bob.changes_for(&world, (&id, &keys), &json);
    let since = world.sent.len();
    world.inject(alice, frames[0].clone());
    world.inject(alice, frames[0].clone());
    let asked = world.sent_since(since, Kind::Handshake);
    assert_eq!(asked.len(), 1, "asked once");
    assert!(asked[0].packet.payload.is_empty());
    assert_eq!(asked[0].packet.target.as_ref(), Some(&bob.id));
    assert_eq!(world.members[alice].value("tasks", "1"), None);
    let announcement = bob.announcement(&world);
    world.inject(alice, announcement);
    assert_eq!(world.members[alice].value("tasks", "1").as_deref(), Some("one"));
    assert_eq!(world.members[alice].saw(|event| matches!(event, Event::Changed { .. })), 1);
    assert_eq!(world.members[alice].drops(Why::Replayed), 1, "the second of the two that waited");
}

#[test]
fn check_10_another_key_is_not_in_force_until_the_old_one_says_so() {
    let mut world = World::new(22);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(5);
    let old = world.members[bob].keys();
    let mut impostor = Rogue::new("bob", 23);
    for _ in 0..3 {
        let announcement = impostor.announcement(&world);
        world.inject(alice, announcement);
    }
    let conflicts = world.members[alice].saw(|event| matches!(event, Event::KeyConflict { .. }));
    assert_eq!(conflicts, 1, "told once");
    let id = world.members[bob].id.clone();
    assert_eq!(world.members[alice].keys_of(&id), Some(old));
    let json = format!(r#"{{"tasks":[{}]}}"#, row("1", "forged", &hlc(&world, 0, "b")));
    let (to, keys) = (world.members[alice].id.clone(), world.members[alice].keys());
    let frames = impostor.changes_for(&world, (&to, &keys), &json);
    world.inject(alice, frames[0].clone());
    assert_eq!(world.members[alice].drops(Why::BadSignature), 1);
    assert_eq!(world.members[alice].value("tasks", "1"), None);
    // Bob himself goes over to new keys.
    let now = world.now(bob);
    world.members[bob].rotate_keys(now).unwrap();
    world.run_ms(1);
    let new = world.members[bob].keys();
    assert_ne!(new, old);
    assert_eq!(world.members[alice].keys_of(&id), Some(new));
    let rotated = |event: &Event| matches!(event, Event::KeyRotated { .. });
    assert_eq!(world.members[alice].saw(rotated), 1);
    world.write(bob, "tasks", "2", Some("by the new key"));
    world.run_ms(1);
    assert_eq!(world.members[alice].value("tasks", "2").as_deref(), Some("by the new key"));
    world.write(alice, "tasks", "3", Some("to the new key"));
    world.run_secs(5);
    assert_eq!(world.members[bob].value("tasks", "3").as_deref(), Some("to the new key"));
}

#[test]
fn a_rotation_that_was_missed_is_proven_later() {
    let mut world = World::new(24);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(5);
    world.disconnect(alice);
    let now = world.now(bob);
    world.members[bob].rotate_keys(now).unwrap();
    world.run_secs(5);
    world.connect(alice);
    world.run_secs(5);
    let (id, new) = (world.members[bob].id.clone(), world.members[bob].keys());
    assert_eq!(world.members[alice].keys_of(&id), Some(new));
    world.write(bob, "tasks", "1", Some("x"));
    world.run_secs(5);
    world.assert_same();
}

#[test]
fn an_owner_may_take_other_keys_by_hand() {
    let mut world = World::new(25);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.run_secs(5);
    // Bob loses his device.
    world.disconnect(bob);
    let opening = world.opening("bob");
    world.restart(bob, opening);
    world.connect(bob);
    world.run_secs(5);
    let (id, new) = (world.members[bob].id.clone(), world.members[bob].keys());
    assert_ne!(world.members[alice].keys_of(&id), Some(new));
    let now = world.now(alice);
    let mut other = new;
    other.sign[0] ^= 1;
    assert!(world.members[alice].approve_key(&id, &other, now).is_err());
    // It was told once: who has missed that can read it.
    let waiting = world.members[alice].key_conflicts();
    assert_eq!(waiting.len(), 1);
    let (peer, offered) = &waiting[0];
    assert_eq!((peer.canonical(), *offered), (id.canonical(), new));
    world.members[alice].approve_key(peer, offered, now).unwrap();
    assert_eq!(world.members[alice].key_conflicts(), []);
    world.write(alice, "tasks", "1", Some("x"));
    world.run_secs(10);
    assert_eq!(world.members[bob].value("tasks", "1").as_deref(), Some("x"));
}

#[test]
fn a_full_room_does_not_answer_itself_to_death() {
    let mut world = World::new(26);
    for n in 0..20 {
        world.enter(&format!("peer-{n}"));
        world.run_ms(500);
    }
    world.run_secs(5);
    let since = world.sent.len();
    world.enter("late");
    world.run_secs(3);
    let shakes = world.sent_since(since, Kind::Handshake);
    assert!(shakes.len() <= 2 + 20, "{} handshakes for one who joins 20", shakes.len());
    let late = world.members.last().unwrap();
    assert_eq!(world.members.iter().filter(|m| late.keys_of(&m.id).is_some()).count(), 20);
}

#[test]
fn keys_that_come_with_an_invitation_are_in_force_whatever_was_announced_before() {
    let mut world = World::new(86);
    let opening = world.opening("bob");
    let bob = world.add(opening);
    world.connect(bob);
    let mut impostor = Rogue::new("alice", 87);
    let announcement = impostor.announcement(&world);
    world.inject(bob, announcement);
    assert_eq!(world.members[bob].keys_of(&impostor.id), Some(impostor.keys.public()));
    let other = world.opening("bob");
    let other = Participant::open(other, world.now(bob)).unwrap();
    let store = std::mem::replace(&mut world.members[bob].participant, other).into_store();
    let keys = Rogue::new("alice", 88).keys.public();
    let mut opening = world.opening("bob");
    opening.store = store;
    opening.expected_host = Some(HostPin { peer: impostor.id.clone(), keys: Some(keys) });
    world.restart(bob, opening);
    assert_eq!(world.members[bob].keys_of(&impostor.id), Some(keys));
}
