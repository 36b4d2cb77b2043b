//! What a restart keeps: check 38, and that nothing is said before it is kept.

use syncline_protocol::dialects::peer::{
    packet::Kind,
    participant::{Edit, Opening, Output, Participant, Why},
    store::MemoryStore,
};

use super::{rogue::Rogue, world::World};

fn again(world: &mut World, name: &str, store: MemoryStore) -> Opening<MemoryStore> {
    let mut opening = world.opening(name);
    opening.store = store;
    opening
}

#[test]
fn check_38_keys_pins_rows_frontier_and_epochs_survive() {
    let mut world = World::new(90);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.write(alice, "tasks", "1", Some("x"));
    world.run_secs(10);
    world.write(bob, "tasks", "2", Some("y"));
    world.run_secs(10);
    let before = &world.members[bob];
    let (keys, digest) = (before.keys(), before.digest());
    let (frontier, epoch) = (before.frontier().clone(), before.epoch());
    let alices = world.members[alice].keys();
    world.restart_kept(bob);
    let after = &world.members[bob];
    assert_eq!((after.keys(), after.digest(), after.epoch()), (keys, digest, epoch));
    assert_eq!(after.frontier(), &frontier);
    assert_eq!(after.keys_of(&world.members[alice].id), Some(alices));
    // Another key is still another key.
    let mut impostor = Rogue::new("alice", 91);
    let announcement = impostor.announcement(&world);
    world.inject(bob, announcement);
    assert_eq!(world.members[bob].drops(Why::KeyConflict), 1);
    let since = world.sent.len();
    world.connect(bob);
    world.run_secs(5);
    let again = world.sent_since(since, Kind::DataChunk);
    assert!(again.iter().all(|sent| sent.frame.len() < 600), "nothing is sent again");
    world.write(bob, "tasks", "3", Some("z"));
    world.run_ms(10);
    assert_eq!(world.members[alice].value("tasks", "3").as_deref(), Some("z"));
    assert_eq!(world.members[alice].drops(Why::BadSignature), 0);
}

#[test]
fn a_host_makes_no_second_key_after_a_restart() {
    let mut world = World::new(92);
    let alice = world.enter("alice");
    assert_eq!(world.members[alice].epoch(), Some(1));
    world.restart_kept(alice);
    world.connect(alice);
    world.run_secs(1);
    assert_eq!(world.members[alice].epoch(), Some(1));
}

#[test]
fn the_version_spoken_survives() {
    let mut world = World::new(93);
    let alice = world.enter("alice");
    let mut bob = Rogue::new("bob", 94);
    let announcement = bob.announcement(&world);
    world.inject(alice, announcement);
    world.restart_kept(alice);
    let mut packet = bob.packet(Kind::SyncReq, &world);
    packet.version = 1;
    let frame = bob.sign(packet);
    world.inject(alice, frame);
    assert_eq!(world.members[alice].drops(Why::VersionFloor), 1);
}

#[test]
fn what_was_not_released_may_be_lost_and_what_was_is_kept() {
    let mut world = World::new(95);
    let opening = world.opening("alice");
    let now = world.now(0);
    let mut alice = Participant::open(opening, now).unwrap();
    let edit = |id: &str| Edit { table: "tasks".into(), id: id.into(), value: Some("x".into()) };
    alice.write(vec![edit("kept")], now).unwrap();
    let released = alice.outputs().unwrap();
    assert!(!released.iter().any(|output| matches!(output, Output::Send(_))));
    alice.write(vec![edit("lost")], now).unwrap();
    assert_eq!(alice.get("tasks", "lost").unwrap().as_deref(), Some("x"), "read at once");
    let mut store = alice.into_store();
    store.cut_power();
    let opening = again(&mut world, "alice", store);
    let alice = Participant::open(opening, now).unwrap();
    assert_eq!(alice.get("tasks", "kept").unwrap().as_deref(), Some("x"));
    assert_eq!(alice.get("tasks", "lost").unwrap(), None);
}
