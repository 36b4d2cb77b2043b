//! What a room knows after it was made anew, also when the store had refused what it wrote.

use syncline_protocol::{
    dialect::Collections as _,
    dialects::peer::relay::{Answer, Command, Retention, Settings},
};

use super::double::{DATA_CHUNK, World, broadcast};

fn settings() -> Settings {
    let retention = Retention { age_max_ms: 10_000, bytes_max: 10_000, packets_max: 0 };
    Settings { retention, ..Settings::default() }
}

fn put(world: &mut World, count: usize) {
    let alice = world.join_quietly("alice");
    for _ in 0..count {
        world.send(alice, &broadcast(DATA_CHUNK, "alice", &[0; 80]));
    }
}

#[test]
fn the_age_of_packets_is_known_after_a_restart() {
    let mut world = World::new(settings());
    put(&mut world, 3);
    world.after_ms(6000);
    put(&mut world, 2);
    world.restart(settings());
    world.after_ms(5000);
    assert_eq!(world.call(Command::Sweep), Answer::Swept { dropped: 3, kept: 2 });
}

#[test]
fn the_bytes_of_packets_are_known_after_a_restart() {
    let mut world = World::new(settings());
    put(&mut world, 60);
    let before = world.memory.log.len();
    world.restart(settings());
    put(&mut world, 40);
    assert!(world.log_bytes() <= 10_000);
    assert!(world.memory.log.len() >= before.max(80), "{}", world.memory.log.len());
}

#[test]
fn a_log_without_marks_is_kept_and_ages_from_now_on() {
    let mut world = World::new(settings());
    put(&mut world, 5);
    world.memory.maps.clear();
    world.restart(settings());
    world.after_ms(9000);
    put(&mut world, 1);
    assert_eq!(world.memory.log.len(), 6);
    world.restart(settings());
    world.after_ms(10_100);
    assert_eq!(world.call(Command::Sweep), Answer::Swept { dropped: 6, kept: 0 });
}

#[test]
fn damaged_marks_are_no_marks() {
    let mut world = World::new(settings());
    put(&mut world, 5);
    for value in world.memory.maps.get_mut(&1).unwrap().values_mut() {
        value.truncate(9);
    }
    world.memory.maps.get_mut(&1).unwrap().insert(b"x".to_vec(), vec![1; 17]);
    world.restart(settings());
    put(&mut world, 200);
    assert!(world.log_bytes() <= 10_000);
    assert!(world.memory.log.len() > 50);
}

#[test]
fn a_store_that_refuses_at_the_bound_takes_no_more_away_than_the_bound_does() {
    let mut world = World::new(settings());
    put(&mut world, 200);
    let (full, kept) = (world.memory.clone(), world.memory.log.len());
    let alice = world.join_quietly("alice");
    for _ in 0..500 {
        world.send(alice, &broadcast(DATA_CHUNK, "alice", &[0; 80]));
        world.memory = full.clone();
    }
    world.send(alice, &broadcast(DATA_CHUNK, "alice", &[0; 80]));
    assert_eq!((world.memory.log.len(), world.memory.last_seq()), (kept, 201));
    assert_eq!(world.memory.maps[&1].len(), kept);
}

/// A disk that is full for long: everything is passed on, and when it has room again what was kept before
/// is there, and the bounds hold.
#[test]
fn a_store_that_refuses_takes_nothing_away() {
    let mut world = World::new(settings());
    put(&mut world, 20);
    let (full, alice) = (world.memory.clone(), world.join("alice"));
    let bob = world.join_quietly("bob");
    for _ in 0..500 {
        world.send(alice, &broadcast(DATA_CHUNK, "alice", &[0; 80]));
        world.memory = full.clone();
    }
    assert_eq!(world.got(bob).len(), 500);
    world.send(alice, &broadcast(DATA_CHUNK, "alice", &[0; 80]));
    assert_eq!(world.memory.log.len(), 21);
    put(&mut world, 300);
    assert!(world.log_bytes() <= 10_000 && world.log_bytes() > 9_000);
}
