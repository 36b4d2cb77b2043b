//! Deletions that everybody knows are forgotten, and no others (H20).

use std::time::Duration;

use syncline_protocol::dialects::peer::{
    participant::Participant,
    store::{Space, Store as _},
};

use super::world::World;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The rows that a participant keeps, the deleted ones too.
fn kept(world: &mut World, at: usize) -> usize {
    let name = world.members[at].id.to_string();
    let fresh = world.opening(&name);
    let now = world.now(at);
    let other = Participant::open(fresh, now);
    let old = std::mem::replace(&mut world.members[at].participant, other.unwrap());
    let store = old.into_store();
    let mut rows = 0;
    store.each(Space::Rows, &mut |_, _| rows += 1).unwrap();
    let mut opening = world.opening(&name);
    opening.store = store;
    world.restart(at, opening);
    rows
}

#[test]
fn h20_a_deletion_that_all_know_is_forgotten_after_30_days() {
    let mut world = World::new(95);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.write(alice, "tasks", "1", Some("x"));
    world.write(bob, "tasks", "2", Some("y"));
    world.run_secs(10);
    world.write(alice, "tasks", "1", None);
    world.run_secs(10);
    assert_eq!((kept(&mut world, alice), kept(&mut world, bob)), (2, 2));
    world.run(29 * DAY);
    world.connect(alice);
    world.connect(bob);
    world.run_secs(20);
    world.disconnect(alice);
    world.disconnect(bob);
    world.run(2 * DAY);
    assert_eq!((kept(&mut world, alice), kept(&mut world, bob)), (1, 1));
}

#[test]
fn h20_a_deletion_that_somebody_seen_of_late_does_not_know_is_kept() {
    let mut world = World::new(96);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.write(alice, "tasks", "1", Some("x"));
    world.run_secs(10);
    world.disconnect(bob);
    world.write(alice, "tasks", "1", None);
    world.run_secs(10);
    // Bob asks, and hears no answer: he was seen and does not know.
    world.run(29 * DAY);
    world.fate =
        Box::new(move |sent, to| (sent.from == bob && to == alice).then_some(Duration::ZERO));
    world.connect(bob);
    world.run_secs(20);
    world.disconnect(bob);
    world.disconnect(alice);
    world.run(2 * DAY);
    assert_eq!(kept(&mut world, alice), 1);
    // When he is back he hears of it, and nothing is there again.
    world.fate = Box::new(|_, _| Some(Duration::ZERO));
    world.connect(alice);
    world.connect(bob);
    world.run_secs(30);
    assert_eq!(world.members[bob].value("tasks", "1"), None);
    assert_eq!(world.members[alice].value("tasks", "1"), None);
}

#[test]
fn h20_a_deletion_leaves_the_digests_of_all_at_the_same_time() {
    let mut world = World::new(97);
    let (alice, bob) = (world.enter("alice"), world.enter("bob"));
    world.write(alice, "tasks", "1", Some("x"));
    world.write(alice, "tasks", "2", Some("y"));
    world.run_secs(10);
    world.write(alice, "tasks", "1", None);
    world.run_secs(10);
    world.disconnect(alice);
    world.disconnect(bob);
    // A while before the day on which its 30 days are over: worlds begin at eight in the morning.
    world.run(30 * DAY + Duration::from_secs(15 * 3600));
    world.restart_kept(alice);
    world.run(Duration::from_secs(30 * 60));
    world.restart_kept(bob);
    let before = world.members[alice].digest();
    world.connect(alice);
    world.connect(bob);
    world.run(Duration::from_secs(29 * 60));
    world.assert_same();
    assert_eq!(world.members[alice].digest(), before);
    world.run(Duration::from_secs(2 * 60));
    world.assert_same();
    assert_ne!(world.members[alice].digest(), before);
}
