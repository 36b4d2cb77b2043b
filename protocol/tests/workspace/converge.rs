//! Whatever happens on the way, in the end every client has what the room has.
//!
//! `SYNCLINE_TEST_SEEDS=20000` tries so many worlds.

use proptest::prelude::*;
use syncline_protocol::dialects::workspace::{Heal, Settings};

use crate::world::{Step, World};

const KEYS: u8 = 3;

fn settings(heal: Heal) -> Settings {
    Settings { heal, ..Settings::default() }
}

/// So many worlds, or as many as are asked for.
fn worlds(cases: u32) -> ProptestConfig {
    let asked = std::env::var("SYNCLINE_TEST_SEEDS").ok().and_then(|n| n.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(cases))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => (any::<u8>(), 0..KEYS).prop_map(|(client, key)| Step::Set { client, key }),
        3 => (0..20_u16).prop_map(Step::Wait),
        1 => (0..400_u16).prop_map(Step::Wait),
        3 => any::<u8>().prop_map(Step::Dial),
        1 => any::<u8>().prop_map(Step::Lose),
        1 => Just(Step::Notice),
        12 => any::<u8>().prop_map(Step::Up),
        12 => Just(Step::Apply),
        5 => Just(Step::Commit),
        5 => Just(Step::Release),
        14 => any::<u8>().prop_map(Step::Hear),
        14 => any::<u8>().prop_map(Step::Write),
        14 => any::<u8>().prop_map(Step::Down),
    ];
    // Deaths are rare: a world must live long enough for something to be on its way.
    let step = prop_oneof![300 => step, 1 => Just(Step::Die)];
    prop::collection::vec(step, 0..400)
}

/// Hasty clients with any clock, and patient ones whose clock is not ahead.
fn clients() -> impl Strategy<Value = Vec<(bool, i32)>> {
    let client = prop_oneof![
        Just((true, 0)),
        (-30..30).prop_map(|ahead| (true, ahead)),
        (-3_600_000..3_600_000).prop_map(|ahead| (true, ahead)),
        Just((false, 0)),
        (-30..=0).prop_map(|ahead| (false, ahead)),
    ];
    prop::collection::vec(client, 1..4)
}

/// Whether all agree after these steps.
fn agrees(heal: Heal, clients: &[(bool, i32)], steps: &[Step]) -> Result<(), String> {
    let mut world = World::new(settings(heal), clients);
    for &step in steps {
        world.step(step);
    }
    world.settle();
    let (copies, room) = world.states();
    match copies.iter().position(|copy| *copy != room) {
        None => Ok(()),
        Some(client) => Err(format!("client {client}: {:?}, the room: {room:?}", copies[client])),
    }
}

#[test]
fn every_client_ends_with_what_the_room_has() {
    proptest!(worlds(150), |(clients in clients(), steps in steps())| {
        if let Err(difference) = agrees(Heal::WhenNeeded, &clients, &steps) {
            prop_assert!(false, "{}", difference);
        }
    });
}

#[test]
fn so_does_every_client_that_always_gets_its_own_back() {
    let clients = prop::collection::vec((any::<bool>(), -1000..1000), 1..4);
    proptest!(worlds(100), |(clients in clients, steps in steps())| {
        if let Err(difference) = agrees(Heal::Always, &clients, &steps) {
            prop_assert!(false, "{}", difference);
        }
    });
}

/// Else the two above would show nothing.
#[test]
fn without_healing_clients_end_apart() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let found = runner.run(&steps(), |steps| {
        let agreed = agrees(Heal::Never, &[(true, 0), (true, 0)], &steps);
        agreed.map_err(TestCaseError::fail)
    });
    assert!(found.is_err());
}

#[test]
fn who_has_all_there_is_gets_nothing_back() {
    for hasty in [false, true] {
        let mut world = World::new(settings(Heal::WhenNeeded), &[(hasty, 0); 3]);
        world.settle();
        for round in 0..60_u8 {
            world.step(Step::Wait(7));
            world.step(Step::Set { client: round, key: round / 7 % KEYS });
            // A second one of the same client, with nothing else on its way.
            world.step(Step::Set { client: round, key: round / 7 % KEYS });
            world.settle();
        }
        assert_eq!(world.given_back, 0);
        let (copies, room) = world.states();
        assert!(copies.iter().all(|copy| *copy == room) && room.len() == usize::from(KEYS));
    }
}

#[test]
fn what_was_set_while_away_is_kept_by_its_maker_and_reaches_the_others() {
    let mut world = World::new(settings(Heal::WhenNeeded), &[(false, 0), (false, -2000)]);
    for client in [0, 1] {
        world.step(Step::Set { client, key: client });
    }
    world.step(Step::Wait(20));
    world.settle();
    let (copies, room) = world.states();
    assert_eq!(room.len(), 2);
    assert!(copies.iter().all(|copy| *copy == room));
    assert_eq!(world.given_back, 2);
}

/// The first loses against a later stamp and is corrected; the second is taken while the correction is
/// on its way.
#[test]
fn what_is_set_before_a_correction_arrives_stays() {
    let mut world = World::new(settings(Heal::WhenNeeded), &[(true, 0), (true, -100)]);
    world.settle();
    world.step(Step::Set { client: 0, key: 0 });
    world.settle();
    world.step(Step::Set { client: 1, key: 0 });
    for step in [Step::Up(1), Step::Apply, Step::Commit, Step::Release, Step::Hear(1)] {
        world.step(step);
    }
    world.step(Step::Wait(200));
    world.step(Step::Set { client: 1, key: 0 });
    world.settle();
    let (copies, room) = world.states();
    assert_eq!(room["k0"], "\"1 2\"");
    assert!(copies.iter().all(|copy| *copy == room), "{copies:?}");
}

/// Two clients set the same key at the same time, again and again, over links of all delays.
#[test]
fn two_that_cross_on_the_wire_end_alike() {
    for delay in 0..12 {
        let mut world = World::new(settings(Heal::WhenNeeded), &[(true, 0), (true, 0)]);
        world.settle();
        for round in 0..40_u8 {
            world.step(Step::Set { client: round, key: 0 });
            for _ in 0..delay {
                for step in [Step::Up(round), Step::Apply, Step::Commit, Step::Release] {
                    world.step(step);
                }
                for step in [Step::Hear(round / 2), Step::Write(round / 3), Step::Down(round)] {
                    world.step(step);
                }
            }
        }
        world.settle();
        let (copies, room) = world.states();
        assert!(copies.iter().all(|copy| *copy == room), "{delay}: {copies:?} {room:?}");
    }
}
